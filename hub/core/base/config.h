// What a hub is started with, as far as the core is concerned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hub/core/base/budget.h"
#include "protocol/base/clock.h"

namespace bus::hub {

// What may wait for one consumer; beyond it the oldest are dropped.
struct QueueLimits {
  size_t frames = 1024;
  size_t bytes = 8 * 1024 * 1024;
};

// From where on a rendering is shared with sockets instead of copied into them (Transport::shared_buffer).
// Measured; tests set them lower.
struct Sharing {
  size_t consumers = 4;      // new pages for the buffer, and two system calls for each consumer, have to pay
  size_t bytes = 32 * 1024;  // of the rendering
  // On average, for pieces: each takes a reference to its page, dearer than copying a few KiB.
  size_t frame_bytes = 8192;
};

inline constexpr size_t kDefaultMemory = size_t{512} * 1024 * 1024;
inline constexpr uint32_t kDefaultUidShare = 25;

inline constexpr size_t kDefaultOpenCalls = 1024;
inline constexpr size_t kDefaultWaitingCalls = 1024;

struct HubConfig {
  // Named in status.
  int64_t pid = 0;
  uint32_t uid = 0;  // the hub's own: always admitted, as is root
  std::string version;
  std::string bus;
  std::string socket;

  QueueLimits queue;
  Sharing sharing;
  size_t max_connections = 4096;
  // What the hub may take in all (base/budget.h), at least Budget::least_memory(), and what one user, other
  // than its own and root, may take of it.
  size_t memory = kDefaultMemory;
  uint32_t uid_share_percent = kDefaultUidShare;
  // Whether there are values, and how many at most.
  bool values = true;
  ValueLimits value_limits;
  Duration dedup_window = seconds(300);
  Duration cleanup_timeout = seconds(60);
  Duration idle_exit = Duration::max();  // max: never
  // Calls of one connection that may be open, and of one user that may wait for one task.
  size_t open_calls = kDefaultOpenCalls;
  size_t waiting_calls = kDefaultWaitingCalls;
  // Of this start of the hub alone, so that ids of calls are never used again: letters, digits and '-'.
  std::string start_id = "0";
  // Whose sources may provide tasks below bus.source., beside the hub's own user and root.
  std::optional<uint32_t> sources_uid;
  std::vector<uint32_t> allow_uids;
  std::vector<uint32_t> allow_gids;
  // Capabilities beside the hub's own that hello_ack names, identifiers, at most kMaxAnnounced.
  std::vector<std::string> announce;
  uint64_t hash_key[2] = {0, 0};  // random, so that nobody can make event ids collide on purpose
};

}  // namespace bus::hub
