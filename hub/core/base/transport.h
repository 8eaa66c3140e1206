// What the core asks of whoever owns the sockets, which is hub/sessions.h, and a fake in tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "hub/core/base/status_writer.h"

namespace bus::hub {

using PeerId = uint64_t;  // of base/slots.h: never reused in a hub's life; 0 is nobody

// What only the edge knows of the process; for status.
struct ProcessStats {
  // How long the hub was busy at a time, since its start.
  struct Callbacks {
    uint64_t count = 0;
    uint64_t longest_us = 0;          // of the processor
    uint64_t longest_elapsed_us = 0;  // on the clock, waiting for a processor included
    DurationHistogram durations;      // of the processor
  };

  uint64_t resident_bytes = 0;  // 0: unknown
  Callbacks callbacks;
};

class Transport {
 public:
  virtual ~Transport() = default;
  // Writes to the peer's socket what it takes now of `bytes`, and returns how many it took; fewer than all
  // means that it refuses, or is broken. Must not call back into the core.
  virtual size_t write(PeerId peer, std::string_view bytes) noexcept = 0;

  // Writing without a copy, for what many peers get. Memory of `bytes` bytes of which nothing was sent yet;
  // nullptr when memory cannot be shared with sockets. What was sent stays in sockets as it is until it is
  // read: from the first send_shared() on, nobody may write to what was sent. It stays while somebody holds
  // it.
  virtual std::shared_ptr<char> shared_buffer(size_t bytes) noexcept = 0;
  // As write(), of pieces that stand in the shared buffer: the socket refers to them.
  virtual size_t send_shared(PeerId peer, const std::vector<std::string_view>& pieces) noexcept = 0;

  // Whether this turn has taken so long that others should have theirs. Asked between writes.
  virtual bool turn_is_over() noexcept { return false; }

  virtual ProcessStats process_stats() noexcept { return {}; }
};

}  // namespace bus::hub
