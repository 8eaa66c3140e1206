// Cells that several tables of bus-status share. Pure; text of other programs comes out safe for a terminal.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "consumer/cli/status_report.h"

namespace bus::cli {

// A name, never so long that it pushes the numbers off a screen of `columns`.
std::string name_cell(std::string_view name, std::optional<size_t> columns);

// The key, with the subscription_id in brackets.
std::string key_cell(const ConsumerReport& consumer, std::optional<size_t> columns);

// The claimed pid, with the kernel's in parentheses where that differs.
std::string pid_cell(const ConsumerReport& consumer);

// The name of a process; "-" when it is not known.
std::string program_cell(std::string_view program);

std::string types_cell(const ConsumerReport& consumer);

// The name of a source; "(anonymous)" when it has none.
std::string source_cell(const SourceReport& source, std::optional<size_t> columns);

std::string last_event_cell(const SourceReport& source);

}  // namespace bus::cli
