// One run of bus-serve: takes requests from the hub, has commands serve them, and ends with all of them.
//
// One loop waits for the hub, a signal, and every pipe and process of the commands. Commands that are being
// ended take a slot, too: requests that the hub sends meanwhile wait here, so that no more than --slots
// commands run, however callers come and go.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <vector>

#include "busd/consumer.hpp"
#include "consumer/cli/co_process.h"
#include "consumer/cli/console.h"
#include "consumer/cli/keeper.h"
#include "consumer/cli/one_shot_job.h"
#include "consumer/cli/restart_delay.h"
#include "consumer/cli/serve_answers.h"
#include "consumer/cli/serve_options.h"
#include "consumer/cli/serve_request.h"
#include "consumer/cli/stderr_relay.h"

namespace bus::cli {

struct ServeCounts {
  uint64_t requests = 0;
  uint64_t failed = 0;
  uint64_t canceled = 0;  // ended before they were answered
};

class ServeSession {
 public:
  // `variables`: what is the same for all commands. The tasks are provided already.
  ServeSession(const ServeCommand& command, Variables variables, const Console& console, StderrRelay& relay,
               const Keeper& keeper, busd::Connection connection);

  // Serves until a signal comes or the hub is gone for good; then no command is left. Returns the exit code.
  int run();
  ServeCounts counts() const;

 private:
  using Clock = ServeJob::Clock;

  void turn(Clock::time_point now);
  void take_items(Clock::time_point now);
  void take(const busd::Item& item, Clock::time_point now);
  void take_request(const busd::Item& item);
  void cancel(uint64_t request, Clock::time_point now);
  ServeJob* job_of(uint64_t request);
  void start_waiting(Clock::time_point now);
  bool start_one_shot(const ServeRequest& request, Clock::time_point now);
  bool give_to_co_process(const ServeRequest& request, Clock::time_point now);
  CoProcess* start_co_process();
  void begin_to_leave(Clock::time_point now);
  void end_in_time(Clock::time_point now);
  void end_for_good(const busd::Error& error, Clock::time_point now);
  void remove_gone();
  void wait(Clock::time_point now);
  int poll_timeout_ms(Clock::time_point now) const;
  bool is_over() const { return leaving_ && jobs_.empty(); }
  int finish();

  const ServeCommand& command_;
  Variables variables_;
  const Console& console_;
  busd::Connection connection_;
  StderrRelay& relay_;
  ServeAnswers answers_;
  ServeShared shared_;
  std::deque<ServeRequest> waiting_;
  std::vector<std::unique_ptr<ServeJob>> jobs_;
  std::vector<CoProcess*> co_processes_;  // those of jobs_ that are
  RestartDelay delay_;
  std::optional<Clock::time_point> drain_until_;
  std::optional<Clock::time_point> retry_at_;  // a co-process is started again
  bool leaving_ = false;
  bool unasked_said_ = false;
  int code_ = 0;  // of a failure
  uint64_t requests_ = 0;
  uint64_t canceled_ = 0;
};

}  // namespace bus::cli
