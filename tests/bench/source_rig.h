// A bus-sources beside the hub of a trial, its sources, and who listens to them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/clock.h"
#include "protocol/base/result.h"
#include "tests/bench/call_client.h"
#include "tests/bench/call_trials.h"
#include "tests/bench/server_process.h"

namespace bus::bench {

struct BenchSource {
  std::string name;
  std::string arguments;  // of bus-bench-source
  std::string settings = {};
};

class SourceRig {
 public:
  // Starts bus-sources with these; it serves when this returns.
  static Result<SourceRig> start(TrialHub& hub, const std::vector<BenchSource>& sources);

  ServerProcess& process() { return process_; }
  TimePoint started_at() const { return started_at_; }
  // The result of the task bus.source.`verb`.
  Result<std::string> ask(std::string_view verb, const std::string& name);
  Result<int64_t> pid_of(const std::string& name);
  // SIGTERM; returns when it has ended.
  Result<void> end();

 private:
  SourceRig(CallClient client, ServerProcess process, TimePoint started_at)
      : client_(std::move(client)), process_(std::move(process)), started_at_(started_at) {}

  CallClient client_;
  ServerProcess process_;
  TimePoint started_at_;
  uint64_t last_call_ = 0;
};

// The path of a program that was built with this one.
std::string program_beside_us(const std::string& program);

// The number behind "`member`": in an answer; 0 when there is none.
uint64_t number_in(std::string_view json, std::string_view member);

// The time that the next event carries, of a consumer's connection.
Result<TimePoint> next_stamp(int fd, Duration patience = kHandshakePatience);

}  // namespace bus::bench
