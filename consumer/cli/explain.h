// Who would get an event of a type, by which entry of theirs, and why the others would not. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "consumer/cli/status_report.h"

namespace bus::cli {

// The rule of PROTOCOL.md 5: `*` matches all, an entry that ends in `.*` what begins with the text before the
// star and is longer, any other entry itself.
bool entry_matches(std::string_view entry, std::string_view type);

// Why `entry`, which does not match, nearly does; empty when it is nowhere near.
std::string near_miss(std::string_view entry, std::string_view type);

struct Verdict {
  bool gets_it = false;
  std::string reason;  // one line; holds text of strangers
};

Verdict judge(const ConsumerReport& consumer, std::string_view type);

// What the counts of unmatched types say about `type` and its likes; one line each.
std::vector<std::string> unmatched_hints(const StatusReport& report, std::string_view type);

}  // namespace bus::cli
