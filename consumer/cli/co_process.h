// A command that serves one request after the other (bus-serve --lines): the args of each are a line on its
// stdin, and the next line that it prints is the result.
//
// One request at a time, because a bare line does not say which request it answers. So a request that ends
// otherwise ends the command, too: its line would be taken for the answer to the next one.
#pragma once

#include "consumer/cli/line_reader.h"
#include "consumer/cli/restart_delay.h"
#include "consumer/cli/serve_job.h"

namespace bus::cli {

class CoProcess : public ServeJob {
 public:
  // `delay` is of all that run this command.
  CoProcess(const ServeShared& shared, RestartDelay& delay);

  // Whether it takes a request.
  bool is_idle() const { return request() == 0 && !leaving_ && !end_.begun() && !has_ended() && may_read(); }
  void serve(const ServeRequest& request, Clock::time_point now) { begin(request, now); }
  void leave(Clock::time_point now) override;

  // How many lines came that no request asked for.
  uint64_t unasked() const { return unasked_; }

 protected:
  void read_output(Clock::time_point now) override;
  void conclude(int status) override;

 private:
  void take_lines(Clock::time_point now);

  LineReader lines_;
  RestartDelay& delay_;
  bool leaving_ = false;
  uint64_t unasked_ = 0;
};

}  // namespace bus::cli
