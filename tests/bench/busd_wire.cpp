#include "tests/bench/busd_wire.h"

#include "tests/bench/line_cutter.h"

namespace bus::bench::busd {

namespace {

constexpr std::string_view kEventBegin = R"({"type":"event","event_type":")";
constexpr std::string_view kSeqName = R"(","seq":)";
constexpr std::string_view kPayloadName = R"(,"payload":)";

class EventParser : public Parser {
 public:
  bool take(std::string_view bytes, MessageSink& sink) override {
    return lines_.take(bytes, [&](std::string_view line) { return take_line(line, sink); });
  }

 private:
  bool take_line(std::string_view line, MessageSink& sink) {
    if (!line.starts_with(kEventBegin) || !line.ends_with('}')) return false;
    if (!seq_stands_at(line, seq_at_)) {
      seq_at_ = line.find(kSeqName, kEventBegin.size());
      if (seq_at_ == std::string_view::npos) return false;
    }
    // All that varies before the payload is the number of digits of seq.
    size_t at = seq_at_ + kSeqName.size();
    while (at < line.size() && line[at] >= '0' && line[at] <= '9') ++at;
    if (line.substr(at, kPayloadName.size()) != kPayloadName) return false;
    at += kPayloadName.size();
    sink.message(line.substr(at, line.size() - at - 1));
    return true;
  }

  static bool seq_stands_at(std::string_view line, size_t at) {
    return at < line.size() && line.substr(at, kSeqName.size()) == kSeqName;
  }

  LineCutter lines_;
  size_t seq_at_ = std::string_view::npos;  // in the line before; the same as long as the topic is
};

}  // namespace

std::string hello_line(const std::vector<std::string>& topics) {
  std::string line = R"({"type":"hello","pid":0,"event_key":"bench","event_types":[)";
  for (const std::string& topic : topics) {
    if (line.back() != '[') line += ',';
    line.append(1, '"').append(topic).append(1, '"');
  }
  return line + "],\"version\":\"v1\"}\n";
}

std::string source_hello_line() {
  return R"({"type":"hello","pid":0,"event_key":"","event_types":[],"version":"v1","role":"source"})"
         "\n";
}

void append_event(std::string& out, std::string_view topic, std::string_view payload) {
  out.append(kEventBegin).append(topic).append("\"").append(kPayloadName).append(payload).append("}\n");
}

std::unique_ptr<Parser> make_parser() { return std::make_unique<EventParser>(); }

}  // namespace bus::bench::busd
