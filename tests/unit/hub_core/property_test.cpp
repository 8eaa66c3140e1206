// Random histories of up to eight peers through the core: joins, leaves, kills, checks, publishes, stalls,
// clock steps.
//
// After every step holds: exactly one first per filled scope; a clean-up lock has at most one holder, and
// none while another consumer of the scope lives; every gap in seq equals the drops counted; received =
// delivered + queued + dropped; events of one source arrive in the order sent; no frame is torn or repeated.
// A failure prints its seed.
#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "protocol/codec.h"
#include "tests/support/catch.h"
#include "tests/support/core_rig.h"

using namespace bus;
using namespace bus::test;
using bus::hub::PeerId;

namespace {

constexpr size_t kPeers = 8;
constexpr int kSteps = 1500;
constexpr int kHistories = 200;

enum class Kind { none, consumer, source };

struct Member {
  Kind kind = Kind::none;
  PeerId id = 0;
  std::string scope;
  bool acked = false;
  bool lock = false;
  bool said_bye = false;  // it left when that was handled, though its connection may still be flushed
  uint64_t last_seq = 0;
  uint64_t gaps = 0;
  uint64_t sent = 0;                     // events it published
  std::map<PeerId, uint64_t> last_from;  // per publisher, the last number that arrived

  bool in_scope(const std::string& name) const {
    return kind == Kind::consumer && scope == name && acked && !said_bye;
  }
};

class History {
 public:
  explicit History(uint64_t seed) : random_(seed), rig_(config(seed)) {}

  // How often something was shared with a socket.
  size_t shares() const { return rig_.shares; }

  void run() {
    for (int step = 0; step < kSteps; ++step) {
      act(members_[random_() % kPeers]);
      collect();
      check_balance();
      check_scopes();
    }
    drain();
  }

 private:
  // Even ones share with sockets whatever can be shared, odd ones nothing.
  static hub::HubConfig config(uint64_t seed) {
    hub::HubConfig config = rig_config();
    if (seed % 2 == 0) config.sharing = {2, 1, seed % 4 == 0 ? size_t{1} : size_t{1000}};
    config.queue.frames = 5;
    config.queue.bytes = 700;
    config.cleanup_timeout = seconds(60);
    return config;
  }

  bool one_in(unsigned n) { return random_() % n == 0; }

  void act(Member& m) {
    if (m.kind == Kind::none) return one_in(3) ? join_source(m) : join_consumer(m);
    switch (random_() % 12) {
      case 0:
        m.said_bye = true;
        rig_.send_line(m.id, R"({"type":"bye"})");
        return;
      case 1:
        rig_.hang_up(m.id);
        return;
      case 2:
      case 3:
        rig_.send_line(m.id, R"({"type":"pre_shutdown_check","event_key":"k","subscription_id":")" +
                                 (m.scope.empty() || one_in(5) ? "s0" : m.scope) + "\"}");
        return;
      case 4:
        // Not before its ack: this test learns from acks who is in a scope.
        if (m.acked) rig_.set_room(m.id, random_() % 300);
        return;
      case 5:
        rig_.set_room(m.id, kEndless);
        return;
      case 6:
        rig_.advance(milliseconds(random_() % 3000));
        return;
      case 7:
        rig_.send_line(m.id, "{ not json");
        return;
      default:
        publish(m);
    }
  }

