// What every message of a run carries: a JSON object of an exact size, the same in all messages but for a
// number.
//
// The number stands at a fixed place as a string of kNumberDigits digits, so that a message is renumbered by
// overwriting digits, and checked without a parser of JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bus::bench {

enum class PayloadKind {
  dense,  // numbers of all forms, short strings, literals, nesting: the most work per byte for who checks
          // JSON
  text,   // one long string of prose with an escape here and there
};

inline constexpr size_t kMinPayloadBytes = 64;
inline constexpr std::string_view kNumberMark = R"({"n":")";  // what stands before the digits
inline constexpr size_t kNumberDigits = 10;

// Exactly `bytes` (at least kMinPayloadBytes) of compact, valid JSON, with the number 0. Dense ones come in
// kPayloadVariants, which differ from their first value on.
std::string make_payload(PayloadKind kind, size_t bytes, size_t variant = 0);
inline constexpr size_t kPayloadVariants = 12;

// `number` (below 10^kNumberDigits) as it stands in a payload.
std::string number_text(uint64_t number);

// Counts such a text up by one where it stands: cheaper than writing each number anew.
void increment_number(std::string& digits);

// The number in `payload`; nothing when there is none.
std::optional<uint64_t> number_of(std::string_view payload);

}  // namespace bus::bench
