// What bus-bench prints: a table for each shape, and at the end the lines of busd and of shapes that belong
// together.
//
// Pure: outcomes in, text out.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/measure.h"
#include "tests/bench/text_table.h"

namespace bus::bench {

// The peers that the others are measured by; null when none has a figure. By rate the fastest, by cpu time
// the thriftiest, by latency the quickest in the median: not always the same one.
struct BestPeers {
  const Outcome* by_rate = nullptr;
  const Outcome* by_cpu = nullptr;
  const Outcome* by_p50 = nullptr;
};
BestPeers best_peers(const ShapeOutcome& result);

// The title, the table, and a line for each contender that failed.
std::string shape_text(const ShapeOutcome& result);

TextTable new_summary();
// A line for each hub, if there is anything beside it.
void add_to_summary(TextTable& summary, const ShapeOutcome& result);

// Of a group whose shapes are compared with its first: rate and cpu time per delivery of each contender,
// divided by those it has on the first.
TextTable new_comparison();
void add_to_comparison(TextTable& comparison, const std::vector<ShapeOutcome>& results);

}  // namespace bus::bench
