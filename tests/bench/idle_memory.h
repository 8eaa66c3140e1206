// What connections cost that do nothing: memory of a server without clients, and with many idle consumers.
//
// Works on any contender. Memory is what ServerProcess::memory_kib() says; what the kernel holds for sockets
// is not in it.
#pragma once

#include <string>

#include "protocol/base/result.h"
#include "tests/bench/contender.h"

namespace bus::bench {

inline constexpr size_t kIdleConsumers = 1000;

struct IdleMemory {
  size_t base_kib = 0;          // started, nobody connected
  size_t connected_kib = 0;     // kIdleConsumers connected, each subscribed to a topic of its own
  size_t after_events_kib = 0;  // and each of them has received ten events of 1 KiB

  double kib_per_consumer() const;
  double kib_per_consumer_after_events() const;
};

// Starts a server of its own in `directory` (empty, ours alone) and ends it again. Raises this process's
// limit of descriptors as far as it is allowed to, for the server inherits it.
Result<IdleMemory> measure_idle_memory(Contender& contender, const std::string& directory);

}  // namespace bus::bench
