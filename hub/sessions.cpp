#include "hub/sessions.h"

#include <unistd.h>
#include <utility>

#include "hub/core/base/slots.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::hub {

Sessions::Sessions(Loop& loop, HubConfig config, TimePoint start)
    : loop_(loop),
      read_buffer_(kReadBytes, '\0'),
      core_(std::move(config), *this, start),
      farewells_(loop, read_buffer_),
      end_of_look_(loop, [this] { end_turn(); }) {}

Sessions::~Sessions() { close_all(); }

Session* Sessions::find(PeerId peer) {
  size_t place = place_of(peer);
  if (place >= open_.size() || !open_[place] || open_[place]->id() != peer) return nullptr;
  return open_[place].get();
}

size_t Sessions::write(PeerId peer, std::string_view bytes) noexcept {
  Session* session = find(peer);
  return session == nullptr ? 0 : session->write(bytes);
}

size_t Sessions::send_shared(PeerId peer, const std::vector<std::string_view>& pieces) noexcept {
  Session* session = find(peer);
  return session == nullptr ? 0 : session->send_shared(pages_, pieces);
}

namespace {

// proc(5), statm: the second number is the resident set, in pages. 0 where there is no /proc.
uint64_t resident_bytes() {
  auto text = read_file("/proc/self/statm", 256);
  if (!text) return 0;
  size_t begin = text->find(' ') + 1;
  auto pages = parse_u64(std::string_view(*text).substr(begin, text->find(' ', begin) - begin));
  return pages.value_or(0) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

uint64_t in_us(Duration d) {
  return static_cast<uint64_t>(std::chrono::ceil<std::chrono::microseconds>(d).count());
}

}  // namespace

// The aim is a turn below 10 ms: the rest is for the write that is under way, and for what is to be done for
// those that come later.
bool Sessions::turn_is_over() noexcept {
  constexpr Duration kMaxTurnTime = milliseconds(3);
  return loop_.times().has_taken(kMaxTurnTime);
}

ProcessStats Sessions::process_stats() noexcept {
  ProcessStats out;
  out.resident_bytes = resident_bytes();
  const TurnTimes& times = loop_.times();
  out.callbacks.count = times.count();
  out.callbacks.longest_us = in_us(times.longest());
  out.callbacks.longest_elapsed_us = in_us(times.longest_elapsed());
  for (size_t i = 0; i < times.counts().size(); ++i) {
    uint64_t bound = i < TurnTimes::kBoundsUs.size() ? TurnTimes::kBoundsUs[i] : 0;
    out.callbacks.durations.buckets.push_back({bound, times.counts()[i]});
  }
  out.callbacks.durations.total_us = in_us(times.total());
  return out;
}

void Sessions::add(Fd fd, const Credentials& credentials, Supply supply) {
  auto session = std::make_unique<Session>(loop_, std::move(fd), *this);
  PeerId id = core_.open(credentials, now(), supply);
  session->set_id(id);
  if (open_.size() <= place_of(id)) open_.resize(place_of(id) + 1);
  open_[place_of(id)] = std::move(session);
  ++open_count_;
  core_.flush(id, now());
  process_dirty();
}

// Sockets that are ready are read before anything is answered: their answers leave together, and what they put is one batch.
void Sessions::end_turn_in_time() {
  if (core_.turn_is_open() && loop_.has_ready()) {
    end_of_look_.ask();
  } else {
    end_turn();
  }
}

void Sessions::end_turn() {
  if (core_.turn_is_open()) core_.end_turn(now());
  process_dirty();
}

void Sessions::process_dirty() {
  // A peer that goes may touch others (a lock is released, a source is gone): the outermost call takes them
  // in turn.
  if (processing_) return;
  processing_ = true;
  for (;;) {
    const std::vector<PeerId>& dirty = core_.take_dirty();
    if (dirty.empty()) break;
    for (PeerId id : dirty) {
      if (Session* session = find(id)) update(*session);
    }
  }
  processing_ = false;
  pages_.release();
}

void Sessions::update(Session& session) {
  Wants wants = core_.wants(session.id());
  bool over = wants.close == CloseState::close_now ||
              (wants.close == CloseState::close_when_flushed && !wants.has_output);
  if (over || !session.apply(wants)) remove(session);
}

void Sessions::remove(Session& session) {
  PeerId id = session.id();
  if (find(id) != &session) return;
  if (session.owes_farewell()) {
    farewells_.add(session.release());
  } else {
    session.close();
  }
  closed_.push_back(std::move(open_[place_of(id)]));
  --open_count_;
  core_.gone(id, now());
  process_dirty();
}

void Sessions::expire() {
  TimePoint at = now();
  std::vector<PeerId> caught_up;
  for (PeerId id : core_.due(at)) {
    Session* session = find(id);
    if (session == nullptr || session->catch_up()) caught_up.push_back(id);
  }
  core_.tick(at, caught_up);
  process_dirty();
}

void Sessions::values_committed(uint64_t batch) {
  core_.values_committed(batch, now());
  end_turn_in_time();
}

void Sessions::values_failed(const Error& reason) {
  core_.values_failed(reason, now());
  process_dirty();
}

void Sessions::begin_stop(TimePoint deadline, std::string_view farewell) {
  end_turn();
  core_.begin_stop(deadline, farewell);
  process_dirty();
}

void Sessions::close_all() {
  for (size_t place = 0; place < open_.size(); ++place) {
    if (open_[place]) remove(*open_[place]);
  }
}

bool Sessions::destroy_closed() {
  bool freed = farewells_.destroy_closed() || !closed_.empty();
  closed_.clear();
  return freed;
}

}  // namespace bus::hub
