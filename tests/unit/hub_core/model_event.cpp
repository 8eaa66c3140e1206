#include "tests/unit/hub_core/model_event.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "protocol/json_text.h"

namespace bus::test {

namespace {

struct Member {
  std::string name;  // decoded
  std::string_view name_token;
  std::string_view value;
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// Walks over an object that is known to be good.
class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  std::vector<Member> members() {
    std::vector<Member> out;
    skip_space();
    if (at_ == text_.size() || text_[at_] != '{') return out;
    for (++at_;; ++at_) {
      skip_space();
      if (text_[at_] == '}') return out;
      std::string_view name = string_token();
      skip_space();
      ++at_;  // the colon
      skip_space();
      out.push_back({decode_json_string(name), name, value()});
      skip_space();
      if (text_[at_] == '}') return out;
    }
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  std::string_view string_token() {
    size_t begin = at_;
    for (++at_; text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    ++at_;
    return text_.substr(begin, at_ - begin);
  }

  std::string_view value() {
    size_t begin = at_;
    int depth = 0;
    for (;;) {
      char c = text_[at_];
      if (c == '"') {
        string_token();
        if (depth == 0) break;
        continue;
      }
      if (depth == 0 && (c == ',' || c == '}' || is_space(c))) break;
      if (c == '{' || c == '[') ++depth;
      ++at_;
      if ((c == '}' || c == ']') && --depth == 0) break;
    }
    return text_.substr(begin, at_ - begin);
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

size_t ModelEvent::most_bytes() const { return with_seq(UINT64_MAX).size(); }

std::string ModelEvent::with_seq(uint64_t seq) const {
  return head + ",\"seq\":" + std::to_string(seq) + tail;
}

ModelEvent model_event(std::string_view line) {
  std::string type;
  std::string id;
  std::string time;
  std::string others;
  std::string payload = "null";
  for (const Member& member : Walk(line).members()) {
    bool left_out = member.value == "null" || member.value == "\"\"";
    if (member.name == "event_type") {
      type = member.value;
    } else if (member.name == "event_id") {
      if (!left_out) id = std::string(",\"event_id\":") + std::string(member.value);
    } else if (member.name == "source_time") {
      if (!left_out) time = std::string(",\"source_time\":") + std::string(member.value);
    } else if (member.name == "payload") {
      payload = member.value;
    } else if (member.name != "type" && member.name != "seq") {
      others += ",";
      others += member.name_token;
      others += ":";
      others += member.value;
    }
  }
  return {R"({"type":"event","event_type":)" + type + id + time, others + ",\"payload\":" + payload + "}\n"};
}

std::string model_event_id(std::string_view line) {
  std::string type;
  std::string id;
  for (const Member& member : Walk(line).members()) {
    if (member.value.front() != '"') continue;
    if (member.name == "type") type = decode_json_string(member.value);
    if (member.name == "event_id" && id.empty()) id = decode_json_string(member.value);
  }
  return type == "event" ? id : "";
}

}  // namespace bus::test
