// Supervised sources, as bus-source and bus-status show them: the JSON of the tasks bus.source.* and of the events, as lines
// for people. Pure; text of other programs comes out safe for a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consumer/cli/grid.h"

namespace bus::cli {

// The rows of bus.source.list, which fit into `columns`; `heading` is that of the names. Nothing: it is no such list.
std::optional<std::vector<TableLine>> source_table(const std::string& list, std::optional<size_t> columns,
                                                   const char* heading = "NAME");

// What is wrong with files, of the same list, or of bus.source.reload: "FILE:LINE: message".
std::vector<std::string> source_faults(const std::string& result);

// The result of bus.source.status, a line for each thing, or more where `columns` are too few. Nothing: it is no such result.
std::optional<std::vector<TableLine>> source_details(const std::string& status, std::optional<size_t> columns,
                                                     uint64_t now_ms);

// The payload of an event bus.source.STATE: "NAME STATE", and what there is to say of it.
std::string change_line(const std::string& payload);

// A line of a log: "12:00:00.123 1 stderr| TEXT", by time_text().
std::string log_text(const std::string& line, uint64_t now_ms);

// What a command has come to: "NAME is running, pid 12".
std::string command_text(std::string_view name, const std::string& result);

// The local time with milliseconds, of milliseconds since 1970; with the date before it, unless that is the one of `now_ms`.
std::string time_text(uint64_t time_ms, uint64_t now_ms);

}  // namespace bus::cli
