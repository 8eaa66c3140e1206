// Which consumers would get an event of a type, by which of their entries, and why the others would not.
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "consumer/cli/status_report.h"

namespace bus::cli {

// The rule of PROTOCOL.md 5: `*` matches every type; an entry that ends in `.*` matches the types that begin
// with the text before the star and are longer; any other entry matches itself.
bool entry_matches(std::string_view entry, std::string_view type);

// Why `entry`, which does not match, is close to matching; empty when it is not close.
std::string near_miss(std::string_view entry, std::string_view type);

struct Explanation {
  bool gets_it = false;
  std::string reason;  // one line; holds text of other programs
};

Explanation explain(const ConsumerReport& consumer, std::string_view type);

// What the counts of unmatched types say about `type` and similar ones; one line each.
std::vector<std::string> unmatched_hints(const StatusReport& report, std::string_view type);

}  // namespace bus::cli
