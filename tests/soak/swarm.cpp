#include "tests/soak/swarm.h"

#include <algorithm>
#include <array>
#include <sys/epoll.h>

#include "protocol/base/clock.h"

namespace bus::soak {

namespace {

// For what a healthy hub does in milliseconds, on a machine that may be busy with other things.
constexpr Duration kPatience = seconds(30);

constexpr size_t kKeys = 10;
constexpr std::array<const char*, 6> kTypes = {"a.x", "a.y", "b.x", "b.y.z", "c", "nobody"};
constexpr std::array<const char*, 8> kWishes = {
    "\"a.*\"", "\"b.*\"", "\"c\"", "\"a.x\",\"b.x\"", "\"a.*\",\"a.x\",\"c\"", "\"b.y.*\"", "\"c\"", ""};

// Few enough ids that the hub's memory for repetitions is in balance before the warm-up is over.
constexpr uint64_t kOneIdIn = 50;

}  // namespace

Swarm::Swarm(const Hub& hub, size_t clients, uint64_t seed, Ledger& ledger)
    : hub_(hub), ledger_(ledger), random_(seed), epoll_(::epoll_create1(EPOLL_CLOEXEC)), slots_(clients) {}

// ---- what a client may do

void Swarm::turn() {
  size_t place = pick(0, slots_.size() - 1);
  act(slots_[place], place);
  pump(0);
}

void Swarm::act(Slot& slot, size_t place) {
  if (!slot) return join(slot, place);
  Client& client = *slot;
  switch (client.phase()) {
    case Client::Phase::up:
      act_up(client);
      break;
    case Client::Phase::greeting:
      // Perhaps the scope is being cleaned up; some do not wait for that.
      if (pick(1, 100) <= 5) client.die();
      break;
    case Client::Phase::half_closed:
      client.stall(client.kind() == Client::Kind::consumer && pick(1, 100) <= 30);
      if (pick(1, 100) <= 10) client.die();
      break;
    case Client::Phase::leaving:
    case Client::Phase::over:
      break;
  }
  destroy_closed();
}

void Swarm::act_up(Client& client) {
  bool consumer = client.kind() == Client::Kind::consumer;
  uint64_t what = pick(1, 1000);
  if (what <= 600) return publish(client, false);
  if (what <= 620) return publish(client, true);
  if (what <= 750) return client.stall(consumer && client.may_stall() && pick(1, 100) <= 40);
  if (what <= 775) return client.die();
  if (what <= 785 && !client.has_unsent()) return client.half_close();
  if (what <= 815) return client.say_bye();
  // A reply has to be read within 5 s (PROTOCOL.md 1): who does not read does not ask.
  if (client.stalled()) return;
  if (what <= 825) return client.send_garbage();
  if (what <= 845 && consumer) return client.ask_for_last();
  if (what <= 870) return client.ask_for_nothing();
}

void Swarm::join(Slot& slot, size_t place) {
  auto connected = hub_.connect();
  if (!connected) return ledger_.violate(connected.error().what);
  uint64_t kind = pick(1, 100);
  auto id = ++last_id_;
  Client::Kind role = kind <= 70   ? Client::Kind::consumer
                      : kind <= 90 ? Client::Kind::source
                                   : Client::Kind::anonymous;
  slot = std::make_unique<Client>(std::move(*connected), id, role, ledger_);
  by_fd_[slot->fd()] = slot.get();
  watch(*slot, true);
  if (role == Client::Kind::anonymous) return publish(*slot, false);
  bool subscribes = role == Client::Kind::consumer;
  slot->say_hello(subscribes ? "key" + std::to_string(pick(1, kKeys)) : "",
                  subscribes ? kWishes[pick(0, kWishes.size() - 1)] : "", "source" + std::to_string(place));
}

void Swarm::publish(Client& client, bool large) {
  // One whose socket is full waits until it is not.
  if (client.has_unsent()) return;
  const char* type = kTypes[pick(0, kTypes.size() - 1)];
  if (large) return client.publish(type, pick(20'000, pick(1, 10) == 1 ? 900'000 : 100'000), false);
  for (uint64_t left = pick(1, 20); left > 0; --left)
    client.publish(type, pick(0, 300), pick(1, kOneIdIn) == 1);
}

// ---- input and output

void Swarm::watch(const Client& client, bool add) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.fd = client.fd();
  if (::epoll_ctl(epoll_.get(), add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, client.fd(), &event) != 0)
    ledger_.violate("epoll_ctl failed");
}

bool Swarm::pump(int wait_ms) {
  std::array<epoll_event, 256> events;
  int ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_ms);
  for (int i = 0; i < ready; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    auto found = by_fd_.find(event.data.fd);
    if (found == by_fd_.end()) continue;
    Client& client = *found->second;
    if ((event.events & EPOLLOUT) != 0 && client.has_unsent()) client.write();
  }
  // Edges come once, and a turn reads only so much of each: so all who may read are asked. A read that has
  // nothing costs little beside what the others bring.
  bool any = ready > 0;
  for (Slot& slot : slots_) {
    if (!slot || slot->stalled() || slot->phase() == Client::Phase::over) continue;
    uint64_t before = slot->events_read();
    slot->read();
    any = any || slot->events_read() != before;
  }
  destroy_closed();
  return any;
}

void Swarm::destroy_closed() {
  for (Slot& slot : slots_) {
    if (!slot || slot->phase() != Client::Phase::over) continue;
    std::erase_if(by_fd_, [&](const auto& entry) { return entry.second == slot.get(); });
    slot.reset();
  }
}

// ---- the checkpoint

bool Swarm::settled() const {
  return std::all_of(slots_.begin(), slots_.end(), [](const Slot& slot) {
    if (!slot) return true;
    if (slot->has_unsent() || slot->unanswered() > 0) return false;
    return slot->phase() == Client::Phase::up ||
           (slot->phase() == Client::Phase::half_closed && slot->kind() == Client::Kind::consumer);
  });
}

void Swarm::settle_all() {
  for (Slot& slot : slots_) {
    if (!slot) continue;
    slot->stall(false);
    if (slot->phase() == Client::Phase::up) slot->ask_for_nothing();
  }
  for (TimePoint deadline = now() + kPatience; !settled();) {
    pump(10);
    if (now() < deadline) continue;
    ledger_.violate("not everybody is answered after " + std::to_string(to_ms(kPatience)) + " ms");
    return;
  }
}

void Swarm::checkpoint() {
  settle_all();
  std::string difference = "never asked";
  for (TimePoint deadline = now() + kPatience; !difference.empty() && now() < deadline;) {
    while (pump(0)) {
    }
    auto status = hub_.status();
    difference = status ? this->difference(*status) : status.error().what;
    if (difference.empty()) difference = descriptor_difference();
  }
  if (!difference.empty()) ledger_.violate("at a checkpoint: " + difference);
}

// What the hub has open beside its connections is the same at each checkpoint. At the first one it has shared
// pages long since, so that its pipes for them are open.
std::string Swarm::descriptor_difference() {
  // The query's own connection, which the hub may still be closing.
  constexpr size_t kPassing = 1;
  size_t own = hub_.descriptors() - by_fd_.size();
  if (own_descriptors_ == 0) own_descriptors_ = own;
  if (own <= own_descriptors_ + kPassing) return {};
  return "the hub has " + std::to_string(own) + " descriptors beside its connections, and had " +
         std::to_string(own_descriptors_);
}

std::string Swarm::difference(const StatusResponse& theirs) const {
  if (theirs.active_conns != by_fd_.size()) {
    return "the hub has " + std::to_string(theirs.active_conns) + " connections, we " +
           std::to_string(by_fd_.size());
  }
  uint64_t written = ledger_.events_written - ledger_.refused_busy;
  if (theirs.events.published != written) {
    return "the hub has published " + std::to_string(theirs.events.published) + " events, and " +
           std::to_string(written) + " were written";
  }
  if (theirs.events.duplicates != 0) return "duplicates, where none were sent";
  uint64_t live_read = 0;
  uint64_t live_gaps = 0;
  std::unordered_map<int64_t, const StatusResponse::Consumer*> by_id;
  for (const auto& consumer : theirs.consumers) by_id[consumer.pid] = &consumer;
  for (const Slot& slot : slots_) {
    if (!slot || slot->kind() != Client::Kind::consumer) continue;
    auto found = by_id.find(static_cast<int64_t>(slot->id()));
    if (found == by_id.end()) return "consumer " + std::to_string(slot->id()) + " is unknown to the hub";
    std::string what = difference_of(*slot, *found->second);
    if (!what.empty()) return what;
    live_read += slot->events_read();
    live_gaps += slot->gaps();
  }
  // Of those who went without a word the hub alone knows the rest, and it cannot be less than what they saw.
  uint64_t read = live_read + ledger_.clean_read + ledger_.cut_read;
  uint64_t gaps = live_gaps + ledger_.clean_gaps + ledger_.cut_gaps;
  bool less = theirs.events.delivered < read || theirs.events.dropped < gaps;
  bool none_cut = ledger_.cut_read + ledger_.cut_gaps == 0;
  bool more = none_cut && (theirs.events.delivered != read || theirs.events.dropped != gaps);
  if (less || more) {
    return "the hub counts " + std::to_string(theirs.events.delivered) + " delivered and " +
           std::to_string(theirs.events.dropped) + " dropped in all, we " + std::to_string(read) +
           " read and " + std::to_string(gaps) + " missing";
  }
  return {};
}

std::string Swarm::difference_of(const Client& client, const StatusResponse::Consumer& theirs) const {
  if (theirs.received == client.last_seq() && theirs.delivered == client.events_read() &&
      theirs.dropped == client.gaps() && theirs.queued == 0) {
    return {};
  }
  return "consumer " + std::to_string(client.id()) + " has read " + std::to_string(client.events_read()) +
         " events up to seq " + std::to_string(client.last_seq()) + "; the hub says received " +
         std::to_string(theirs.received) + ", delivered " + std::to_string(theirs.delivered) + ", dropped " +
         std::to_string(theirs.dropped) + ", queued " + std::to_string(theirs.queued);
}

void Swarm::leave() {
  settle_all();
  for (Slot& slot : slots_) {
    if (!slot) continue;
    if (slot->phase() == Client::Phase::up) slot->say_bye();
    if (slot->phase() == Client::Phase::half_closed) slot->die();
  }
  destroy_closed();
  for (TimePoint deadline = now() + kPatience; !by_fd_.empty();) {
    pump(10);
    if (now() < deadline) continue;
    return ledger_.violate("not everybody got EOF after bye");
  }
}

}  // namespace bus::soak
