// What the go command is answered. Members without a value are left out, as it reads them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "consumer/gocache/core/entry.h"

namespace bus::gocache {

// The first thing that is written.
inline constexpr std::string_view kGreeting = R"({"ID":0,"KnownCommands":["get","put","close"]})"
                                              "\n";

// Each appends one line.
void append_miss(std::string& out, int64_t id);
void append_hit(std::string& out, int64_t id, const Entry& entry, std::string_view disk_path);
void append_stored(std::string& out, int64_t id, std::string_view disk_path);
void append_closed(std::string& out, int64_t id);
void append_error(std::string& out, int64_t id, std::string_view why);

// In UTC (RFC 3339), with as many decimals of a second as are needed: "2026-12-01T04:05:06.7Z".
std::string rfc3339(int64_t time_ns);

}  // namespace bus::gocache
