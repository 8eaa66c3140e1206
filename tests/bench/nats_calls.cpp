#include "tests/bench/nats_calls.h"

#include <algorithm>
#include <charconv>

#include "protocol/base/strings.h"
#include "tests/bench/frame_cutter.h"
#include "tests/bench/nats_wire.h"
#include "tests/bench/payload.h"
#include "tests/bench/wire.h"

namespace bus::bench::nats {

namespace {

constexpr std::string_view kSubject = "bench.echo";
constexpr std::string_view kMessage = "MSG ";
constexpr std::string_view kError = "-ERR";
constexpr std::string_view kLineEnd = "\r\n";

// As long as those of the clients: 22 characters, of which the caller's number is the end.
std::string inbox_of(size_t caller) { return "_INBOX.benchbenchxx" + number_text(caller) + "."; }

void append_message(std::string& out, std::string_view subject, std::string_view reply_to,
                    std::string_view payload) {
  out.append("PUB ").append(subject).append(" ");
  if (!reply_to.empty()) out.append(reply_to).append(" ");
  out.append(std::to_string(payload.size())).append(kLineEnd).append(payload).append(kLineEnd);
}

// "MSG SUBJECT SID [REPLY-TO] SIZE\r\n", the payload, "\r\n"; or a line.
class Parser final : public CallParser {
 public:
  bool take(std::string_view bytes, CallSink& sink) override {
    return frames_.take(
        bytes, [this](std::string_view head) { return needed_bytes(head); },
        [&](std::string_view frame) { return take_frame(frame, sink); });
  }

 private:
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

  bool take_frame(std::string_view frame, CallSink& sink) const {
    if (!frame.starts_with(kMessage)) return !frame.starts_with(kError);
    std::string_view payload = frame.substr(payload_at_, payload_bytes_);
    std::string_view words = frame.substr(kMessage.size(), payload_at_ - kLineEnd.size() - kMessage.size());
    std::string_view subject = words.substr(0, words.find(' '));
    if (std::count(words.begin(), words.end(), ' ') == 3) {
      words.remove_prefix(words.find(' ', subject.size() + 1) + 1);
      sink.request(words.substr(0, words.find(' ')), payload);
      return true;
    }
    auto number = parse_u64(subject.substr(subject.rfind('.') + 1));
    if (number) sink.reply(*number, payload);
    return number.has_value();
  }

  FrameCutter frames_;
  size_t payload_at_ = 0;
  size_t payload_bytes_ = 0;
};

Result<void> subscribe_to(int fd, std::string_view subject_and_group) {
  BUSD_TRY(send_all(fd, subscribe(subject_and_group, 1).append(kPing)));
  BUSD_ASSIGN(std::string line, read_until(fd, kLineEnd));
  if (line != kPong) return Error{Errc::protocol, "NATS: " + printable(line)};
  return {};
}

}  // namespace

Result<void> Calls::become_provider(int fd, size_t /*provider*/, size_t /*slots*/) {
  return subscribe_to(fd, std::string(kSubject) + " providers");
}

Result<void> Calls::become_caller(int fd, size_t caller) { return subscribe_to(fd, inbox_of(caller) + "*"); }

void Calls::append_request(std::string& out, size_t caller, uint64_t number, size_t /*provider*/,
                           std::string_view args) {
  append_message(out, kSubject, inbox_of(caller) + std::to_string(number), args);
}

void Calls::append_reply(std::string& out, std::string_view reply_to, uint64_t /*serial*/,
                         std::string_view result) {
  append_message(out, reply_to, {}, result);
}

std::unique_ptr<CallParser> Calls::make_call_parser() { return std::make_unique<Parser>(); }

}  // namespace bus::bench::nats
