// What bus-source asks of bus-sources: a connection to the hub, calls of the tasks bus.source.*, and their errors in words.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "busd/consumer.hpp"
#include "consumer/cli/command_line.h"
#include "consumer/cli/console.h"
#include "consumer/cli/error.h"

namespace bus::cli {

inline constexpr std::string_view kSourceTasks = "bus.source.";

// {"name":NAME}
std::string name_args(std::string_view name);

// No hub is started: without one no source runs. What is wrong is said, and its exit status goes to `code`.
std::optional<busd::Connection> connect_to_hub(const Place& place, const Console& console, int& code);

// The result of the task bus.source.`verb`. What is wrong is said, and its exit status goes to `code`.
std::optional<std::string> ask_sources(busd::Connection& connection, const Place& place,
                                       std::string_view verb, const std::string& args, const Console& console,
                                       int& code);

// How a connection has ended that was open.
Error lost_error(const busd::Error& error);
// Why there is no connection.
Error connect_error(const busd::Error& error, const Place& place);
// How such a call has failed.
Error source_error(const busd_answer& answer, const Place& place);

}  // namespace bus::cli
