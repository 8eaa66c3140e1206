// One entry of `event_types`: an exact type, every type, or a dotted prefix (PROTOCOL.md 5, capability
// `patterns`).
#pragma once

#include <string_view>

namespace bus {

struct EventPattern {
  enum class Kind {
    exact,   // equal byte for byte
    prefix,  // "build.*": starts with `text` ("build.") and is longer
    all,     // "*"
  };
  Kind kind = Kind::exact;
  std::string_view text;  // exact: the type; prefix: what stands before the '*', with its dot; all: empty
};

// Never fails: what is not a pattern is an exact type. `text` points into `entry`.
EventPattern parse_event_pattern(std::string_view entry);

bool matches(const EventPattern& pattern, std::string_view event_type);

}  // namespace bus
