// Bytes become a script of opens, chunks in odd sizes, closes, stalls and clock steps for three peers of the
// hub's core, which are of any of its users.
//
// Input: one byte that picks the core's configuration, then pairs of an action and its argument. After every
// step each queue is in its bounds and its balance, every line that came out is one that its peer may get, no
// deadline was left behind, and the counters of status agree with what came out. At the end the tables'
// destructors check that they are empty.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <variant>

#include "hub/core/base/budget.h"
#include "protocol/base/check.h"
#include "protocol/limits.h"
#include "tests/fuzz/call_frames.h"
#include "tests/fuzz/value_frames.h"
#include "tests/support/core_rig.h"
#include "tests/support/messages.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr size_t kPeers = 3;
constexpr uint32_t kFriend = 1001;       // admitted by its uid
constexpr uint32_t kGroupFriend = 1002;  // by its gid; CoreRig gives a user the group of the same number
constexpr uint32_t kUsers[] = {kOurUid, 0, kFriend, kGroupFriend, 1003};
constexpr Duration kCleanupTimeout = seconds(10);
constexpr Duration kMostTimeout = std::chrono::hours(24);  // of a call

hub::HubConfig config(unsigned choice) {
  hub::HubConfig config = rig_config();
  config.allow_uids = {kFriend};
  config.allow_gids = {kGroupFriend};
  config.queue.frames = choice % 2 == 0 ? 3 : 1;
  config.queue.bytes = 2000;
  config.max_connections = choice / 2 % 4 == 0 ? 2 : 4096;
  config.dedup_window = choice / 8 % 4 == 0 ? Duration::zero() : seconds(7);
  config.idle_exit = choice / 32 % 2 == 0 ? seconds(30) : Duration::max();
  if (choice / 64 == 1) config.sharing = {2, 1, 1};     // whatever can be shared, in pieces
  if (choice / 64 == 2) config.sharing = {2, 1, 1000};  // as a whole
  if (choice / 64 == 3) {  // as little memory as it can do with, and hardly any of it for friends
    config.memory = hub::Budget::least_memory(config.max_connections);
    config.uid_share_percent = 1;
  }
  config.cleanup_timeout = kCleanupTimeout;
  config.open_calls = 4;
  config.waiting_calls = 2;
  return config;
}

// Frames that a random mutation would need long to find; chosen by a byte.
constexpr std::string_view kFrames[] = {
    R"({"type":"hello","pid":1,"event_key":"k","event_types":["a.*"],"version":"v1"})",
    R"({"type":"hello","pid":2,"event_key":"k","event_types":["*"],"version":"v1","exclusive":true})",
    R"({"type":"hello","pid":3,"event_key":"k","event_types":["a.b","c"],"version":"v1","subscription_id":"k2"})",
    R"({"type":"hello","pid":4,"event_key":"k","event_types":["*","a.b"],"version":"v1"})",
    R"({"type":"hello","pid":5,"event_key":"","event_types":null,"version":"v1","role":"source","source":"s"})",
    R"({"type":"hello","pid":6,"event_key":"","event_types":null,"version":"v1","role":"source"})",
    R"({"type":"hello","pid":7,"event_key":"","event_types":[],"version":"v1","role":"client","publishes":["*","a.b"],"background":true})",
    R"({"type":"hello","pid":8,"event_key":"","version":"v1","role":"source","source":"t","publishes":["a.*","a.b","c","a.b.*"]})",
    R"({"type":"hello","pid":9,"event_key":"k","event_types":["a.b.c"],"version":"v1","observer":true,"publishes":["a.b"]})",
    R"({"type":"event","event_type":"a.b","event_id":"1","payload":{"x":[1,2]}})",
    R"({"type":"event","event_type":"a.b","event_id":"2","source_time":"7","trace":1,"payload":null})",
    R"({"type":"event","event_type":"c","payload":1})",
    R"({"payload":"\n","event_type":"\u0061.","seq":9,"type":"event"})",
    R"({"type":"source_status","source":"s","state":"reconnecting","detail":"d"})",
    R"({"type":"source_status","source":"t","state":"disconnected"})",
    R"({"type":"pre_shutdown_check","event_key":"k"})",
    R"({"type":"pre_shutdown_check","event_key":"k","subscription_id":"k2"})",
    R"({"type":"status_query"})",
    R"({"type":"shutdown"})",
    R"({"type":"bye"})",
    R"({"type":"event","event_type":""})",
};

