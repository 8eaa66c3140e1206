#include "tests/bench/nats_wire.h"

#include <charconv>

#include "tests/bench/frame_cutter.h"

namespace bus::bench::nats {

namespace {

constexpr std::string_view kMessage = "MSG ";
constexpr std::string_view kError = "-ERR";
constexpr std::string_view kLineEnd = "\r\n";

class MessageParser : public Parser {
 public:
  bool take(std::string_view bytes, MessageSink& sink) override {
    return frames_.take(
        bytes, [this](std::string_view head) { return needed_bytes(head); },
        [&](std::string_view frame) { return take_frame(frame, sink); });
  }

 private:
  // "MSG SUBJECT SID SIZE\r\n", the payload, "\r\n"; or a line. Remembers where the payload stands.
  size_t needed_bytes(std::string_view bytes) {
    size_t end = bytes.find('\n');
    if (end == std::string_view::npos) return bytes.size() + 1;
    payload_at_ = end + 1;
    if (!bytes.starts_with(kMessage)) return end + 1;
    size_t space = bytes.rfind(' ', end);
    const char* line_end = bytes.data() + end - 1;
    auto read = std::from_chars(bytes.data() + space + 1, line_end, payload_bytes_);
    if (read.ec != std::errc{} || read.ptr != line_end || payload_bytes_ > kMaxFrameBytes) return 0;
    return payload_at_ + payload_bytes_ + kLineEnd.size();
  }

  bool take_frame(std::string_view frame, MessageSink& sink) const {
    if (!frame.starts_with(kMessage)) return !frame.starts_with(kError);
    sink.message(frame.substr(payload_at_, payload_bytes_));
    return true;
  }

  FrameCutter frames_;
  size_t payload_at_ = 0;
  size_t payload_bytes_ = 0;
};

}  // namespace

std::string connect_and_ping() {
  return "CONNECT "
         "{\"verbose\":false,\"pedantic\":false,\"lang\":\"none\",\"version\":\"1\",\"protocol\":0}\r\n" +
         std::string(kPing);
}

std::string subscribe(std::string_view subject, size_t id) {
  return "SUB " + std::string(subject) + " " + std::to_string(id) + std::string(kLineEnd);
}

void append_publication(std::string& out, std::string_view subject, std::string_view payload) {
  out.append("PUB ").append(subject).append(" ").append(std::to_string(payload.size())).append(kLineEnd);
  out.append(payload).append(kLineEnd);
}

std::unique_ptr<Parser> make_parser() { return std::make_unique<MessageParser>(); }

}  // namespace bus::bench::nats
