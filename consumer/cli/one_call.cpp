#include "consumer/cli/one_call.h"

#include <algorithm>
#include <cstddef>
#include <unistd.h>
#include <utility>

#include "consumer/cli/bad_input.h"
#include "consumer/cli/call_error.h"
#include "consumer/cli/json_lookup.h"
#include "consumer/cli/text.h"

namespace bus::cli {

std::string raw_text(std::string_view json, bool to_terminal) {
  if (!json.starts_with('"')) return std::string(json);
  std::string text = string_text(json);
  if (!to_terminal) return text;
  std::string safe;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find_first_of("\n\t", at), text.size());
    safe += safe_text(std::string_view(text).substr(at, end - at));
    if (end < text.size()) safe += text[end];
    at = end + 1;
  }
  return safe;
}

OneCall::OneCall(const Console& console, busd::Connection connection, bool raw)
    : CallSession(console, std::move(connection)),
      raw_(raw),
      to_terminal_(isatty(STDOUT_FILENO) == 1),
      progress_(console) {}

int OneCall::call(const CallRequest& request) {
  stream_ = request.stream;
  wait_ = request.wait;
  is_task_of_hub_ = request.task.starts_with("bus.") && !request.task.starts_with("bus.source.");
  uint64_t number = 0;
  busd::Error fault;
  if (start(request, number, fault) == Start::refused)
    return console().error(bad_input(request.args, fault.message, Input::args));
  run();
  return broken_exit().value_or(code_);
}

void OneCall::print(std::string_view json) {
  progress_.clear();
  write_line(raw_ ? raw_text(json, to_terminal_) : json);
}

void OneCall::part(uint64_t, std::string_view data, uint64_t) { print(data); }

void OneCall::progress(const busd_item& item) {
  if (!progress_.wanted()) return;
  flush();
  progress_.show(item.done, item.total, view_of(item.detail));
}

void OneCall::ended(uint64_t, const busd_answer& answer) {
  progress_.clear();
  if (answer.code.length == 0) {
    std::string_view result = view_of(answer.result);
    // So a stream ends that has nothing to say but its parts.
    if (!stream_ || result != "null") print(result);
    return;
  }
  if (!going_on()) return;  // it was canceled here, or its connection is lost, and this is said once
  flush();
  Error error = error_of(answer);
  if (error.code == ErrorCode::no_provider && !wait_) {
    error.hint = is_task_of_hub_ ? "bus-status --list tasks shows the tasks that there are"
                                 : "--wait waits until somebody does";
  }
  code_ = console().error(error);
}

}  // namespace bus::cli