// Several events in one read: one run, or two.
std::string burst(unsigned argument) {
  std::string bytes;
  std::string padding(argument / 32 * 40U, 'p');
  for (unsigned i = 0; i < argument % 8 + 1; ++i) {
    const char* type = argument / 8 % 4 == 0 && i % 3 == 2 ? "c" : "a.b";
    bytes += std::string(R"({"type":"event","event_type":")") + type + R"(","payload":")" + padding + "\"}\n";
  }
  return bytes;
}

// One of the three, over all the connections that it has in turn, and what came out to the present one.
struct Client {
  hub::PeerId id = 0;
  bool acked = false;
  uint64_t last_seq = 0;
  uint64_t missing = 0;  // events that its gaps tell of
  CallView calls;
  ValueView values;
};

class Script {
 public:
  explicit Script(unsigned choice) : config_(config(choice)), rig_(config_) {}

  void run(std::string_view bytes) {
    while (bytes.size() >= 2) {
      auto action = static_cast<unsigned char>(bytes[0]);
      auto argument = static_cast<unsigned char>(bytes[1]);
      bytes.remove_prefix(2);
      Client& client = clients_[action % kPeers];
      if (action / kPeers % 12 == 5) {
        std::string_view chunk = bytes.substr(0, argument);
        rig_.send(client.id, chunk);
        bytes.remove_prefix(chunk.size());
      } else {
        act(client, action / kPeers % 12, argument);
      }
      check();
    }
    check_snapshot();
    rig_.hang_up_all();
    // Calls whose end is an event go on until their deadlines.
    rig_.advance(kMostTimeout);
    check_all_given_back();
  }

 private:
  void act(Client& client, unsigned action, unsigned argument) {
    switch (action) {
      case 0:
        return open(client, argument);
      case 1:
        return rig_.hang_up(client.id);
      case 2:
        return rig_.shut_down_writing(client.id);
      case 3:
        return rig_.set_room(client.id, argument == 255 ? kEndless : argument);
      case 4:
        return rig_.advance(milliseconds(argument * 100));
      case 6:
        return rig_.send(client.id, burst(argument));
      case 7:
        // Answers that nobody reads.
        return flood(client, argument);
      case 9:
        return rig_.send_line(client.id, kValueFrames[argument % std::size(kValueFrames)]);
      case 8:
        if (argument % 32 == 31) return stop(milliseconds(argument * 10));
        [[fallthrough]];
      case 10:
        return rig_.send(client.id, client.calls.chunks(argument % 8 + 1, argument / 8 * size_t{2048}));
      case 11:
        return rig_.send_line(client.id,
                              client.calls.filled_in(kCallFrames[argument % std::size(kCallFrames)]));
      default: {
        std::string_view frame = kFrames[argument % std::size(kFrames)];
        size_t cut = argument % frame.size();
        rig_.send(client.id, frame.substr(0, cut));
        rig_.send_line(client.id, frame.substr(cut));
        return;
      }
    }
  }

  void open(Client& client, unsigned argument) {
    if (stopping_ || rig_.is_open(client.id)) return;
    client = Client{};
    client.id = rig_.connect(kUsers[argument % std::size(kUsers)], argument);
    ++opened_;
  }

  void flood(Client& client, unsigned argument) {
    std::string bytes;
    for (unsigned i = 0; i < argument; ++i) bytes += "x\n";
    rig_.send(client.id, bytes);
  }

  void stop(Duration patience) {
    if (stopping_) return;
    stopping_ = true;
    rig_.core.begin_stop(rig_.clock + patience);
    rig_.advance(Duration::zero());
  }

