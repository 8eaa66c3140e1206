// A command that serves one request (bus-serve): its whole stdout is the result, or each line of it a part of a
// stream.
#pragma once

#include <optional>
#include <string>

#include "consumer/cli/line_reader.h"
#include "consumer/cli/serve_job.h"

namespace bus::cli {

class OneShotJob : public ServeJob {
 public:
  // `streams`: each line is a part of the answer.
  OneShotJob(const ServeShared& shared, bool streams);

  // To be called once, when it has been started.
  void serve(const ServeRequest& request, Clock::time_point now);

 protected:
  void read_output(Clock::time_point now) override;
  bool wants_output() const override;
  bool is_drained() const override;
  void conclude(int status) override;

 private:
  void read_text(Clock::time_point now);
  void read_lines(Clock::time_point now);
  void send_lines(Clock::time_point now);

  bool streams_;
  std::string text_;
  LineReader lines_;
  std::optional<ServeReply> held_;  // the part that is to be sent next
  bool sent_all_ = true;            // nothing is left of what was read
};

}  // namespace bus::cli
