// The lines of `bus-status --watch`: a status report with the rates since an earlier one. Pure; text of other
// programs comes out safe for a terminal.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "consumer/cli/grid.h"
#include "consumer/cli/rates.h"
#include "consumer/cli/sparkline.h"
#include "consumer/cli/status_report.h"

namespace bus::cli {

enum class SortOrder { slowest, busiest, most_lost, key };

SortOrder next_order(SortOrder order);
const char* name_of(SortOrder order);

struct Viewport {
  std::optional<size_t> columns;  // of a terminal; nothing: whole lines and plain digits
  std::optional<size_t> rows;     // for the lines; nothing: all of them
  bool utf8 = true;               // what the terminal can show
};

struct WatchPicture {
  const StatusReport& report;
  const std::optional<Rates>& rates;
  const LastMinute& published;
  LastMinute::Time now;
  SortOrder order = SortOrder::slowest;
  std::string notice;  // what else there is to say, or empty
};

std::vector<TableLine> watch_table(const WatchPicture& picture, const Viewport& viewport);

}  // namespace bus::cli
