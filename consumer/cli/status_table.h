// A status report as the lines that a person reads: hub, sources, consumers, locks, what is unmatched. Pure;
// text of strangers comes out safe for a terminal.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "consumer/cli/explain.h"
#include "consumer/cli/status_report.h"

namespace bus::cli {

enum class Emphasis { none, heading, warning };

struct TableLine {
  std::string text;
  Emphasis emphasis = Emphasis::none;
};

// `columns`: of the terminal, for cutting lines and long names; nothing: whole.
std::vector<TableLine> status_table(const StatusReport& report, std::optional<size_t> columns);

// Who would get `type`, one line each, after a line that sums up. Sets `takers` to how many would.
std::vector<TableLine> explanation_table(const StatusReport& report, const std::string& type,
                                         std::optional<size_t> columns, size_t& takers);

// All of them with line ends; with colour when `colour` is set.
std::string joined(const std::vector<TableLine>& lines, bool colour, const char* line_end = "\n");

std::string readable_bytes(uint64_t bytes);
std::string readable_seconds(uint64_t seconds);

}  // namespace bus::cli
