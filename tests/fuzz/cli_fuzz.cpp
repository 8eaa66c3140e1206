// Any bytes as the command line of one of the bus-* programs, one argument to a line: it is understood or
// refused, and nothing but a refusal is thrown. And any text as a duration, an identifier, a time, a NAME=VALUE
// of bus-call and a line of bus-call --lines; all words together as the args of one call.
//
// Input: one byte that picks the program, then the arguments. Nothing is done of what they ask.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "consumer/cli/call_args.h"
#include "consumer/cli/call_line.h"
#include "consumer/cli/command_line.h"
#include "protocol/base/check.h"
#include "protocol/raw_json.h"

namespace bus::cli {

// Whether the program takes these arguments; each is cli_program.cpp.
bool call_takes(std::vector<std::string> arguments);
bool consume_takes(std::vector<std::string> arguments);
bool publish_takes(std::vector<std::string> arguments);
bool status_takes(std::vector<std::string> arguments);
bool stop_takes(std::vector<std::string> arguments);

}  // namespace bus::cli

namespace {

constexpr bool (*kPrograms[])(std::vector<std::string>) = {bus::cli::consume_takes, bus::cli::publish_takes,
                                                           bus::cli::status_takes, bus::cli::stop_takes,
                                                           bus::cli::call_takes};

void check_words(const std::string& word) {
  if (auto duration = bus::cli::parse_duration(word)) {
    BUSD_CHECK(duration->count() >= 0 && *duration <= std::chrono::hours(24 * 366));
    BUSD_CHECK(word.find_first_not_of("0123456789msh") == std::string::npos);
  }
  if (bus::cli::identifier_fault(word).empty()) BUSD_CHECK(!word.empty() && word.size() <= 255);
  if (bus::cli::time_fault(word).empty()) BUSD_CHECK(std::stoull(word) <= 9'999'999'999'999'999'999U);
}

void check_call_line(const std::string& word) {
  bus::cli::CallLine line = bus::cli::CallLineParser({}).parse(word);
  if (line.fault.empty()) BUSD_CHECK(!line.request.task.empty() && line.id != "null");
  BUSD_CHECK(!bus::json_fault(line.id));
  if (!line.request.members.empty()) BUSD_CHECK(!bus::json_fault("{" + line.request.members + "}"));
}

// Whatever goes together is JSON, and all of it is there.
void check_call_args(const std::vector<std::string>& words) {
  std::vector<std::string> assignments;
  std::string base;
  for (const std::string& word : words) {
    if (bus::cli::assignment_fault(word).empty()) {
      assignments.push_back(word);
    } else {
      base = word;
    }
  }
  std::string out;
  if (bus::cli::build_args(base, assignments, out)) return;
  BUSD_CHECK(base.empty() && assignments.empty() ? out.empty()
                                                 : !bus::RawJson().scan(out, size_t{4} * bus::kMaxDepth));
}

// noexcept: whatever is thrown ends here.
void run(unsigned program, std::string_view text) noexcept {
  std::vector<std::string> arguments;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    arguments.emplace_back(text.substr(0, end));
    check_words(arguments.back());
    check_call_line(arguments.back());
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  check_call_args(arguments);
  kPrograms[program % std::size(kPrograms)](std::move(arguments));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  run(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