  void join_consumer(Member& m) {
    m = Member{};
    m.kind = Kind::consumer;
    m.scope = "s" + std::to_string(random_() % 2);
    m.id = rig_.connect();
    const char* types[] = {"\"a.x\"", "\"a.*\"", "\"*\",\"a.x\"", "\"b\"", ""};
    rig_.send_line(m.id, CoreRig::hello("k", types[random_() % 5],
                                        R"(,"subscription_id":")" + m.scope + "\"" +
                                            (one_in(12) ? R"(,"exclusive":true)" : "")));
  }

  void join_source(Member& m) {
    m = Member{};
    m.kind = Kind::source;
    m.id = rig_.source("src" + std::to_string(random_() % 2));
  }

  // A burst, in one read or two; each event carries who sent it and its number.
  void publish(Member& m) {
    std::string bytes;
    const char* types[] = {"a.x", "a.y", "b", "c"};
    for (size_t i = random_() % 9 + 1; i > 0; --i) {
      ++m.sent;
      bytes += std::string(R"({"type":"event","event_type":")") + types[random_() % 4] + R"(","from":)" +
               std::to_string(m.id) + R"(,"payload":{"n":)" + std::to_string(m.sent) + R"(,"pad":")" +
               std::string(random_() % 120, 'p') + "\"}}\n";
    }
    size_t cut = random_() % bytes.size();
    rig_.send(m.id, std::string_view(bytes).substr(0, cut));
    rig_.send(m.id, std::string_view(bytes).substr(cut));
  }

  void collect() {
    for (Member& m : members_) {
      if (m.kind == Kind::none) continue;
      for (const std::string& line : rig_.lines(m.id)) take(m, line);
      if (!rig_.is_open(m.id)) m = Member{};
    }
  }

  void take(Member& m, const std::string& line) {
    Decoded decoded = decode(line);
    CAPTURE(line);
    REQUIRE(std::holds_alternative<Message>(decoded));  // a torn frame would not decode
    const Message& message = std::get<Message>(decoded);
    if (const auto* ack = std::get_if<HelloAck>(&message)) {
      REQUIRE_FALSE(m.acked);
      m.acked = !ack->rejected;
      if (m.acked && m.kind == Kind::consumer) newcomers_[m.scope].push_back(ack->first_for_key);
    } else if (const auto* check = std::get_if<PreShutdownAck>(&message)) {
      m.lock = m.lock || check->last_for_key;
      REQUIRE((!check->last_for_key || m.kind == Kind::consumer));
    } else if (const auto* event = std::get_if<Event>(&message)) {
      take_event(m, *event);
    }
  }

  static void take_event(Member& m, const Event& event) {
    REQUIRE(m.acked);
    REQUIRE(event.seq.has_value());
    REQUIRE(*event.seq > m.last_seq);
    m.gaps += *event.seq - m.last_seq - 1;
    m.last_seq = *event.seq;
    REQUIRE(event.others.size() == 1);
    PeerId from = std::stoull(event.others[0].second);
    uint64_t number = std::stoull(event.payload.substr(5));
    REQUIRE(number > m.last_from[from]);
    m.last_from[from] = number;
  }

  void check_balance() {
    for (const Member& m : members_) {
      if (m.kind == Kind::none || !rig_.is_open(m.id)) continue;
      const hub::Outbox& outbox = rig_.core.outbox(m.id);
      REQUIRE(outbox.received() == outbox.delivered() + outbox.queued() + outbox.dropped());
      // What is dropped but has no later frame delivered yet does not show as a gap yet.
      REQUIRE(m.gaps <= outbox.dropped());
      if (outbox.queued() == 0) REQUIRE(m.last_seq == outbox.received());
      if (outbox.queued() == 0) REQUIRE(m.gaps == outbox.dropped());
    }
  }

  void check_scopes() {
    for (const char* scope : {"s0", "s1"}) {
      size_t alive = 0;
      size_t locks = 0;
      for (const Member& m : members_) {
        if (!m.in_scope(scope)) continue;
        ++alive;
        locks += m.lock ? 1U : 0U;
      }
      REQUIRE(locks <= 1);
      if (locks == 1) REQUIRE(alive == 1);
      std::string name(scope);
      if (alive == 0) filled_.erase(name);
    }
    // Whoever was called first found its scope empty; whoever was not, did not.
    for (auto& [scope, firsts] : newcomers_) {
      auto count = std::count(firsts.begin(), firsts.end(), true);
      REQUIRE(count <= 1);
      if (filled_.count(scope) == 0 && !firsts.empty()) REQUIRE(count == 1);
      if (filled_.count(scope) != 0 && !emptied_since(scope)) REQUIRE(count == 0);
      if (!firsts.empty()) filled_.insert(scope);
      firsts.clear();
    }
    remember_members();
  }

  // Whether every consumer that was in `scope` after the last step has gone in this one.
  bool emptied_since(const std::string& scope) {
    const auto& before = before_[scope];
    return std::none_of(std::begin(members_), std::end(members_), [&](const Member& m) {
      return m.in_scope(scope) && std::find(before.begin(), before.end(), m.id) != before.end();
    });
  }

  void remember_members() {
    before_.clear();
    for (const Member& m : members_) {
      if (m.in_scope(m.scope)) before_[m.scope].push_back(m.id);
    }
  }

  void drain() {
    for (Member& m : members_) {
      if (m.kind != Kind::none) rig_.set_room(m.id, kEndless);
    }
    collect();
    check_balance();
    StatusResponse status = rig_.core.status(rig_.clock);
    for (const auto& consumer : status.consumers) {
      REQUIRE(consumer.queued == 0);
      REQUIRE(consumer.received == consumer.delivered + consumer.dropped);
    }
  }

  std::mt19937_64 random_;
  CoreRig rig_;
  Member members_[kPeers];
  std::set<std::string> filled_;  // scopes that had a member after the last step
  std::map<std::string, std::vector<bool>> newcomers_;
  std::map<std::string, std::vector<PeerId>> before_;
};

}  // namespace

TEST_CASE("Random histories keep the promises of order, loss, first, last and clean-up") {
  size_t shares = 0;
  for (uint64_t seed = 1; seed <= kHistories; ++seed) {
    CAPTURE(seed);
    History history(seed);
    history.run();
    shares += history.shares();
  }
  CHECK(shares > 10'000);
}
