#include "consumer/cli/call_lines.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>
#include <utility>

#include "consumer/cli/call_error.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

// So many calls the hub lets a connection have open (protocol/PROTOCOL.md 10).
constexpr size_t kMostOpenCalls = 1024;

std::string answer_begun(std::string_view id) { return "{\"id\":" + std::string(id) + ","; }

}  // namespace

std::string answer_line(std::string_view id, const busd_answer& answer) {
  if (answer.code.length > 0) return answer_begun(id) + "\"error\":" + call_error_json(answer) + "}";
  return answer_begun(id) + "\"result\":" + std::string(view_of(answer.result)) + "}";
}

std::string part_line(std::string_view id, std::string_view data, uint64_t number) {
  return answer_begun(id) + "\"chunk\":" + std::string(data) + ",\"seq\":" + std::to_string(number) + "}";
}

std::string bad_line(std::string_view id, uint64_t line, std::string_view fault) {
  std::string number = std::to_string(line);
  std::string out = answer_begun(id) + "\"error\":{\"code\":\"bad_line\",\"message\":";
  append_json_string(out, safe_text("line " + number + ": " + std::string(fault)));
  return out + ",\"by\":\"bus-call\",\"data\":{\"line\":" + number + "}}}";
}

CallLines::CallLines(const Console& console, busd::Connection connection, const CallRequest& defaults)
    : CallSession(console, std::move(connection)), reader_(kMaxLineBytes), parser_(defaults) {}

int CallLines::call_all() {
  run();
  if (auto code = broken_exit()) return *code;
  int code = summary();
  return code == 0 ? input_code_ : code;
}

// What was read and is not started waits in the reader.
void CallLines::start_more() {
  while (going_on() && open() < kMostOpenCalls) {
    auto line = reader_.next();
    if (!line) return;
    take_line(*line);
  }
}

bool CallLines::wants_input() const { return !input_ended_ && open() < kMostOpenCalls; }

void CallLines::read_input() {
  switch (reader_.fill(STDIN_FILENO)) {
    case LineReader::Read::data:
    case LineReader::Read::again:
      return;
    case LineReader::Read::failed:
      input_code_ =
          console().error(ErrorCode::input_failed, std::string("cannot read stdin: ") + std::strerror(errno));
      break;
    case LineReader::Read::end:
      break;
  }
  input_ended_ = true;
}

void CallLines::take_line(const Line& line) {
  if (line.too_long)
    return refuse("null", line.number, "longer than " + std::to_string(kMaxLineBytes) + " bytes");
  if (is_blank(line.text)) return;
  CallLine parsed = parser_.parse(line.text);
  if (!parsed.fault.empty()) return refuse(parsed.id, line.number, parsed.fault);
  uint64_t call = 0;
  busd::Error fault;
  switch (start(parsed.request, call, fault)) {
    case Start::started:
      ++called_;
      ids_[call] = std::move(parsed.id);
      return;
    case Start::refused:
      return refuse(parsed.id, line.number, fault.message);
    case Start::over:
      return;
  }
}

void CallLines::refuse(std::string_view id, uint64_t line, std::string_view fault) {
  ++bad_lines_;
  write_line(bad_line(id, line, fault));
}

void CallLines::part(uint64_t call, std::string_view data, uint64_t number) {
  write_line(part_line(ids_[call], data, number));
}

void CallLines::ended(uint64_t call, const busd_answer& answer) {
  if (answer.code.length > 0) ++failed_;
  auto id = ids_.find(call);
  write_line(answer_line(id->second, answer));
  ids_.erase(id);
}

int CallLines::summary() const {
  if (called_ == 0 && bad_lines_ == 0 && input_code_ == 0)
    return console().error(ErrorCode::empty_input, "stdin has no calls");
  std::string text;
  if (failed_ > 0) text = std::to_string(failed_) + " of " + counted(called_, "call") + " failed";
  if (bad_lines_ > 0) {
    text += (text.empty() ? "" : ", ") + counted(bad_lines_, "line") +
            (bad_lines_ == 1 ? " is no call" : " are no calls");
  }
  if (text.empty()) return 0;
  ErrorCode code = failed_ > 0 ? ErrorCode::call_failed : ErrorCode::bad_data;
  return console().error(code, text, "the answers on stdout say why");
}

}  // namespace bus::cli
