#include "tests/unit/hub_core/history.h"

#include <algorithm>
#include <utility>

namespace bus::test {

namespace {

constexpr size_t kStepsLogged = 12;
constexpr size_t kBytesLogged = 300;

}  // namespace

// Small limits, so that all of them are met often. Each sixth seed has the same theme.
hub::HubConfig History::config(uint64_t seed, Dice& dice, RandomFrames::Habits& habits, size_t& seats) {
  hub::HubConfig config = rig_config();
  seats = 9 + dice.below(6);
  config.queue.frames = dice.pick<size_t>({1, 2, 5, 5, 50, 1024});
  config.queue.bytes = dice.pick<size_t>({150, 700, 700, 5000, 8 * 1024 * 1024});
  size_t frame_bytes = dice.pick<size_t>({1, 100, 1000});
  if (dice.one_in(2)) config.sharing = {2, 1, frame_bytes};
  config.cleanup_timeout = dice.pick<Duration>({seconds(2), seconds(60)});
  config.dedup_window = dice.pick<Duration>({Duration::zero(), seconds(3), seconds(300)});
  config.idle_exit = dice.pick<Duration>({Duration::max(), milliseconds(700)});
  config.max_connections = dice.one_in(2) ? seats - 1 : 4096;
  config.allow_uids = {2000};
  config.allow_gids = {3000};
  config.hash_key[0] = dice.below(1000);
  switch (seed % 6) {
    case 2:  // more who wait for one lock than may
      seats = 100;
      config.max_connections = 4096;
      habits.one_scope = true;
      break;
    case 1:  // more ids than are remembered
      habits.ids = 0;
      config.dedup_window = seconds(300);
      break;
    case 3:  // more names of sources than are remembered
      habits.names = 400;
      break;
    case 4:
      habits.most_padding = 3000;
      break;
    default:
      break;
  }
  return config;
}

History::History(uint64_t seed)
    : dice_(seed),
      twin_(config(seed, dice_, habits_, seat_count_)),
      frames_(dice_, habits_),
      seats_(seat_count_) {}

std::string History::run(size_t steps) {
  for (size_t i = 1; i <= steps; ++i) {
    step();
    if (!agrees(i)) return difference_;
  }
  stop();
  return difference_;
}

void History::add_to(Met& met) const {
  StatusResponse status = twin_.rig.status();
  met.dropped += status.events.dropped;
  met.duplicates += status.events.duplicates;
  met.unmatched += status.events.unmatched;
  met.refused += status.events.refused;
  met.connections.denied += status.connections.denied;
  met.connections.too_many += status.connections.too_many;
  met.connections.timed_out += status.connections.timed_out;
  met.connections.cleanup_timeouts += status.connections.cleanup_timeouts;
  met.connections.unread += status.connections.unread;
  met.connections.uncleaned += status.connections.uncleaned;
  met.cleanup_calls += twin_.model.cleanup_calls();
  met.crowded_out += twin_.model.crowded_out();
  met.shares += twin_.rig.shares;
  met.interest += twin_.interest_lines;
}

void History::step() {
  if (dice_.one_in(6)) return pass_time();
  if (habits_.one_scope && dice_.one_in(400)) return leave_one_alone();
  Seat& seat = seats_[dice_.below(seats_.size())];
  if (seat.id == 0 || !twin_.is_open(seat.id)) return connect(seat);
  if (!seat.greeted) return greet(seat);
  act(seat);
}

void History::connect(Seat& seat) {
  seat = Seat{};
  seat.uid = dice_.pick<uint32_t>({kOurUid, kOurUid, kOurUid, kOurUid, 0, 2000, 3000, 4000});
  auto others = std::count_if(seats_.begin(), seats_.end(), [&](const Seat& other) {
    return other.id != 0 && other.uid == seat.uid && twin_.is_open(other.id);
  });
  // Other users are few, so that no limit for one of them is met here.
  if (seat.uid != kOurUid && others > 1) seat.uid = kOurUid;
  int64_t pid = dice_.pick<int64_t>({100, 4242});
  seat.id = twin_.connect(seat.uid, pid);
  log("connects", seat);
  if (!dice_.one_in(10) && twin_.is_open(seat.id)) greet(seat);
}

void History::greet(Seat& seat) {
  seat.greeted = true;
  size_t what = dice_.below(habits_.one_scope && !dice_.one_in(20) ? 10 : 20);
  std::string first;
  if (what < 11) {
    first = frames_.consumer_hello();
  } else if (what < 14) {
    first = dice_.one_in(3) ? frames_.client_hello() : frames_.source_hello();
  } else if (what < 16) {
    first = frames_.event();
  } else if (what == 16) {
    first = frames_.source_status();
  } else if (what == 17) {
    first = dice_.one_in(30) ? "{\"type\":\"shutdown\"}\n" : "{\"type\":\"status_query\"}\n";
  } else if (what == 18) {
    first = frames_.bad();
  } else {
    return log("says nothing yet", seat);
  }
  seat.announces = first.find("publishes") != std::string::npos;
  // Sometimes more comes in the same read.
  if (dice_.one_in(4)) first += frames_.check();
  if (dice_.one_in(4)) first += frames_.event();
  if (dice_.one_in(20)) first += "{\"type\":\"bye\"}\n";
  if (dice_.one_in(20)) stall(seat);
  send(seat, std::move(first));
}

void History::act(Seat& seat) {
  switch (dice_.below(24)) {
    case 0:
      return send(seat, dice_.one_in(2) ? "{\"type\":\"bye\"}\n" : "{\"type\":\"bye\"}\n" + frames_.event());
    case 1:
      log("dies", seat);
      return twin_.hang_up(seat.id);
    case 2:
      if (!dice_.one_in(3)) return publish(seat);
      log("shuts down writing", seat);
      return twin_.shut_down_writing(seat.id);
    case 3:
    case 4:
    case 5:
      return send(seat, frames_.check());
    case 6:
    case 7:
    case 8:
      return stall(seat);
    case 9:
    case 10:
    case 11:
      log("reads on", seat);
      return twin_.set_room(seat.id, kEndless);
    case 12:
      return send(seat, frames_.bad());
    case 13:
      return send(seat, frames_.source_status());
    case 14: {
      if (!dice_.one_in(40)) return send(seat, dice_.pick<const char*>({"\n", " \t\r\n", "\r\n\n"}));
      std::string flood;
      for (size_t i = 1 + dice_.below(2000); i > 0; --i) flood += "{\n";
      return send(seat, std::move(flood));
    }
    case 15:
      if (!dice_.one_in(60)) return publish(seat);
      return send(seat, dice_.one_in(4) ? std::string(1'048'576, 'x') : frames_.huge_event());
    default:
      publish(seat);
  }
}

// All but one leave, and the one asks whether it is the last: so whoever comes now has to wait.
void History::leave_one_alone() {
  log("all consumers but one leave", {});
  Seat* last = nullptr;
  for (Seat& seat : seats_) {
    if (seat.id == 0 || !twin_.is_open(seat.id) || !twin_.model.is_consumer(seat.id)) continue;
    if (last != nullptr) twin_.hang_up(last->id);
    last = &seat;
  }
  if (last != nullptr) send(*last, frames_.check());
}

void History::publish(Seat& seat) {
  if (habits_.one_scope && !dice_.one_in(4)) return;  // there are many, and each gets a copy
  std::string bytes;
  size_t count = dice_.one_in(10) ? 40 : 1 + dice_.below(8);
  for (; count > 0; --count) {
    bytes += frames_.event();
    if (dice_.one_in(30)) bytes += frames_.check();
    if (dice_.one_in(60)) bytes += frames_.source_status();
  }
  send(seat, std::move(bytes));
}

void History::stall(Seat& seat) {
  if (seat.announces) return;
  size_t room = dice_.one_in(3) ? 0 : dice_.below(600);
  log("takes " + std::to_string(room) + " more bytes", seat);
  twin_.set_room(seat.id, room);
}

// In up to three reads, and sometimes the end stays away until it sends again.
void History::send(Seat& seat, std::string bytes) {
  bytes.insert(0, std::exchange(seat.unsent, {}));
  if (bytes.find("status_query") != std::string::npos) {
    // In one read, so that what the model is told of the core's status is of the same moment.
    log("sends", seat, bytes);
    return twin_.send(seat.id, bytes);
  }
  if (dice_.one_in(12)) {
    size_t cut = dice_.below(bytes.size());
    seat.unsent = bytes.substr(cut);
    bytes.erase(cut);
  }
  log("sends", seat, bytes);
  for (size_t pieces = 1 + (dice_.one_in(3) ? dice_.below(3) : 0); pieces > 1 && bytes.size() > 1; --pieces) {
    size_t cut = 1 + dice_.below(bytes.size() - 1);
    twin_.send(seat.id, std::string_view(bytes).substr(0, cut));
    bytes.erase(0, cut);
  }
  if (!bytes.empty()) twin_.send(seat.id, bytes);
}

void History::pass_time() {
  Duration d = milliseconds(dice_.below(400));
  TimePoint next = twin_.model.next_deadline();
  if (next != kNever && dice_.one_in(4)) {
    d = std::max(Duration::zero(), next - twin_.rig.clock);
    if (dice_.one_in(2) && d > Duration::zero()) d -= Duration(1);
  } else if (dice_.one_in(30)) {
    d = seconds(dice_.below(8));
  }
  std::string text = std::to_string(d.count());
  if (dice_.one_in(4)) {
    log(text + " ns pass unseen", {});
    twin_.oversleep(d);
  } else {
    log(text + " ns pass", {});
    twin_.advance(d);
  }
}

// Everybody leaves: named sources first, so that in which order the hub closes the others is not seen.
void History::stop() {
  for (Seat& seat : seats_) {
    if (seat.id == 0 || !twin_.is_open(seat.id)) continue;
    bool consumes = twin_.model.is_consumer(seat.id);
    if (!consumes) twin_.hang_up(seat.id);
  }
  log("the hub stops", {});
  twin_.begin_stop(seconds(1));
  if (!agrees(SIZE_MAX)) return;
  twin_.advance(milliseconds(1));
  if (!agrees(SIZE_MAX)) return;
  twin_.advance(seconds(1));
  if (agrees(SIZE_MAX) && twin_.rig.core.peer_count() > 0) difference_ = "somebody survived the hub's end";
}

void History::log(const std::string& what, const Seat& seat, const std::string& bytes) {
  std::string line = seat.id == 0 ? what : "peer " + std::to_string(seat.id) + " " + what;
  if (!bytes.empty()) {
    line += " " + std::to_string(bytes.size()) + " bytes: ";
    line += bytes.substr(0, kBytesLogged);
  }
  log_.push_back(std::move(line));
  if (log_.size() > kStepsLogged) log_.pop_front();
}

bool History::agrees(size_t step) {
  // With many connections the snapshot is what takes the time.
  bool all = seats_.size() < 20 || step % 16 == 0 || step == SIZE_MAX;
  std::string found = twin_.difference(all);
  if (found.empty()) return true;
  difference_ = step == SIZE_MAX ? "at the end: " : "at step " + std::to_string(step) + ": ";
  difference_ += found;
  difference_ += "\nbefore that:";
  for (const std::string& line : log_) difference_ += "\n  " + line;
  return false;
}

}  // namespace bus::test
