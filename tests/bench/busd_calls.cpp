#include "tests/bench/busd_calls.h"

#include "protocol/base/strings.h"
#include "tests/bench/line_cutter.h"
#include "tests/bench/wire.h"

namespace bus::bench::busd {

namespace {

constexpr std::string_view kRequest = R"({"type":"request","id":")";
constexpr std::string_view kResponse = R"({"type":"response","id":")";
constexpr std::string_view kArgs = R"(,"args":)";
constexpr std::string_view kResult = R"(","result":)";

class LineParser final : public CallParser {
 public:
  bool take(std::string_view bytes, CallSink& sink) override {
    return lines_.take(bytes, [&sink](std::string_view line) { return take_line(line, sink); });
  }

 private:
  static bool take_line(std::string_view line, CallSink& sink) {
    std::string_view value = rest_behind(line, line.starts_with(kRequest) ? kArgs : kResult);
    if (value.empty()) return false;
    if (line.starts_with(kRequest)) {
      sink.request(text_behind(line, kRequest), value);
      return true;
    }
    auto number = parse_u64(text_behind(line, kResponse));
    if (number) sink.reply(*number, value);
    return number.has_value();
  }

  LineCutter lines_;
};

}  // namespace

std::string_view text_behind(std::string_view line, std::string_view mark) {
  size_t at = line.find(mark);
  if (at == std::string_view::npos) return {};
  line.remove_prefix(at + mark.size());
  return line.substr(0, line.find('"'));
}

std::string_view rest_behind(std::string_view line, std::string_view mark) {
  size_t at = line.find(mark);
  if (at == std::string_view::npos || !line.ends_with('}')) return {};
  at += mark.size();
  return line.substr(at, line.size() - at - 1);
}

Result<void> Calls::become_provider(int fd, size_t /*provider*/, size_t slots) {
  std::string line = R"({"type":"provide","id":"p","tasks":[")" + std::string(kTask) + R"("],"slots":)" +
                     std::to_string(slots) + "}\n";
  BUSD_TRY(send_all(fd, line));
  BUSD_ASSIGN(std::string answer, read_until(fd, "\n"));
  if (!answer.starts_with(R"({"type":"response","id":"p","result":)"))
    return Error{Errc::protocol, "busd answers " + printable(answer)};
  return {};
}

Result<void> Calls::become_caller(int /*fd*/, size_t /*caller*/) { return {}; }

void Calls::append_request(std::string& out, size_t /*caller*/, uint64_t number, size_t /*provider*/,
                           std::string_view args) {
  out.append(kRequest).append(std::to_string(number)).append(R"(","task":")").append(kTask);
  out.append(R"(","timeout_ms":)").append(std::to_string(kCallTimeoutMs));
  out.append(kArgs).append(args).append("}\n");
}

void Calls::append_reply(std::string& out, std::string_view reply_to, uint64_t /*serial*/,
                         std::string_view result) {
  out.append(kResponse).append(reply_to).append(kResult).append(result).append("}\n");
}

std::unique_ptr<CallParser> Calls::make_call_parser() { return std::make_unique<LineParser>(); }

}  // namespace bus::bench::busd
