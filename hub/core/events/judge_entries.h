// Whether a consumer would get events of a type, by which of its entries, and why not (PROTOCOL.md 5 and 10, `bus.explain`).
//
// Texts are for people, and hold text of peers as it is. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bus::hub {

// Why `entry`, which does not match, is close to matching; empty when it is not close.
std::string near_miss(std::string_view entry, std::string_view type);

struct Verdict {
  enum class Kind : uint8_t { gets, nearly, no };
  Kind kind = Kind::no;
  std::string why;  // one line
};

// `entries`: event_types of the consumer. `look_closely`: for near misses, too, which takes much longer.
Verdict judge_entries(const std::vector<std::string>& entries, std::string_view type,
                      bool look_closely = true);

// Whether an event type that nobody takes may be meant by another one.
bool is_nearly(std::string_view type, std::string_view other);

}  // namespace bus::hub
