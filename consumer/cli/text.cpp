#include "consumer/cli/text.h"

#include <cstdint>
#include <cwchar>

namespace bus::cli {

namespace {

constexpr char kHex[] = "0123456789abcdef";

size_t columns_of(char32_t code) {
  int width = wcwidth(static_cast<wchar_t>(code));
  return width < 0 ? 1 : static_cast<size_t>(width);
}

}  // namespace

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

std::vector<std::string> wrapped(std::string_view text, size_t columns) {
  std::vector<std::string> lines(1);
  while (true) {
    size_t end = text.find(' ');
    std::string_view word = text.substr(0, end);
    if (!lines.back().empty() && columns_of(lines.back()) + 1 + columns_of(word) > columns) {
      lines.emplace_back(word);
    } else {
      lines.back().append(lines.back().empty() ? "" : " ").append(word);
    }
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
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

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

void join_json_lines(std::string& json) {
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    char c = json[i];
    if (c == '"') in_string = !in_string;
    if (c == '\\' && in_string) ++i;
    if (!in_string && (c == '\n' || c == '\r')) json[i] = ' ';
  }
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

std::string grouped(unsigned long long number) {
  std::string digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ' ');
  }
  return digits;
}

std::string named_once(std::string text, std::string_view path) {
  std::string beginning = "values in " + in_quotes(path) + ": ";
  size_t first = path.empty() ? std::string::npos : text.find(beginning);
  if (first == std::string::npos) return text;
  if (text.find(path, first + beginning.size()) != std::string::npos) text.erase(first, beginning.size());
  return text;
}

std::string counted(unsigned long long number, std::string_view noun) {
  return std::to_string(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

}  // namespace bus::cli
