// Cuts what Redis sends (RESP3, of which RESP2 is a part; redis.io, "RESP protocol spec") into tokens: the head of an array, map or
// push, a string, a number.
//
// A long array is many short tokens, so that nothing is looked at twice, however the stream comes in pieces.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "tests/bench/frame_cutter.h"

namespace bus::bench::redis {

struct Token {
  char kind = 0;          // the first byte of its line: '*' '%' '>' '$' '+' '-' ':' and others
  int64_t number = 0;     // of elements, of bytes, or the number itself; -1 of '$' and '*': there is none
  std::string_view text;  // of a string
};

class TokenCutter {
 public:
  // Calls `on_token` (bool(const Token&), false to give up) for each token that `bytes` completes. False: not the protocol.
  template <class OnToken>
  bool take(std::string_view bytes, OnToken on_token) {
    return frames_.take(
        bytes, [this](std::string_view head) { return needed_bytes(head); },
        [&](std::string_view frame) {
          token_.text = frame.substr(text_at_, frame.size() - text_at_ - kLineEndBytes);
          return on_token(token_);
        });
  }

 private:
  static constexpr size_t kLineEndBytes = 2;

  size_t needed_bytes(std::string_view bytes) {
    size_t end = bytes.find('\n');
    if (end == std::string_view::npos) return bytes.size() + 1;
    if (end < kLineEndBytes) return 0;
    token_ = {bytes[0], 0, {}};
    text_at_ = 1;
    bool is_counted = std::string_view("*%>$:").find(token_.kind) != std::string_view::npos;
    if (!is_counted) return end + 1;
    const char* last = bytes.data() + end - 1;
    auto read = std::from_chars(bytes.data() + 1, last, token_.number);
    if (read.ec != std::errc{} || read.ptr != last) return 0;
    if (token_.kind != '$' || token_.number < 0) return end + 1;
    text_at_ = end + 1;
    return text_at_ + static_cast<size_t>(token_.number) + kLineEndBytes;
  }

  FrameCutter frames_;
  Token token_;  // of the frame that needed_bytes() saw last
  size_t text_at_ = 0;
};

}  // namespace bus::bench::redis
