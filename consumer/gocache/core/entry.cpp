#include "consumer/gocache/core/entry.h"

#include <charconv>

namespace bus::gocache {

namespace {

// "v1 ACTION OUTPUT SIZE TIME\n": ids in hex, numbers in decimal, filled up with spaces in front.
constexpr std::string_view kVersion = "v1 ";
constexpr size_t kHex = 64;
constexpr size_t kNumber = 20;
constexpr size_t kActionAt = kVersion.size();
constexpr size_t kOutputAt = kActionAt + kHex + 1;
constexpr size_t kSizeAt = kOutputAt + kHex + 1;
constexpr size_t kTimeAt = kSizeAt + kNumber + 1;
static_assert(kTimeAt + kNumber + 1 == kEntryBytes);

void append_number(std::string& out, const std::string& digits) {
  out += ' ';
  out.append(kNumber - digits.size(), ' ');
  out += digits;
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
  size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return false;
  text.remove_prefix(first);
  auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), out);
  return fault == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string line_of(const Entry& entry) {
  std::string out(kVersion);
  append_hex(out, entry.action);
  out += ' ';
  append_hex(out, entry.output);
  append_number(out, std::to_string(entry.size));
  append_number(out, std::to_string(entry.time_ns));
  return out += '\n';
}

std::optional<Entry> entry_of(std::string_view line) {
  if (line.size() != kEntryBytes || !line.starts_with(kVersion) || line.back() != '\n') return std::nullopt;
  for (size_t at : {kOutputAt, kSizeAt, kTimeAt}) {
    if (line[at - 1] != ' ') return std::nullopt;
  }
  auto action = id_of_hex(line.substr(kActionAt, kHex));
  auto output = id_of_hex(line.substr(kOutputAt, kHex));
  Entry out;
  if (!action || !output || !read_number(line.substr(kSizeAt, kNumber), out.size) ||
      !read_number(line.substr(kTimeAt, kNumber), out.time_ns) || out.time_ns < 0) {
    return std::nullopt;
  }
  // The go command takes a size for a signed number.
  if (out.size > static_cast<uint64_t>(INT64_MAX)) return std::nullopt;
  out.action = *action;
  out.output = *output;
  return out;
}

}  // namespace bus::gocache
