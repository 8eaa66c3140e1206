// The messages of the wire as value types, and one variant over them (PROTOCOL.md 3).
//
// Text is decoded (no JSON escapes); a payload and the members that the wire does not define stay raw JSON,
// byte for byte. Optional text is empty when absent. Nothing here reads or writes JSON: that is codec.h, and
// frame.h for the event lines that the hub forwards.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace bus {

enum class Role { consumer, source };

struct Hello {
  int64_t pid = 0;
  std::string event_key;
  std::vector<std::string> event_types;
  std::string version = "v1";
  std::string subscription_id;
  Role role = Role::consumer;
  std::string source;
  bool exclusive = false;
  std::vector<std::string> capabilities;
  bool operator==(const Hello&) const = default;
};

// The members of a hello (PROTOCOL.md 3).
inline constexpr std::array<std::string_view, 10> kHelloMembers = {
    "type", "pid",    "event_key", "event_types", "version", "subscription_id",
    "role", "source", "exclusive", "capabilities"};

struct HelloAck {
  std::string bus_version = "v1";
  bool first_for_key = false;
  bool rejected = false;
  std::string reject_reason;
  std::vector<std::string> capabilities;
  bool operator==(const HelloAck&) const = default;
};

struct Event {
  std::string event_type;
  std::string event_id;
  std::string source_time;
  std::optional<uint64_t> seq;
  // Members that the wire does not define, in the order they came: decoded name, raw value.
  std::vector<std::pair<std::string, std::string>> others;
  std::string payload = "null";
  bool operator==(const Event&) const = default;
};

enum class SourceState { connecting, connected, disconnected, reconnecting };

struct SourceStatus {
  std::string source;
  SourceState state = SourceState::connecting;
  std::string detail;
  bool operator==(const SourceStatus&) const = default;
};

struct PreShutdownCheck {
  std::string event_key;
  std::string subscription_id;
  bool operator==(const PreShutdownCheck&) const = default;
};

struct PreShutdownAck {
  bool last_for_key = false;
  bool operator==(const PreShutdownAck&) const = default;
};

struct StatusQuery {
  bool operator==(const StatusQuery&) const = default;
};

// One snapshot of the hub. Times are ages in the unit that their name ends in; counts are since the hub's
// start.
struct StatusResponse {
  struct Consumer {
    int64_t pid = 0;
    std::string event_key;
    std::string subscription_id;
    uint64_t received = 0;
    uint64_t dropped = 0;
    int64_t kernel_pid = 0;  // SO_PEERCRED's where it differs from `pid`; else 0, and not written
    uint64_t uid = 0;
    std::vector<std::string> event_types;
    uint64_t delivered = 0;
    uint64_t queued = 0;
    uint64_t queued_bytes = 0;
    int64_t connected_sec = 0;
    bool exclusive = false;
    uint64_t delivered_bytes = 0;
    bool operator==(const Consumer&) const = default;
  };
  struct Source {
    std::string source;  // empty: anonymous
    SourceState state = SourceState::connected;
    int64_t pid = 0;
    uint64_t uid = 0;
    uint64_t published = 0;
    int64_t last_event_ms_ago = -1;  // -1: none yet; omitted on the wire
    bool operator==(const Source&) const = default;
  };
  struct Events {
    uint64_t published = 0;        // accepted from sources, duplicates excluded
    uint64_t delivered = 0;        // frames fully written to consumers' sockets
    uint64_t dropped = 0;          // frames evicted from consumers' queues
    uint64_t duplicates = 0;       // same source, same event_id, within the window
    uint64_t unmatched = 0;        // published, and nobody took it
    uint64_t refused = 0;          // frames answered with `error`
    uint64_t published_bytes = 0;  // of the frames that consumers get, without seq
    uint64_t delivered_bytes = 0;  // of the delivered frames
    bool operator==(const Events&) const = default;
  };
  // What became of connections, since the hub's start.
  struct Connections {
    uint64_t accepted = 0;
    uint64_t denied = 0;            // another user
    uint64_t too_many = 0;          // above max_connections
    uint64_t timed_out = 0;         // no complete first frame in time
    uint64_t cleanup_timeouts = 0;  // held a clean-up lock too long
    uint64_t unread = 0;            // left control replies unread, too many or for too long
    uint64_t evicted = 0;         // closed to get back the memory of a frame that it had read only a part of
    uint64_t uncleaned = 0;       // the last of a scope, which nobody was told to clean up
    uint64_t administrative = 0;  // accepted beyond the limits, for status_query and shutdown alone
    bool operator==(const Connections&) const = default;
  };
  struct UnmatchedType {
    std::string event_type;
    uint64_t count = 0;
    bool operator==(const UnmatchedType&) const = default;
  };
  struct CleanupLock {
    std::string scope;
    int64_t pid = 0;
    int64_t held_ms = 0;
    uint64_t waiting = 0;
    bool operator==(const CleanupLock&) const = default;
  };
  struct Limits {
    uint64_t frame_bytes = 0;
    uint64_t queue_frames = 0;
    uint64_t queue_bytes = 0;
    uint64_t max_connections = 0;
    int64_t idle_exit_ms = -1;  // -1: never
    int64_t dedup_window_ms = 0;
    int64_t cleanup_timeout_ms = 0;
    uint64_t waiting_hellos = 0;
    uint64_t uid_share_percent = 0;
    bool operator==(const Limits&) const = default;
  };
  // What the hub promises to take, what it takes, and which part of it its clients make it hold.
  struct Memory {
    struct Pool {
      std::string pool;
      uint64_t used_bytes = 0;
      uint64_t peak_bytes = 0;
      uint64_t limit_bytes = 0;
      uint64_t refused = 0;  // how often somebody had to go without, or give back
      bool operator==(const Pool&) const = default;
    };
    uint64_t limit_bytes = 0;
    uint64_t resident_bytes = 0;
    std::vector<Pool> pools;
    bool operator==(const Memory&) const = default;
  };
  struct User {
    uint64_t uid = 0;
    uint64_t connections = 0;
    uint64_t waiting = 0;
    uint64_t queued_bytes = 0;
    uint64_t unfinished_bytes = 0;
    bool operator==(const User&) const = default;
  };
  // How long the hub was busy at a time, since its start.
  struct Callbacks {
    struct Bucket {
      uint64_t up_to_us = 0;  // 0: no bound
      uint64_t count = 0;
      bool operator==(const Bucket&) const = default;
    };
    uint64_t count = 0;
    uint64_t longest_us = 0;          // of the processor
    uint64_t longest_elapsed_us = 0;  // on the clock, waiting for a processor included
    std::vector<Bucket> histogram;
    bool operator==(const Callbacks&) const = default;
  };

