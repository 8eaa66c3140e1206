// What happens besides events, as lines of JSON for stdout (bus-consume --control) and as text for people.
// Pure.
#pragma once

#include <string>

#include "busd/consumer.hpp"

namespace bus::cli {

std::string lost_line(const busd::Lost& lost);
std::string reset_line(const busd::Item& item);
std::string source_status_line(const busd::SourceStatus& status);

std::string lost_text(const busd::Item& item);
std::string break_text(const busd::Item& item);
std::string reset_text(const busd::Item& item);
std::string source_status_text(const busd::SourceStatus& status);

}  // namespace bus::cli
