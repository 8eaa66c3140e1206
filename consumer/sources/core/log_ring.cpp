#include "consumer/sources/core/log_ring.h"

#include "protocol/base/strings.h"

namespace bus::sources {

namespace {

// With each byte that is no UTF-8, and each NUL, replaced by U+FFFD.
std::string as_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    size_t length = text.front() == '\0' ? 0 : utf8_sequence_bytes(text);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return out;
}

// At most `bytes`, cut between characters.
std::string_view beginning(std::string_view text, size_t bytes) {
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80) --bytes;
  return text.substr(0, bytes);
}

}  // namespace

void LogRing::add(Stream stream, uint64_t run, int64_t time_ms, std::string_view text) {
  size_t longest = max_bytes_ / 4;
  std::string kept = text.size() <= longest ? as_utf8(text)
                                            : as_utf8(beginning(text, longest)) + "… (" +
                                                  std::to_string(text.size()) + " bytes)";
  bytes_ += kept.size() + kLineOverhead;
  lines_.push_back({next_++, time_ms, stream, run, std::move(kept)});
  trim();
}

void LogRing::set_max_bytes(size_t max_bytes) {
  max_bytes_ = max_bytes;
  trim();
}

void LogRing::trim() {
  while (bytes_ > max_bytes_ && lines_.size() > 1) {
    bytes_ -= lines_.front().text.size() + kLineOverhead;
    lines_.pop_front();
  }
}

}  // namespace bus::sources
