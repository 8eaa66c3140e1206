#include "consumer/cli/text.h"

#include <cstdint>
#include <cwchar>

namespace bus::cli {

namespace {

constexpr char kHex[] = "0123456789abcdef";

struct Character {
  char32_t code = 0;
  size_t bytes = 0;  // 0: not UTF-8
};

// The first character of `text`, which is not empty, by RFC 3629.
Character first_character(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {};
  char32_t code = lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0u) != 0x80u) return {};
    code = (code << 6u) | (byte(i) & 0x3Fu);
  }
  bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (overlong || surrogate || code > 0x10FFFF) return {};
  return {code, length};
}

bool harmful(char32_t code) {
  bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
  bool separator = code == 0x2028 || code == 0x2029;
  bool bidi = code == 0x200E || code == 0x200F || code == 0x061C || (code >= 0x202A && code <= 0x202E) ||
              (code >= 0x2066 && code <= 0x2069);
  return control || separator || bidi;
}

void append_escaped(std::string& out, char32_t code) {
  bool wide = code > 0xFF;
  out += wide ? "\\u" : "\\x";
  for (int shift = wide ? 12 : 4; shift >= 0; shift -= 4)
    out += kHex[(code >> static_cast<unsigned>(shift)) & 0xFu];
}

size_t columns_of(char32_t code) {
  int width = wcwidth(static_cast<wchar_t>(code));
  return width < 0 ? 1 : static_cast<size_t>(width);
}

}  // namespace

std::string safe_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    Character c = first_character(text);
    if (c.bytes == 0) {
      append_escaped(out, static_cast<unsigned char>(text[0]));
      text.remove_prefix(1);
      continue;
    }
    if (harmful(c.code)) {
      append_escaped(out, c.code);
    } else {
      out += text.substr(0, c.bytes);
    }
    text.remove_prefix(c.bytes);
  }
  return out;
}

std::optional<size_t> first_byte_not_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    Character c = first_character(text.substr(at));
    if (c.bytes == 0) return at;
    at += c.bytes;
  }
  return std::nullopt;
}

size_t columns_of(std::string_view text) {
  size_t columns = 0;
  while (!text.empty()) {
    Character c = first_character(text);
    columns += c.bytes == 0 ? 1 : columns_of(c.code);
    text.remove_prefix(c.bytes == 0 ? 1 : c.bytes);
  }
  return columns;
}

std::string cut_to_columns(std::string_view text, size_t columns) {
  if (columns_of(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  size_t used = 0;
  size_t bytes = 0;
  while (bytes < text.size()) {
    Character c = first_character(text.substr(bytes));
    size_t width = c.bytes == 0 ? 1 : columns_of(c.code);
    if (used + width > columns - 1) break;
    used += width;
    bytes += c.bytes == 0 ? 1 : c.bytes;
  }
  return std::string(text.substr(0, bytes)) + "…";
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4u];
      out += kHex[byte & 0xFu];
    } else {
      out += c;
    }
  }
  out += '"';
}

void join_json_lines(std::string& json) {
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    char c = json[i];
    if (c == '"') in_string = !in_string;
    if (c == '\\' && in_string) ++i;
    if (!in_string && (c == '\n' || c == '\r')) json[i] = ' ';
  }
}

std::string grouped(unsigned long long number) {
  std::string digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ' ');
  }
  return digits;
}

std::string counted(unsigned long long number, std::string_view noun) {
  return std::to_string(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

}  // namespace bus::cli
