// bus-call --lines: calls from stdin, one per line, and their answers to stdout in the order in which they
// come. A line that is no call is answered, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "consumer/cli/call_line.h"
#include "consumer/cli/call_session.h"
#include "consumer/cli/line_reader.h"

namespace bus::cli {

// {"id":…,"result":…} or {"id":…,"error":{…}}; `id` is raw JSON.
std::string answer_line(std::string_view id, const busd_answer& answer);
// {"id":…,"chunk":…,"seq":…}
std::string part_line(std::string_view id, std::string_view data, uint64_t number);
// The answer to a line that is no call; its error has the code "bad_line".
std::string bad_line(std::string_view id, uint64_t line, std::string_view fault);

class CallLines final : public CallSession {
 public:
  CallLines(const Console& console, busd::Connection connection, const CallRequest& defaults);

  // The exit status.
  int call_all();

 private:
  void part(uint64_t call, std::string_view data, uint64_t number) override;
  void progress(const busd_item&) override {}
  void ended(uint64_t call, const busd_answer& answer) override;
  void start_more() override;
  bool wants_input() const override;
  void read_input() override;
  void take_line(const Line& line);
  void refuse(std::string_view id, uint64_t line, std::string_view fault);
  int summary() const;

  LineReader reader_;
  CallLineParser parser_;
  std::map<uint64_t, std::string> ids_;  // of the open calls, as raw JSON
  uint64_t called_ = 0;
  uint64_t failed_ = 0;
  uint64_t bad_lines_ = 0;
  bool input_ended_ = false;
  int input_code_ = 0;  // stdin could not be read
};

}  // namespace bus::cli
