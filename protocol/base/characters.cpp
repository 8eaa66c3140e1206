#include "protocol/base/characters.h"

#include "protocol/base/strings.h"

namespace bus {

namespace {

void append_escaped(std::string& out, char32_t code) {
  static constexpr char kHex[] = "0123456789abcdef";
  bool wide = code > 0xFF;
  out += wide ? "\\u" : "\\x";
  for (int shift = wide ? 12 : 4; shift >= 0; shift -= 4)
    out += kHex[(code >> static_cast<unsigned>(shift)) & 0xFU];
}

}  // namespace

Character first_character(std::string_view text) {
  size_t length = utf8_sequence_bytes(text);
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (length == 0) return {};
  if (length == 1) return {byte(0), 1};
  char32_t code = byte(0) & (0x7FU >> length);
  for (size_t i = 1; i < length; ++i) code = (code << 6U) | (byte(i) & 0x3FU);
  return {code, length};
}

bool is_control(char32_t code) {
  bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
  bool separator = code == 0x2028 || code == 0x2029;
  bool direction = code == 0x200E || code == 0x200F || code == 0x061C || (code >= 0x202A && code <= 0x202E) ||
                   (code >= 0x2066 && code <= 0x2069);
  return control || separator || direction;
}

std::string safe_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    Character c = first_character(text);
    size_t bytes = c.bytes == 0 ? 1 : c.bytes;
    if (c.bytes == 0) {
      append_escaped(out, static_cast<unsigned char>(text[0]));
    } else if (is_control(c.code)) {
      append_escaped(out, c.code);
    } else {
      out += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return out;
}

}  // namespace bus
