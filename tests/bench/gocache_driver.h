// Plays the go command to a build cache (GOCACHEPROG), and takes the time.
//
// One thread: a request is written as far as the cache reads, each with a write of its own as cmd/go does it, and answers are read as they
// come. Every answer is looked at: an error, a miss of what was put, or a hit of what was not ends the run. Knows nothing of bus-gocache.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <unordered_map>
#include <vector>

#include "protocol/base/clock.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace bus::gocache_bench {

struct Request {
  std::string members;    // of the JSON object, behind the ID
  std::string_view body;  // base64; empty: it has none
  bool misses = false;    // what the answer must say
};
Request get_request(std::string_view action, bool misses);
// `body` stands for `bytes` bytes. Ids have 32 bytes.
Request put_request(std::string_view action, std::string_view output, std::string_view body, uint64_t bytes);

struct Took {
  double seconds = 0;
  std::vector<double> latencies_us;  // from when a request was begun to its answer

  double percentile_us(double part);
};

struct Ended {
  double cpu_seconds = 0;  // of the process, until it has ended
  uint64_t most_rss_kib = 0;
};

class Driver {
 public:
  // Starts the cache, and waits for the first line.
  static Result<Driver> start(const std::vector<std::string>& command);
  Driver(Driver&&) noexcept = default;
  Driver& operator=(Driver&&) noexcept = delete;

  // From fork(2) to the first line.
  double ready_ms() const { return ready_ms_; }
  // So many at a time.
  Result<Took> ask(const std::vector<Request>& requests, size_t in_flight);
  // Asks it to close, and waits for the end of the process.
  Result<Ended> end();

 private:
  struct Open {
    bool misses;
    TimePoint since;
  };
  Driver() = default;

  void begin(const Request& request);
  bool is_writing() const { return !parts_[0].empty() || !parts_[1].empty() || !parts_[2].empty(); }
  Result<void> write_some();
  Result<void> read_some(Took* took);
  Result<void> take(std::string_view line, Took* took);

  pid_t pid_ = -1;
  Fd in_;   // the cache's stdin
  Fd out_;  // its stdout
  double ready_ms_ = 0;
  uint64_t last_id_ = 0;
  std::unordered_map<uint64_t, Open> open_;
  std::string head_;
  std::array<std::string_view, 3> parts_;  // of the request that is being written: what is left of them
  std::string answers_;                    // what has come, and is no whole line yet
  std::vector<char> buffer_ = std::vector<char>(65536);
};

}  // namespace bus::gocache_bench
