#include "consumer/cli/event_template.h"

#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

constexpr std::string_view kFieldList =
    "event_type, event_id, seq, source_time, payload, payload.MEMBER, event, key, received, received_utc or "
    "/POINTER";

// "a.b.0" as its names; nothing when one is empty.
std::optional<JsonPath> dotted_path(std::string_view text) {
  JsonPath path;
  while (true) {
    size_t dot = text.find('.');
    std::string_view name = text.substr(0, dot);
    if (name.empty()) return std::nullopt;
    path.emplace_back(name);
    if (dot == std::string_view::npos) return path;
    text.remove_prefix(dot + 1);
  }
}

// "/a~1b/0" as its names (RFC 6901); nothing when a "~" is no escape.
std::optional<JsonPath> pointer_path(std::string_view text) {
  JsonPath path;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '/') {
      path.emplace_back();
    } else if (text[i] != '~') {
      path.back() += text[i];
    } else if (i + 1 < text.size() && (text[i + 1] == '0' || text[i + 1] == '1')) {
      path.back() += text[++i] == '0' ? '~' : '/';
    } else {
      return std::nullopt;
    }
  }
  return path;
}

}  // namespace

class EventTemplate::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  // Empty: done, else what is wrong.
  std::string parse(std::vector<Part>& parts) {
    while (at_ < text_.size()) {
      std::string fault = step(parts);
      if (!fault.empty()) return fault;
    }
    if (text_.empty()) return "must not be empty";
    parts.push_back(std::exchange(part_, {}));
    return {};
  }

 private:
  std::string step(std::vector<Part>& parts) {
    char c = text_[at_];
    char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    if (c == '\\') return escape(next);
    if ((c == '{' || c == '}') && c == next) {
      part_.text += c;
      at_ += 2;
      return {};
    }
    if (c == '}')
      return "the \"}\" at byte " + std::to_string(at_ + 1) + " closes nothing; write }} for a brace";
    if (c == '{') return field(parts);
    part_.text += c;
    ++at_;
    return {};
  }

  std::string escape(char next) {
    constexpr std::array<std::pair<char, char>, 3> kEscapes{{{'n', '\n'}, {'t', '\t'}, {'\\', '\\'}}};
    for (const auto& [name, character] : kEscapes) {
      if (name != next) continue;
      part_.text += character;
      at_ += 2;
      return {};
    }
    return "the \"\\\" at byte " + std::to_string(at_ + 1) +
           " begins no escape; write \\n, \\t, or \\\\ for a backslash";
  }

  std::string field(std::vector<Part>& parts) {
    size_t end = text_.find('}', at_);
    if (end == std::string_view::npos)
      return "the \"{\" at byte " + std::to_string(at_ + 1) + " is not closed; write {{ for a brace";
    std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    std::string fault = name_field(name);
    if (!fault.empty()) return fault;
    parts.push_back(std::exchange(part_, {}));
    return {};
  }

  std::string name_field(std::string_view name) {
    constexpr std::array<std::pair<std::string_view, Field>, 9> kFields{
        {{"event_type", Field::event_type},
         {"event_id", Field::event_id},
         {"seq", Field::seq},
         {"source_time", Field::source_time},
         {"payload", Field::payload},
         {"event", Field::event},
         {"key", Field::key},
         {"received", Field::received},
         {"received_utc", Field::received_utc}}};
    for (const auto& [known, field] : kFields) {
      if (name == known) part_.field = field;
    }
    if (part_.field) return {};
    std::optional<JsonPath> path;
    if (name.starts_with("payload.")) {
      part_.field = Field::payload;
      path = dotted_path(name.substr(std::string_view("payload.").size()));
      if (!path) return in_quotes(name) + " has an empty name between dots";
    } else if (name.starts_with("/")) {
      part_.field = Field::event;
      path = pointer_path(name);
      if (!path) return in_quotes(name) + " is no JSON pointer; \"~\" needs a 0 or 1 behind it";
    } else {
      return in_quotes(name) + " is no field; write " + std::string(kFieldList);
    }
    part_.path = std::move(*path);
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
  Part part_;
};

std::optional<EventTemplate> EventTemplate::parse(std::string_view text, std::string& fault) {
  EventTemplate result;
  fault = Parser(text).parse(result.parts_);
  if (!fault.empty()) return std::nullopt;
  return result;
}

std::string EventTemplate::value_of(const Part& part, const busd::Event& event, int64_t received_ms,
                                    std::string_view key) {
  switch (*part.field) {
    case Field::event_type:
      return std::string(event.type());
    case Field::event_id:
      return std::string(event.id());
    case Field::seq:
      return std::to_string(event.seq());
    case Field::source_time:
      return std::string(event.source_time());
    case Field::payload:
      return find_json(event.payload(), part.path).value_or(std::string());
    case Field::event:
      return find_json(event.frame(), part.path).value_or(std::string());
    case Field::key:
      return std::string(key);
    case Field::received:
      return std::to_string(received_ms);
    case Field::received_utc:
      break;
  }
  return utc_text(received_ms);
}

void EventTemplate::append(std::string& out, const busd::Event& event, int64_t received_ms,
                           std::string_view key, bool safe) const {
  for (const Part& part : parts_) {
    out += part.text;
    if (!part.field) continue;
    std::string value = value_of(part, event, received_ms, key);
    out += safe ? safe_text(value) : value;
  }
}

std::string template_fault(const std::string& text) {
  std::string fault;
  static_cast<void>(EventTemplate::parse(text, fault));
  if (!fault.empty() || text.find('{') != std::string::npos) return fault;
  // The name of a field and nothing else: its braces were forgotten.
  std::string field = "{" + text + "}";
  static_cast<void>(EventTemplate::parse(field, fault));
  return fault.empty() ? "the template has no field; did you mean " + field + "?" : std::string();
}

std::string utc_text(int64_t ms) {
  std::time_t seconds = ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + length, sizeof text - length, ".%03dZ", static_cast<int>(ms % 1000));
  return text;
}

}  // namespace bus::cli
