// A command of bus-serve while it runs: feeds its stdin, passes its stderr on, sees its end and ends its whole
// process group. What its stdout means is up to one_shot_job.h and co_process.h.
//
// It has gone when nobody is left in its group; until then it takes a slot. A command that ends by itself leaves
// nobody behind either: what it has started, and has not moved to a group or session of its own, gets SIGTERM.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <poll.h>
#include <string>
#include <vector>

#include "consumer/cli/child_process.h"
#include "consumer/cli/group_end.h"
#include "consumer/cli/keeper.h"
#include "consumer/cli/serve_answers.h"
#include "consumer/cli/serve_reply.h"
#include "consumer/cli/serve_request.h"
#include "consumer/cli/stderr_relay.h"
#include "consumer/cli/stderr_tail.h"

namespace bus::cli {

// What all jobs share.
struct ServeShared {
  ServeAnswers& answers;
  StderrRelay& relay;
  const Keeper& keeper;
  std::chrono::milliseconds grace;  // between SIGTERM and SIGKILL
};

class ServeJob {
 public:
  using Clock = std::chrono::steady_clock;

  explicit ServeJob(const ServeShared& shared) : shared_(shared), end_(shared.grace) {}
  ServeJob(const ServeJob&) = delete;
  ServeJob& operator=(const ServeJob&) = delete;
  virtual ~ServeJob() = default;

  // Returns an empty string, or why it could not be started.
  [[nodiscard]] std::string start(const std::vector<std::string>& arguments,
                                  const std::vector<std::string>& environment);

  void add_waits(std::vector<pollfd>& waits) const;
  // When process() is to be called at the latest.
  std::optional<Clock::time_point> deadline(Clock::time_point now) const;
  // Does what can be done without waiting.
  void process(Clock::time_point now);
  bool has_gone() const { return gone_; }

  // The request that waits for its answer; 0: none.
  uint64_t request() const { return request_; }
  // It ended otherwise: the command is ended, too.
  void cancel(Clock::time_point now);
  // Whether the reader of its stream keeps up.
  void pause(bool paused) { paused_ = paused; }
  // Answers the request, if there is one, with `reply`, and ends the command.
  void stop(const ServeReply& reply, Clock::time_point now);
  // bus-serve is about to end; what the command does is to be finished.
  virtual void leave(Clock::time_point now) { static_cast<void>(now); }

 protected:
  // Reads what is there, unless it is not to be read now.
  virtual void read_output(Clock::time_point now) = 0;
  virtual bool wants_output() const { return true; }
  // Once the command has ended: whether all that it printed was taken.
  virtual bool is_drained() const { return drained_; }
  // The command has ended. Answers the request, if there is one.
  virtual void conclude(int status) = 0;

  // Of a command that gets one line.
  void end_input_when_written() { input_ends_ = true; }
  void begin(const ServeRequest& request, Clock::time_point now);
  void answer(const ServeReply& reply);
  // To be called for each read of stdout: what read(2) returned. Returns whether to read on.
  bool note_read(ssize_t bytes);
  bool may_read() const { return child_.output() >= 0 && !drained_; }
  bool has_ended() const { return ended_; }

  ServeShared shared_;
  ChildProcess child_;
  GroupEnd end_;
  StderrTail tail_;
  bool paused_ = false;
  bool stopped_ = false;  // by cancel() or stop()

 private:
  void feed();
  void pass_errors(bool all);
  void look_for_end();
  void finish(Clock::time_point now);
  void take_steps(Clock::time_point now);
  void enforce_deadline(Clock::time_point now);

  uint64_t request_ = 0;
  std::optional<Clock::time_point> until_;  // of the request
  bool input_ends_ = false;
  std::string to_write_;
  size_t written_ = 0;
  bool ended_ = false;   // the command; not yet reaped
  bool reaped_ = false;  // somebody of its group may be left
  bool gone_ = false;
  int status_ = 0;
  size_t reads_left_ = 0;  // once it has ended
  bool drained_ = false;
};

}  // namespace bus::cli
