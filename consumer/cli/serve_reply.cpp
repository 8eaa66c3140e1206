#include "consumer/cli/serve_reply.h"

#include <limits>
#include <sys/wait.h>

#include "consumer/cli/command.h"
#include "consumer/cli/text.h"
#include "protocol/raw_json.h"

namespace bus::cli {

namespace {

std::string data_of(int status) {
  bool by_signal = WIFSIGNALED(status);
  return std::string(by_signal ? R"({"signal":)" : R"({"exit":)") +
         std::to_string(by_signal ? WTERMSIG(status) : WEXITSTATUS(status)) + "}";
}

ServeReply not_utf8(size_t at) {
  return reply_error("bad_result",
                     "byte " + std::to_string(at + 1) + " of what the command printed is not UTF-8");
}

// However deep it is: whether it fits a frame is for the library to say.
bool is_json(std::string_view text) { return !RawJson().scan(text, std::numeric_limits<size_t>::max()); }

// `text` is UTF-8.
ServeReply reply_of_text(std::string text) {
  ServeReply reply;
  if (is_json(text)) {
    join_json_lines(text);
    reply.result = std::move(text);
  } else {
    append_json_string(reply.result, text);
  }
  return reply;
}

ServeReply failed(int status, std::string_view last_words, const std::string& otherwise) {
  ServeReply reply = reply_error("failed", last_words.empty() ? otherwise : safe_text(last_words));
  reply.data = data_of(status);
  return reply;
}

}  // namespace

ServeReply reply_of_output(std::string text) {
  if (auto at = first_byte_not_utf8(text)) return not_utf8(*at);
  std::string_view rest = text;
  if (rest.ends_with('\n')) rest.remove_suffix(1);
  if (rest.ends_with('\r')) rest.remove_suffix(1);
  text.resize(rest.size());
  if (text.empty()) return {.result = "null", .code = {}, .message = {}, .data = {}};
  return reply_of_text(std::move(text));
}

ServeReply reply_of_line(std::string_view line) {
  if (auto at = first_byte_not_utf8(line)) return not_utf8(*at);
  return reply_of_text(std::string(line));
}

ServeReply reply_of_end(int status, std::string_view last_words) {
  return failed(status, last_words, "the command " + command_fault(status));
}

ServeReply reply_of_early_end(int status, std::string_view last_words) {
  std::string how = command_fault(status);
  return failed(status, last_words,
                "the command " + (how.empty() ? "ended with status 0" : how) + " before it answered");
}

ServeReply reply_too_large(std::string_view what) {
  return reply_error("too_large", std::string(what) + " is longer than a frame may be (1048576 bytes)");
}

ServeReply reply_error(std::string_view code, std::string_view message) {
  ServeReply reply;
  reply.code = code;
  reply.message = message;
  return reply;
}

}  // namespace bus::cli
