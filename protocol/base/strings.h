// Small text helpers: numbers, durations, sizes, and making untrusted text safe for one log line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/clock.h"
#include "protocol/base/result.h"

namespace bus {

// Decimal digits only, no sign, no spaces; nothing when it does not fit.
std::optional<uint64_t> parse_u64(std::string_view text);

// "500ms", "2s", "10m", "1h"; a bare number is refused, because nobody remembers its unit. Error: invalid.
Result<Duration> parse_duration(std::string_view text);

// The shortest exact form that parse_duration reads: "90s", "1500ms", "10m".
std::string format_duration(Duration d);

// "8MiB", "512KiB", "1GiB", or a bare number of bytes. Error invalid.
Result<size_t> parse_size(std::string_view text);
std::string format_size(size_t bytes);

// Bytes of the UTF-8 sequence that `text` (not empty) begins with, by RFC 3629; 0 when it begins with none.
size_t utf8_sequence_bytes(std::string_view text);

// Valid UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// `text` between double quotes on one line: control characters, quotes, backslashes and bytes that are not
// UTF-8 are escaped (\n, \", \x1b), and what is longer than `max_bytes` is cut with "…".
std::string printable(std::string_view text, size_t max_bytes = 256);

}  // namespace bus
