#include "protocol/base/strings.h"

#include <array>
#include <charconv>

#include "protocol/base/characters.h"

namespace bus {

namespace {

struct Unit {
  std::string_view suffix;
  int64_t ms;
};

// Longest suffix first, since "ms" ends in "s".
constexpr std::array<Unit, 4> kUnits = {{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};

struct SizeUnit {
  std::string_view suffix;
  size_t bytes;
};
constexpr std::array<SizeUnit, 3> kSizeUnits = {{{"GiB", 1U << 30U}, {"MiB", 1U << 20U}, {"KiB", 1U << 10U}}};

// Far beyond any use, and far below where adding it to a time point overflows.
constexpr int64_t kMaxDurationMs = int64_t{366} * 24 * 3'600'000;

}  // namespace

size_t utf8_sequence_bytes(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  auto continues = [&](size_t i) { return i < text.size() && (byte(i) & 0xC0U) == 0x80U; };
  unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return continues(1) ? 2 : 0;
  if (first < 0xF0) {
    if (!continues(1) || !continues(2)) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;
    if (first == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (first < 0xF5) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

std::optional<uint64_t> parse_u64(std::string_view text) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || text.empty()) return std::nullopt;
  return value;
}

Result<Duration> parse_duration(std::string_view text) {
  for (const Unit& unit : kUnits) {
    if (text.size() <= unit.suffix.size() || !text.ends_with(unit.suffix)) continue;
    auto count = parse_u64(text.substr(0, text.size() - unit.suffix.size()));
    if (!count) break;
    if (*count > static_cast<uint64_t>(kMaxDurationMs / unit.ms)) {
      return Error{Errc::invalid, "duration " + printable(text) + " is longer than a year"};
    }
    return Duration(milliseconds(static_cast<int64_t>(*count) * unit.ms));
  }
  return Error{
      Errc::invalid,
      printable(text) + " is not a duration: write a whole number with ms, s, m or h, such as 500ms or 2s"};
}

std::string format_duration(Duration d) {
  int64_t ms = to_ms(d);
  // The largest unit that divides it, hours excepted: "90m" reads better than "5400s", "60m" as well as "1h".
  for (size_t i = kUnits.size() - 1; i-- > 1;) {
    if (ms != 0 && ms % kUnits[i].ms == 0)
      return std::to_string(ms / kUnits[i].ms) + std::string(kUnits[i].suffix);
  }
  return ms == 0 ? "0s" : std::to_string(ms) + "ms";
}

Result<size_t> parse_size(std::string_view text) {
  size_t unit = 1;
  std::string_view digits = text;
  for (const SizeUnit& each : kSizeUnits) {
    if (!digits.ends_with(each.suffix)) continue;
    digits.remove_suffix(each.suffix.size());
    unit = each.bytes;
    break;
  }
  auto count = parse_u64(digits);
  if (!count || *count > SIZE_MAX / unit) {
    return Error{
        Errc::invalid,
        printable(text) +
            " is not a size: write a whole number of bytes, or one with KiB, MiB or GiB, such as 8MiB"};
  }
  return *count * unit;
}

std::string format_size(size_t bytes) {
  for (const SizeUnit& unit : kSizeUnits) {
    if (bytes != 0 && bytes % unit.bytes == 0)
      return std::to_string(bytes / unit.bytes) + std::string(unit.suffix);
  }
  return std::to_string(bytes);
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    size_t length = utf8_sequence_bytes(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string printable(std::string_view text, size_t max_bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  while (!text.empty()) {
    if (out.size() > max_bytes) {
      out += "…";
      break;
    }
    auto c = static_cast<unsigned char>(text[0]);
    Character character = first_character(text);
    size_t length = character.bytes;
    if (length == 0 || is_control(character.code)) {
      size_t bytes = length == 0 ? 1 : length;
      for (size_t i = 0; i < bytes; ++i) {
        auto b = static_cast<unsigned char>(text[i]);
        if (b == '\n') {
          out += "\\n";
        } else {
          out += {'\\', 'x', kHex[b >> 4U], kHex[b & 15U]};
        }
      }
      text.remove_prefix(bytes);
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out.append(text.substr(0, length));
    text.remove_prefix(length);
  }
  out += '"';
  return out;
}

}  // namespace bus
