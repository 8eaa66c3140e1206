#include "tests/bench/zmtp_wire.h"

#include "tests/bench/frame_cutter.h"

namespace bus::bench::zmtp {

namespace {

// The first byte of a frame is a set of these.
constexpr uint8_t kMore = 1;
constexpr uint8_t kLong = 2;
constexpr uint8_t kCommand = 4;
constexpr uint8_t kKnownFlags = kMore | kLong | kCommand;

constexpr size_t kShortHeadBytes = 2;
constexpr size_t kLongHeadBytes = 9;
constexpr size_t kMaxShortBodyBytes = 255;
constexpr char kTopicEnd = '\0';

constexpr char kSubscribe = '\x01';
constexpr char kCancel = '\x00';

uint8_t flags_of(std::string_view frame) { return static_cast<uint8_t>(frame[0]); }

std::string_view body_of(std::string_view frame) {
  return frame.substr(flags_of(frame) & kLong ? kLongHeadBytes : kShortHeadBytes);
}

void append_number(std::string& out, size_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(number >> shift);
}

void append_head(std::string& out, uint8_t flags, size_t body_bytes) {
  bool is_long = body_bytes > kMaxShortBodyBytes;
  out += static_cast<char>(is_long ? flags | kLong : flags);
  append_number(out, body_bytes, is_long ? 8 : 1);
}

std::string request(char what, std::string_view topic) {
  std::string out;
  append_head(out, 0, 1 + topic.size() + 1);
  out += what;
  out += topic;
  out += kTopicEnd;
  return out;
}

class MessageParser final : public Parser {
 public:
  bool take(std::string_view bytes, MessageSink& sink) override {
    return cutter_.take(bytes, needed_bytes, [this, &sink](std::string_view frame) {
      if (flags_of(frame) & kCommand) return true;
      bool more = flags_of(frame) & kMore;
      if (more == in_message_) return false;
      std::string_view body = body_of(frame);
      if (more) {
        is_probe_ = body.starts_with(kProbeMark);
      } else if (!is_probe_) {
        sink.message(body);
      }
      in_message_ = more;
      return true;
    });
  }

 private:
  FrameCutter cutter_;
  bool in_message_ = false;  // a topic has come, its payload has not
  bool is_probe_ = false;    // and belongs to a probe
};

}  // namespace

std::string greeting() {
  std::string out = "\xff";
  append_number(out, 0, 8);
  out += "\x7f\x03";
  out += '\0';
  out += "NULL";
  out.resize(kGreetingBytes, '\0');
  return out;
}

bool is_greeting(std::string_view bytes) {
  return bytes.size() == kGreetingBytes && bytes[0] == '\xff' && bytes[9] == '\x7f' && bytes[10] >= 3 &&
         bytes.substr(12).starts_with(std::string_view("NULL\0", 5));
}

std::string ready(std::string_view socket_type) {
  constexpr std::string_view kName = "\x05READY";
  constexpr std::string_view kProperty = "\x0bSocket-Type";
  std::string out;
  append_head(out, kCommand, kName.size() + kProperty.size() + 4 + socket_type.size());
  out += kName;
  out += kProperty;
  append_number(out, socket_type.size(), 4);
  out += socket_type;
  return out;
}

bool is_ready(std::string_view frame) {
  return (flags_of(frame) & kCommand) && body_of(frame).starts_with("\x05READY");
}

size_t needed_bytes(std::string_view bytes) {
  if (bytes.empty()) return kShortHeadBytes;
  if (flags_of(bytes) & ~kKnownFlags) return 0;
  size_t head_bytes = flags_of(bytes) & kLong ? kLongHeadBytes : kShortHeadBytes;
  if (bytes.size() < head_bytes) return head_bytes;
  size_t body_bytes = 0;
  for (size_t i = 1; i < head_bytes; ++i) body_bytes = body_bytes << 8 | static_cast<uint8_t>(bytes[i]);
  return body_bytes > kMaxFrameBytes ? 0 : head_bytes + body_bytes;
}

std::string subscription(std::string_view topic) { return request(kSubscribe, topic); }

std::string cancellation(std::string_view topic) { return request(kCancel, topic); }

void append_message(std::string& out, std::string_view topic, std::string_view payload) {
  append_head(out, kMore, topic.size() + 1);
  out += topic;
  out += kTopicEnd;
  append_head(out, 0, payload.size());
  out += payload;
}

bool is_topic(std::string_view frame, std::string_view topic) {
  std::string_view body = body_of(frame);
  return !(flags_of(frame) & kCommand) && (flags_of(frame) & kMore) && body.ends_with(kTopicEnd) &&
         body.substr(0, body.size() - 1) == topic;
}

std::unique_ptr<Parser> make_parser() { return std::make_unique<MessageParser>(); }

}  // namespace bus::bench::zmtp
