#include "consumer/sources/task_args.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "consumer/cli/json_lookup.h"
#include "protocol/base/clock.h"
#include "protocol/base/spelling.h"
#include "protocol/base/strings.h"
#include "protocol/json_walk.h"

namespace bus::sources {

namespace {

struct Argument {
  const char* name;
  const char* wanted;
  bool (*fits)(std::string_view token);
};

bool is_string(std::string_view token) { return kind_of(token) == JsonKind::string; }
bool is_flag(std::string_view token) { return kind_of(token) == JsonKind::boolean; }
bool is_whole(std::string_view token) { return parse_u64(token).has_value(); }
bool is_stream(std::string_view token) { return token == R"("stdout")" || token == R"("stderr")"; }

// Those that are taken with a name are its beginning.
constexpr std::array<Argument, 5> kArguments = {{
    {"name", "the name of a source", is_string},
    {"stream", "stdout or stderr", is_stream},
    {"lines", "a whole number", is_whole},
    {"since_ms", "a whole number", is_whole},
    {"follow", "true or false", is_flag},
}};

size_t count_of(Takes takes) {
  switch (takes) {
    case Takes::nothing:
      return 0;
    case Takes::name:
      return 1;
    case Takes::log_query:
      return kArguments.size();
  }
  return 0;
}

std::string unknown_argument(std::string_view task, size_t count, const std::string& name) {
  std::string text = std::string(task) + " takes no " + printable(name);
  std::string names;
  for (size_t i = 0; i < count; ++i) {
    if (alike(name, kArguments[i].name)) return text + "; did you mean " + kArguments[i].name + "?";
    names += (i == 0 ? "" : ", ") + std::string(kArguments[i].name);
  }
  return text + (count == 0 ? "" : "; it takes " + names);
}

std::optional<uint64_t> number_of(std::string_view args, const char* name) {
  return parse_u64(cli::find_json(args, {name}).value_or(""));
}

}  // namespace

std::string args_fault(std::string_view task, Takes takes, std::string_view args) {
  if (args.empty() || args == "null") return {};
  if (kind_of(args) != JsonKind::object) return kind_fault("args", "an object", args);
  size_t count = count_of(takes);
  JsonWalk walk(args);
  for (Member member; walk.next(member);) {
    std::string name = cli::string_text(member.name_token);
    const Argument* end = kArguments.begin() + count;
    const Argument* known =
        std::find_if(kArguments.begin(), end, [&](const Argument& each) { return name == each.name; });
    if (known == end) return unknown_argument(task, count, name);
    std::string_view token = member.value_token;
    if (kind_of(token) != JsonKind::null && !known->fits(token)) {
      // A string that should be another one is shown.
      return is_string(token)
                 ? name + " must be " + known->wanted + ", not " + printable(cli::string_text(token))
                 : kind_fault(name, known->wanted, token);
    }
  }
  return {};
}

LogQuery log_query(std::string_view args) {
  LogQuery query;
  query.lines = number_of(args, "lines");
  if (auto since = number_of(args, "since_ms")) {
    auto wall = std::chrono::system_clock::now().time_since_epoch();
    auto age = static_cast<int64_t>(std::min<uint64_t>(*since, INT64_MAX / 2));
    query.since_time_ms = std::chrono::duration_cast<milliseconds>(wall).count() - age;
  }
  query.follow = cli::find_json(args, {"follow"}) == "true";
  auto stream = cli::find_json(args, {"stream"});
  if (stream == "stdout") query.stream = Stream::out;
  if (stream == "stderr") query.stream = Stream::err;
  return query;
}

}  // namespace bus::sources