  int64_t pid = 0;
  int64_t uptime_sec = 0;
  uint64_t active_conns = 0;  // hello'd and anonymous connections; not handshakes, not status queries
  std::vector<Consumer> consumers;
  std::string version;
  std::string bus;
  std::string socket;
  std::vector<Source> sources;
  Events events;
  Connections connections;
  std::vector<UnmatchedType> unmatched_types;
  std::vector<CleanupLock> cleanup_locks;
  Limits limits;
  Memory memory;
  std::vector<User> users;
  Callbacks callbacks;
  bool truncated = false;
  bool operator==(const StatusResponse&) const = default;
};

struct Bye {
  bool operator==(const Bye&) const = default;
};

struct Shutdown {
  bool operator==(const Shutdown&) const = default;
};

// Closed per version (PROTOCOL.md 3). `unknown` is never sent: it is what a client makes of a code it does
// not know.
enum class ErrorCode {
  bad_json,
  bad_frame,
  unknown_type,
  frame_too_large,
  not_allowed,
  denied,
  too_many,
  timeout,
  busy,
  unknown,
};

struct ErrorMessage {
  ErrorCode code = ErrorCode::unknown;
  std::string message;
  std::string id;      // of the request it answers; for an event its event_id
  uint64_t frame = 0;  // the client's frame that it answers, counted from 1 on its connection; 0: none
  bool operator==(const ErrorMessage&) const = default;
};

using Message = std::variant<Hello, HelloAck, Event, SourceStatus, PreShutdownCheck, PreShutdownAck,
                             StatusQuery, StatusResponse, Bye, Shutdown, ErrorMessage>;

// What is wrong with a frame that a peer sent: answered with `error`, counted, never an Error of ours.
struct Fault {
  ErrorCode code = ErrorCode::bad_frame;
  std::string message;
};

// Names as on the wire.
const char* name_of(ErrorCode code);
const char* name_of(SourceState state);
std::optional<SourceState> source_state_of(std::string_view name);
ErrorCode error_code_of(std::string_view name);  // unknown when it is none of ours

// 1–255 bytes of UTF-8 without control characters (PROTOCOL.md 2). On refusal says what is wrong, with `name`
// in it.
std::optional<std::string> identifier_fault(std::string_view name, std::string_view value);

}  // namespace bus
