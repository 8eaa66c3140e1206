// One server with one shape's clients connected to it, to be measured again and again in turn with others.
#pragma once

#include <memory>
#include <string>

#include "protocol/base/clock.h"
#include "protocol/base/result.h"
#include "tests/bench/call_generator.h"
#include "tests/bench/contender.h"
#include "tests/bench/generator.h"
#include "tests/bench/pinning.h"
#include "tests/bench/shape.h"
#include "tests/bench/value_generator.h"

namespace bus::bench {

// Of one run. Of events, a rate is of a flood, and latencies of a paced run. A call that was answered counts as one
// delivery, and so does a put or get that was answered, and a value that reached a follower.
struct Sample {
  double delivered_per_second = 0;
  double cpu_us_per_delivery = 0;  // of the server; equals CPU seconds per million
  double p50_us = 0;
  double p99_us = 0;
};

class Lane {
 public:
  // Starts the server on its cpu, in `directory`, and connects everybody.
  static Result<Lane> open(Contender& contender, const Shape& shape, const Pinning& pinning,
                           const std::string& directory);

  // The same for values, which have a server for each store.
  static Result<Lane> open(ValueStore& store, const Shape& shape, const Pinning& pinning,
                           const std::string& directory);

  // Some unmeasured traffic, then `duration` of it measured.
  Result<Sample> run(Duration warm_up, Duration duration);

  size_t memory_kib() const { return server_.memory_kib(); }

 private:
  Lane(ServerProcess server, std::unique_ptr<Generator> generator, size_t rate_per_second)
      : server_(std::move(server)), generator_(std::move(generator)), rate_per_second_(rate_per_second) {}

  Lane(ServerProcess server, std::unique_ptr<CallGenerator> calls)
      : server_(std::move(server)), calls_(std::move(calls)) {}

  Lane(ServerProcess server, std::unique_ptr<ValueGenerator> values)
      : server_(std::move(server)), values_(std::move(values)) {}

  Result<Sample> flood(Duration duration);
  Result<Sample> call(Duration duration);
  Result<Sample> pace(Duration duration);
  Result<Sample> work(Duration duration);

  ServerProcess server_;
  std::unique_ptr<Generator> generator_;
  std::unique_ptr<CallGenerator> calls_;    // instead of it, where the shape is one of calls
  std::unique_ptr<ValueGenerator> values_;  // likewise
  size_t rate_per_second_ = 0;
};

}  // namespace bus::bench
