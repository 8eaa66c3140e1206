// The task `bus.explain` (PROTOCOL.md 10): reads what is asked; the room that it is about answers.
#include <utility>

#include "hub/core/status/status.h"
#include "protocol/json_text.h"
#include "protocol/raw_json.h"

namespace bus::hub {

namespace {

struct Subject {
  std::string_view member;
  Question::About about;
};
constexpr Subject kSubjects[] = {{"event_type", Question::About::event_type},
                                 {"task", Question::About::task},
                                 {"key", Question::About::key}};

constexpr std::string_view kWanted =
    R"(bus.explain takes one of event_type, task and key, such as {"event_type":"build.done"})";

constexpr std::string_view kNotAName = " must be a name of 1 to 255 bytes without control characters";

// A member that is an identifier; empty when it is none.
std::string identifier_in(const Member& member) {
  if (kind_of(member.value_token) != JsonKind::string) return {};
  std::string text = decode_json_string(member.value_token);
  return is_identifier(text) ? text : std::string();
}

// What is wrong with the args; empty: nothing.
std::string read_question(std::string_view args, Question& question) {
  RawJson json;
  if (json.scan(args) || kind_of(json.value()) != JsonKind::object) return std::string(kWanted);
  for (const Member& member : json.children()) {
    for (const Subject& subject : kSubjects) {
      if (!token_is(member.name_token, subject.member)) continue;
      if (!question.name.empty()) return std::string(kWanted);
      question.about = subject.about;
      question.name = identifier_in(member);
      if (question.name.empty()) return std::string(subject.member) + std::string(kNotAName);
    }
    if (!token_is(member.name_token, "to")) continue;
    question.to = identifier_in(member);
    if (question.to.empty()) return "to" + std::string(kNotAName);
  }
  return question.name.empty() ? std::string(kWanted) : std::string();
}

}  // namespace

std::optional<TaskFault> Status::serve_explain(Room& room, std::string_view args, size_t most, TimePoint now,
                                               std::string& result) {
  Question question;
  if (std::string fault = read_question(args, question); !fault.empty())
    return TaskFault{"bad_args", std::move(fault)};
  question.most = most;
  for (const Room* each : static_cast<Status&>(room).rooms_) {
    result = each->explain(question, now);
    if (!result.empty()) break;
  }
  return {};
}

}  // namespace bus::hub
