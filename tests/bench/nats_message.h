// Cuts what NATS sends (docs.nats.io, "Client Protocol") into messages with their headers.
#pragma once

#include <array>
#include <charconv>
#include <string_view>

#include "tests/bench/frame_cutter.h"

namespace bus::bench::nats {

struct Message {
  std::string_view subject;
  std::string_view reply_to;  // empty: nobody waits for a reply
  std::string_view headers;   // with their first line; empty: none
  std::string_view payload;
};

class MessageCutter {
 public:
  // Calls `on_message` (bool(const Message&), false to give up) for each message that `bytes` completes; other lines are passed over.
  // False also for an error of the server.
  template <class OnMessage>
  bool take(std::string_view bytes, OnMessage on_message) {
    return frames_.take(
        bytes, [this](std::string_view head) { return needed_bytes(head); },
        [&](std::string_view frame) {
          if (word_count_ == 0) return !frame.starts_with("-ERR");
          return on_message(message_in(frame));
        });
  }

 private:
  static constexpr size_t kLineEndBytes = 2;

  // "MSG SUBJECT SID [REPLY-TO] SIZE", "HMSG SUBJECT SID [REPLY-TO] HEADER-SIZE SIZE", or another line.
  size_t needed_bytes(std::string_view bytes) {
    size_t end = bytes.find('\n');
    if (end == std::string_view::npos) return bytes.size() + 1;
    word_count_ = 0;
    body_at_ = end + 1;
    bool has_headers = bytes.starts_with("HMSG ");
    if (!has_headers && !bytes.starts_with("MSG ")) return body_at_;
    std::string_view line = bytes.substr(0, end - 1);
    while (!line.empty() && word_count_ < words_.size()) {
      size_t space = std::min(line.find(' '), line.size());
      words_[word_count_++] = {static_cast<size_t>(line.data() - bytes.data()), space};
      line.remove_prefix(std::min(space + 1, line.size()));
    }
    size_t numbers = has_headers ? 2 : 1;
    if (!line.empty() || word_count_ < 3 + numbers) return 0;
    has_reply_to_ = word_count_ > 3 + numbers;
    size_t body_bytes = 0;
    header_bytes_ = 0;
    if (!number_in(bytes, word_count_ - 1, body_bytes)) return 0;
    if (has_headers && !number_in(bytes, word_count_ - 2, header_bytes_)) return 0;
    if (body_bytes > kMaxFrameBytes || header_bytes_ > body_bytes) return 0;
    return body_at_ + body_bytes + kLineEndBytes;
  }

  Message message_in(std::string_view frame) const {
    auto word = [&](size_t index) { return frame.substr(words_[index].at, words_[index].bytes); };
    std::string_view body = frame.substr(body_at_, frame.size() - body_at_ - kLineEndBytes);
    return {word(1), has_reply_to_ ? word(3) : std::string_view(), body.substr(0, header_bytes_),
            body.substr(header_bytes_)};
  }

  bool number_in(std::string_view bytes, size_t index, size_t& number) const {
    const char* begin = bytes.data() + words_[index].at;
    const char* end = begin + words_[index].bytes;
    auto read = std::from_chars(begin, end, number);
    return read.ec == std::errc{} && read.ptr == end;
  }

  struct Word {
    size_t at = 0;
    size_t bytes = 0;
  };

  FrameCutter frames_;
  // Of the frame that needed_bytes() saw last.
  std::array<Word, 6> words_;
  size_t word_count_ = 0;  // 0: no message
  size_t body_at_ = 0;
  size_t header_bytes_ = 0;
  bool has_reply_to_ = false;
};

}  // namespace bus::bench::nats
