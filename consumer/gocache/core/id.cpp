#include "consumer/gocache/core/id.h"

namespace bus::gocache {

namespace {

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

std::optional<Id> id_of(std::string_view bytes) {
  Id out;
  if (bytes.size() != out.bytes.size()) return std::nullopt;
  std::memcpy(out.bytes.data(), bytes.data(), bytes.size());
  return out;
}

void append_hex(std::string& out, const Id& id) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (uint8_t byte : id.bytes) {
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
}

std::string hex(const Id& id) {
  std::string out;
  append_hex(out, id);
  return out;
}

std::optional<Id> id_of_hex(std::string_view text) {
  Id out;
  if (text.size() != 2 * out.bytes.size()) return std::nullopt;
  for (size_t i = 0; i < out.bytes.size(); ++i) {
    int high = digit_of(text[2 * i]);
    int low = digit_of(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.bytes[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return out;
}

}  // namespace bus::gocache
