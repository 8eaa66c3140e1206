// A status report as the lines that a person reads: hub, sources, consumers, tasks, providers, locks,
// unmatched types. Pure;
// text of other programs comes out safe for a terminal.
//
// `columns`: of the terminal, for cutting lines and long names, and for grouping digits; nothing: whole lines
// and plain digits.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "consumer/cli/grid.h"
#include "consumer/cli/status_report.h"

namespace bus::cli {

std::vector<TableLine> status_table(const StatusReport& report, std::optional<size_t> columns);

// Parts of the table, of lines that are not yet cut to the terminal. Empty when there is nothing to show.
std::vector<TableLine> memory_lines(const StatusReport& report, std::optional<size_t> columns);
// What became of all calls; empty when there were none.
std::vector<TableLine> call_lines(const StatusReport& report, std::optional<size_t> columns);
std::vector<TableLine> provider_lines(const StatusReport& report, std::optional<size_t> columns);
// Empty when there have been no values.
std::vector<TableLine> values_lines(const StatusReport& report, std::optional<size_t> columns);
// Scopes whose last consumer died or was closed before the hub could tell it to clean up.
std::vector<TableLine> uncleaned_lines(const StatusReport& report, std::optional<size_t> columns);
std::vector<TableLine> lock_lines(const StatusReport& report, std::optional<size_t> columns);
std::vector<TableLine> unmatched_lines(const StatusReport& report, std::optional<size_t> columns);
TableLine hub_line(const StatusReport& report);

}  // namespace bus::cli
