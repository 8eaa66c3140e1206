// What a command's output and end come to as the answer to a request (bus-serve). Pure.
//
// The codes of errors are few, so that a caller can compare them: `failed` for every command that did not
// succeed, with its status in the error's data, {"exit":3} or {"signal":9}. A code for each status, such as
// "exit_3", could be compared with nothing but itself.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bus::cli {

// The answer to a request: a result, or an error, which has a `code`.
struct ServeReply {
  std::string result;  // raw JSON on one line
  std::string code;
  std::string message;
  std::string data;  // raw JSON, or empty

  bool failed() const { return !code.empty(); }
};

// More output than this is no result: a frame has at most 1 MiB with all that is around it.
inline constexpr size_t kMostResultBytes = size_t{1024} * 1024;

// What a command printed that succeeded. One JSON value, however it is laid out, is the result. Other text is,
// without its last line end, as a JSON string; and null, if nothing is left then. Not UTF-8: `bad_result`.
ServeReply reply_of_output(std::string text);

// One line, without its line end: as above, but an empty line is the empty string.
ServeReply reply_of_line(std::string_view line);

// A command that ended with this status of waitpid(2) and did not succeed. `last_words` is the last line of
// its stderr; empty: the message says how it ended.
ServeReply reply_of_end(int status, std::string_view last_words);

// Of a co-process that ended with this status before it answered.
ServeReply reply_of_early_end(int status, std::string_view last_words);

ServeReply reply_too_large(std::string_view what);
ServeReply reply_error(std::string_view code, std::string_view message);

}  // namespace bus::cli