  void check() {
    size_t open = 0;
    for (Client& client : clients_) {
      if (client.id == 0) continue;
      for (const std::string& line : rig_.lines(client.id)) take(client, line);
      if (!rig_.is_open(client.id)) continue;
      ++open;
      check_queue(client);
      check_connection(client.id);
    }
    BUSD_CHECK(rig_.core.peer_count() == open);
    BUSD_CHECK(rig_.core.take_dirty().empty());
    BUSD_CHECK(rig_.core.due(rig_.clock).empty());
    BUSD_CHECK(rig_.core.next_deadline() > rig_.clock || rig_.core.idle(rig_.clock));
    check_notices();
    check_status(open);
  }

  // A line that came out.
  void take(Client& client, const std::string& line) {
    // Anybody may get one; not decoded, because a flood's answers would take most of the time.
    if (line.starts_with(R"({"type":"error","code":")")) return;
    if (client.values.take(line) || client.calls.take(line, given_)) return;
    Decoded decoded = decode(line);
    BUSD_CHECK(std::holds_alternative<Message>(decoded));
    const Message& message = std::get<Message>(decoded);
    if (const auto* ack = std::get_if<HelloAck>(&message)) {
      BUSD_CHECK(!client.acked && client.last_seq == 0);
      client.acked = !ack->rejected;
    } else if (const auto* event = std::get_if<Event>(&message)) {
      BUSD_CHECK(client.acked && event->seq && *event->seq > client.last_seq);
      client.missing += *event->seq - client.last_seq - 1;
      client.last_seq = *event->seq;
      ++events_out_;
    } else if (std::holds_alternative<InterestMessage>(message)) {
      BUSD_CHECK(client.acked);
    } else if (std::holds_alternative<SourceStatus>(message) ||
               std::holds_alternative<PreShutdownAck>(message)) {
      BUSD_CHECK(client.acked || std::holds_alternative<PreShutdownAck>(message));
    } else {
      BUSD_CHECK(std::holds_alternative<StatusResponse>(message));
    }
  }

  void check_queue(const Client& client) {
    const hub::Outbox& outbox = rig_.core.outbox(client.id);
    BUSD_CHECK(outbox.received() == outbox.delivered() + outbox.queued() + outbox.dropped());
    // The newest stays, whatever its size, and so does what is partly written.
    BUSD_CHECK(outbox.queued() <= std::max<size_t>(config_.queue.frames, 2));
    BUSD_CHECK(outbox.queued_bytes() <= config_.queue.bytes || outbox.queued() <= 2);
    BUSD_CHECK(outbox.replies().memory_bytes() <= kMaxFrameBytes);
    BUSD_CHECK(outbox.empty() == (outbox.queued_bytes() == 0 && outbox.replies().memory_bytes() == 0));
    BUSD_CHECK(client.missing <= outbox.dropped());
    if (outbox.queued() > 0) return;
    BUSD_CHECK(client.last_seq == outbox.received() && client.missing == outbox.dropped());
  }

  // What the edge was told it has done.
  void check_connection(hub::PeerId id) {
    hub::HubCore& core = rig_.core;
    BUSD_CHECK(!core.wants(id).has_more);
    BUSD_CHECK(core.wants(id).close != hub::CloseState::close_now);
    bool closing = core.wants(id).close == hub::CloseState::close_when_flushed;
    BUSD_CHECK(closing == (core.wants(id).close_deadline != kNever));
    BUSD_CHECK(!closing || (core.wants(id).has_output && core.wants(id).read != hub::ReadState::read));
    BUSD_CHECK(!stopping_ || closing);
  }

  void check_notices() {
    for (const hub::Notice& notice : rig_.core.take_notices()) {
      BUSD_CHECK(notice.peer != 0 && !notice.text.empty());
    }
  }

  void check_status(size_t open) {
    StatusResponse status = rig_.status();
    BUSD_CHECK(status.connections.accepted == opened_);
    BUSD_CHECK(status.connections.denied + status.connections.too_many <= opened_);
    BUSD_CHECK(status.active_conns <= open && status.consumers.size() <= status.active_conns);
    BUSD_CHECK(open <= config_.max_connections + kPeers);
    uint64_t dropped = 0;
    for (const StatusResponse::Consumer& consumer : status.consumers) {
      BUSD_CHECK(consumer.received == consumer.delivered + consumer.queued + consumer.dropped);
      dropped += consumer.dropped;
    }
    BUSD_CHECK(status.events.delivered == events_out_);
    BUSD_CHECK(status.events.dropped >= dropped);
    uint64_t unmatched = 0;
    for (const StatusResponse::UnmatchedType& type : status.unmatched_types) unmatched += type.count;
    BUSD_CHECK(unmatched <= status.events.unmatched && status.events.unmatched <= status.events.published);
    BUSD_CHECK(status.unmatched_types.size() <= 16);
    uint64_t cleanups = 0;
    for (const StatusResponse::CleanupLock& lock : status.cleanup_locks) {
      BUSD_CHECK(lock.held_ms >= 0 && milliseconds(lock.held_ms) < kCleanupTimeout && lock.waiting < kPeers);
      if (!lock.task.empty()) ++cleanups;
    }
    // A lock that the hub holds ends with its call.
    BUSD_CHECK(cleanups <= status.calls.open);
    check_memory(status, open);
    check_growth(status);
    before_ = status;
  }

  static void check_memory(const StatusResponse& status, size_t open) {
    uint64_t used = 0;
    for (const StatusResponse::Memory::Pool& pool : status.memory.pools) {
      // Looked at before something is taken, which is a frame at most.
      BUSD_CHECK(pool.used_bytes <= pool.peak_bytes && pool.used_bytes <= pool.limit_bytes + kMaxFrameBytes);
      used += pool.used_bytes;
    }
    uint64_t connections = 0;
    for (const StatusResponse::User& user : status.users) {
      BUSD_CHECK(user.queued_bytes + user.unfinished_bytes <= used && user.waiting <= user.connections);
      connections += user.connections;
    }
    BUSD_CHECK(connections <= open && status.users.size() <= open);
  }

  // Without peers nothing is held but the ids of sources that may come back, and values.
  void check_all_given_back() {
    StatusResponse status = rig_.status();
    BUSD_CHECK(status.users.empty() && status.cleanup_locks.empty() && status.active_conns == 0);
    for (const StatusResponse::Memory::Pool& pool : status.memory.pools) {
      bool stays =
          pool.pool == hub::name_of(hub::Pool::event_ids) || pool.pool == hub::name_of(hub::Pool::values);
      BUSD_CHECK(pool.used_bytes == 0 || stays);
    }
  }

  // Counts since the hub's start never go back.
  void check_growth(const StatusResponse& now) const {
    const StatusResponse::Events& then = before_.events;
    BUSD_CHECK(now.uptime_sec >= before_.uptime_sec);
    BUSD_CHECK(now.events.published >= then.published && now.events.delivered >= then.delivered);
    BUSD_CHECK(now.events.dropped >= then.dropped && now.events.duplicates >= then.duplicates);
    BUSD_CHECK(now.events.unmatched >= then.unmatched && now.events.refused >= then.refused);
    BUSD_CHECK(now.connections.denied >= before_.connections.denied);
    BUSD_CHECK(now.connections.too_many >= before_.connections.too_many);
    BUSD_CHECK(now.connections.timed_out >= before_.connections.timed_out);
    BUSD_CHECK(now.connections.cleanup_timeouts >= before_.connections.cleanup_timeouts);
    BUSD_CHECK(now.connections.unread >= before_.connections.unread);
    BUSD_CHECK(now.connections.evicted >= before_.connections.evicted);
    BUSD_CHECK(now.connections.uncleaned >= before_.connections.uncleaned);
  }

  // The last snapshot survives the wire, and so do the metrics.
  void check_snapshot() {
    std::string line = encode(before_);
    line.pop_back();
    Decoded decoded = decode(line);
    BUSD_CHECK(std::holds_alternative<Message>(decoded));
    BUSD_CHECK(std::get<StatusResponse>(std::get<Message>(decoded)) == before_);
    BUSD_CHECK(rig_.metrics().ends_with("\n"));
  }

  hub::HubConfig config_;
  CoreRig rig_;
  Client clients_[kPeers];
  bool stopping_ = false;
  uint64_t opened_ = 0;
  uint64_t events_out_ = 0;
  std::set<std::string> given_;  // ids of all requests that providers got
  StatusResponse before_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  Script(data[0]).run({reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
