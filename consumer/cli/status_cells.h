// Cells that several tables of bus-status share. Pure; text of other programs comes out safe for a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consumer/cli/status_report.h"

namespace bus::cli {

// A name, never so long that it pushes the numbers off a screen of `columns`.
std::string name_cell(std::string_view name, std::optional<size_t> columns);

// The key, with the subscription_id in brackets, and whether it only observes.
std::string key_cell(const ConsumerReport& consumer, std::optional<size_t> columns);

// The claimed pid, with the kernel's in parentheses where that differs.
std::string pid_cell(int64_t pid, int64_t kernel_pid);

// The name of a process; "-" when it is not known.
std::string program_cell(std::string_view program);

std::string types_cell(const ConsumerReport& consumer);

// Names, with spaces between them.
std::string list_cell(const std::vector<std::string>& names);

// The name of a source; "(anonymous)" when it has none.
std::string source_cell(const SourceReport& source, std::optional<size_t> columns);

std::string last_event_cell(const SourceReport& source);

// Whether there is something to show of calls: a hub that nobody has called or provides for has nothing.
bool knows_of_calls(const StatusReport& report);

// A time of a call; "-" when there was none.
std::string latency_cell(uint64_t us);

}  // namespace bus::cli
