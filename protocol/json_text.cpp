#include "protocol/json_text.h"

#include <charconv>
#include <cstdint>

#include "protocol/base/eight_bytes.h"
#include "protocol/base/strings.h"

namespace bus {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr size_t kUnicodeEscapeBytes = 6;                  // \uXXXX

bool is_high_surrogate(uint32_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low_surrogate(uint32_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

// The code unit of the \uXXXX that `text` begins with.
uint32_t unit_of(std::string_view text) {
  uint32_t unit = 0;
  std::from_chars(text.data() + 2, text.data() + kUnicodeEscapeBytes, unit, 16);
  return unit;
}

void append_utf8(std::string& out, uint32_t code_point) {
  auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0U | (code_point >> 6U));
    put(0x80U | (code_point & 0x3FU));
  } else if (code_point < 0x10000) {
    put(0xE0U | (code_point >> 12U));
    put(0x80U | ((code_point >> 6U) & 0x3FU));
    put(0x80U | (code_point & 0x3FU));
  } else {
    put(0xF0U | (code_point >> 18U));
    put(0x80U | ((code_point >> 12U) & 0x3FU));
    put(0x80U | ((code_point >> 6U) & 0x3FU));
    put(0x80U | (code_point & 0x3FU));
  }
}

// Takes one or two \uXXXX from the front of `text`. False for half of a surrogate pair.
bool take_unicode_escape(std::string& out, std::string_view& text) {
  uint32_t unit = unit_of(text);
  text.remove_prefix(kUnicodeEscapeBytes);
  if (is_high_surrogate(unit) && text.starts_with("\\u")) {
    uint32_t low = unit_of(text);
    if (is_low_surrogate(low)) {
      text.remove_prefix(kUnicodeEscapeBytes);
      append_utf8(out, 0x10000 + ((unit - 0xD800) << 10U) + (low - 0xDC00));
      return true;
    }
  }
  if (is_high_surrogate(unit) || is_low_surrogate(unit)) {
    out += kReplacement;
    return false;
  }
  append_utf8(out, unit);
  return true;
}

char simple_escape(char letter) {
  switch (letter) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return letter;
  }
}

void append_escaped(std::string& out, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
    case '\\':
      out += {'\\', c};
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += {'\\',
              'u',
              '0',
              '0',
              kHex[(static_cast<unsigned char>(c) >> 4U) & 15U],
              kHex[static_cast<unsigned char>(c) & 15U]};
  }
}

// Whether all of `text` is ASCII and stands for itself in a string.
bool is_plain(std::string_view text) {
  return has_none(text, ' ', [](uint64_t word) {
    using namespace eight_bytes;
    return not_ascii(word) | below(word, 0x20) | equal(word, '"') | equal(word, '\\');
  });
}

}  // namespace

bool append_decoded(std::string& out, std::string_view token) {
  std::string_view text = token.substr(1, token.size() - 2);
  bool whole = true;
  for (;;) {
    size_t escape = text.find('\\');
    out += text.substr(0, escape);
    if (escape == std::string_view::npos) return whole;
    text.remove_prefix(escape);
    if (text[1] == 'u') {
      whole = take_unicode_escape(out, text) && whole;
    } else {
      out += simple_escape(text[1]);
      text.remove_prefix(2);
    }
  }
}

std::string decode_json_string(std::string_view token) {
  std::string out;
  append_decoded(out, token);
  return out;
}

bool token_is(std::string_view token, std::string_view text) {
  std::string_view inside = token.substr(1, token.size() - 2);
  if (inside.find('\\') == std::string_view::npos) return inside == text;
  std::string decoded;
  return append_decoded(decoded, token) && decoded == text;
}

size_t json_string_bytes(std::string_view text) {
  if (is_plain(text)) return text.size() + 2;
  std::string token;
  append_json_string(token, text);
  return token.size();
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  if (is_plain(text)) {
    out += text;
    text = {};
  }
  while (!text.empty()) {
    size_t plain = 0;
    size_t invalid = 0;
    while (plain < text.size()) {
      auto c = static_cast<unsigned char>(text[plain]);
      if (c < 0x20 || c == '"' || c == '\\') break;
      size_t bytes = c < 0x80 ? 1 : utf8_sequence_bytes(text.substr(plain));
      if (bytes == 0) {
        invalid = 1;
        break;
      }
      plain += bytes;
    }
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    if (invalid != 0) {
      out += kReplacement;
    } else {
      append_escaped(out, text[0]);
    }
    text.remove_prefix(1);
  }
  out += '"';
}

}  // namespace bus
