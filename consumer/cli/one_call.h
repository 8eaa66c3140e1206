// One call of bus-call: prints its result, its parts as they come, and how far it has come.
#pragma once

#include <string>
#include <string_view>

#include "consumer/cli/call_session.h"
#include "consumer/cli/progress_line.h"

namespace bus::cli {

// `json` as --raw prints it: of a string its text, of anything else its bytes. `to_terminal`: control
// characters other than line ends and tabs are made harmless.
std::string raw_text(std::string_view json, bool to_terminal);

class OneCall final : public CallSession {
 public:
  // `raw`: as --raw.
  OneCall(const Console& console, busd::Connection connection, bool raw);

  // The exit status.
  int call(const CallRequest& request);

 private:
  void part(uint64_t call, std::string_view data, uint64_t number) override;
  void progress(const busd_item& item) override;
  void ended(uint64_t call, const busd_answer& answer) override;
  void clear_line() override { progress_.clear(); }
  void print(std::string_view json);

  bool raw_;
  bool to_terminal_;
  bool stream_ = false;
  bool wait_ = false;
  bool is_task_of_hub_ = false;
  ProgressLine progress_;
  int code_ = 0;
};

}  // namespace bus::cli
