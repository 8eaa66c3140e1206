// A command for each event (bus-consume --exec): run by /bin/sh -c, the payload and a line end on its stdin,
// facts of the event in its environment, its stdout on ours.
//
// With one job, commands run one after the other in the order of the events; with more, so many at once.
// While all are taken the sink is not ready, and events wait in the hub's queue. A command that does not read
// its stdin misses its payload, and nothing else happens. A command that fails is reported and counted; it
// ends the stream only with `fail_fast`.
#pragma once

#include <cstddef>
#include <string>
#include <sys/types.h>
#include <vector>

#include "consumer/cli/command.h"
#include "consumer/cli/console.h"
#include "consumer/cli/event_sink.h"

namespace bus::cli {

struct ExecOptions {
  std::string command;  // empty: none
  size_t jobs = 1;      // 1 to kMostJobs
  bool fail_fast = false;
};

class ExecSink : public EventSink {
 public:
  // `variables`: what is the same for all events.
  ExecSink(const ExecOptions& options, Variables variables, const Console& console);
  // Commands that still run go on.
  ~ExecSink() override;

  bool ready() const override { return jobs_.size() < options_.jobs; }
  Outcome take(const busd::Event& event, int64_t received_ms) override;
  void add_waits(std::vector<pollfd>& waits) const override;
  std::optional<Clock::time_point> deadline() const override;
  Outcome process() override;
  Outcome finish() override;
  uint64_t failed() const override { return failed_; }

 private:
  struct Job {
    pid_t pid = 0;
    int pid_fd = -1;  // readable when the command has ended; -1: the kernel gives none
    int input = -1;   // the writing end of its stdin; -1: it has all
    std::string rest;
    size_t written = 0;
    std::string event;  // for people
  };

  void feed(Job& job);
  // Whether the command has ended; it is reaped then.
  bool ended(Job& job);
  void report(const std::string& event, const std::string& fault);
  Outcome verdict() const;

  ExecOptions options_;
  Variables variables_;
  const Console& console_;
  std::vector<Job> jobs_;
  uint64_t failed_ = 0;
};

}  // namespace bus::cli
