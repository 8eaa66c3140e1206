// What becomes of values in the long run: questions to one store after the other, each with a server of its own.
//
//   values-stopped  a follower reads nothing while its key is put again and again: what that costs the hub, and what it then gets
//   values-kept     what 100 000 keys take of the server's memory, and how soon it answers after a restart
//
// Each value that comes is checked (value_accounting.h). Beside them stands what an fdatasync takes here.
#pragma once

#include <memory>
#include <vector>

#include "protocol/base/result.h"
#include "tests/bench/contender.h"
#include "tests/bench/pinning.h"
#include "tests/bench/scratch_dir.h"
#include "tests/bench/server_process.h"
#include "tests/bench/value_wire.h"

namespace bus::bench {

// Where a trial takes place.
struct StoreTrial {
  ValueStore& store;
  std::string directory;  // of the server, its own
  const Pinning& pinning;
};

struct StoppedFollower {
  size_t puts = 0;
  double grown_kib = 0;     // of the server's memory
  size_t frames = 0;        // that the follower then got
  uint64_t skipped = 0;     // states that these frames said it was not sent
  Duration until_newest{};  // from when it read again until it had the last value
};
Result<StoppedFollower> stopped_follower(const StoreTrial& trial, size_t puts);

struct KeptValues {
  double bytes_per_key = 0;  // of memory, above that of its value
  Duration until_ready{};    // from the start of the server until it has answered a get
  double bytes_per_key_restarted = 0;
};
// A store that keeps nothing has only the first figure.
Result<KeptValues> kept_values(const StoreTrial& trial, size_t keys);

// Of a file in `directory`, with 4 KiB that were appended before each; one for each time.
Result<std::vector<Duration>> sync_times(const std::string& directory, size_t times);

}  // namespace bus::bench
