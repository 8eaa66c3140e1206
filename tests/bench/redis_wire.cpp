#include "tests/bench/redis_wire.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "tests/bench/frame_cutter.h"

namespace bus::bench::redis {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kMessageHead = "*3\r\n$7\r\nmessage\r\n";

void append_bulk(std::string& out, std::string_view bytes) {
  out.append("$").append(std::to_string(bytes.size())).append(kLineEnd).append(bytes).append(kLineEnd);
}

std::string array_of(std::initializer_list<std::string_view> words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (std::string_view word : words) append_bulk(out, word);
  return out;
}

// Walks over what has come of a push; each step says whether it stood there whole.
class Walk {
 public:
  explicit Walk(std::string_view bytes) : bytes_(bytes) {}

  enum class Step { done, incomplete, wrong };

  // "$SIZE\r\n": then the bulk begins at at().
  Step bulk_head(size_t& size) {
    size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) return Step::incomplete;
    if (bytes_[at_] != '$') return Step::wrong;
    const char* last = bytes_.data() + end - 1;
    auto read = std::from_chars(bytes_.data() + at_ + 1, last, size);
    if (read.ec != std::errc{} || read.ptr != last || size > kMaxFrameBytes) return Step::wrong;
    at_ = end + 1;
    return Step::done;
  }
  bool skip(size_t bytes) {
    at_ += bytes;
    return at_ < bytes_.size();
  }
  size_t at() const { return at_; }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
};

class PushParser : public Parser {
 public:
  bool take(std::string_view bytes, MessageSink& sink) override {
    return frames_.take(
        bytes, [this](std::string_view head) { return needed_bytes(head); },
        [&](std::string_view frame) {
          sink.message(frame.substr(payload_at_, payload_bytes_));
          return true;
        });
  }

 private:
  size_t needed_bytes(std::string_view bytes) {
    size_t compared = std::min(bytes.size(), kMessageHead.size());
    if (bytes.substr(0, compared) != kMessageHead.substr(0, compared)) return 0;
    size_t more = bytes.size() + 1;
    Walk walk(bytes);
    size_t channel_bytes = 0;
    if (!walk.skip(kMessageHead.size())) return more;
    Walk::Step channel = walk.bulk_head(channel_bytes);
    if (channel != Walk::Step::done) return channel == Walk::Step::wrong ? 0 : more;
    if (!walk.skip(channel_bytes + kLineEnd.size())) return more;
    Walk::Step payload = walk.bulk_head(payload_bytes_);
    if (payload != Walk::Step::done) return payload == Walk::Step::wrong ? 0 : more;
    payload_at_ = walk.at();
    return payload_at_ + payload_bytes_ + kLineEnd.size();
  }

  FrameCutter frames_;
  size_t payload_at_ = 0;
  size_t payload_bytes_ = 0;
};

}  // namespace

std::string subscribe(std::string_view channel) { return array_of({"SUBSCRIBE", channel}); }

std::string subscribed(std::string_view channel, size_t count) {
  return "*3\r\n$9\r\nsubscribe\r\n$" + std::to_string(channel.size()) + "\r\n" + std::string(channel) +
         "\r\n:" + std::to_string(count) + "\r\n";
}

void append_publish(std::string& out, std::string_view channel, std::string_view payload) {
  out += array_of({"PUBLISH", channel, payload});
}

std::unique_ptr<Parser> make_parser() { return std::make_unique<PushParser>(); }

}  // namespace bus::bench::redis
