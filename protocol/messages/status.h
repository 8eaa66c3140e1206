// status_query, and of status_response what a client of the library needs (PROTOCOL.md 7).
//
// The whole response has no struct: each room of the hub describes its own part of it to a writer
// (hub/core/base/status_writer.h), so that a new room touches no list of members that others share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/messages/way.h"

namespace bus {

enum class StatusFormat { json, prometheus };
const char* name_of(StatusFormat format);
bool read_name(std::string_view name, StatusFormat& format);
constexpr const char* choices_of(StatusFormat) { return "\"json\" or \"prometheus\""; }

struct StatusQuery {
  static constexpr std::string_view kType = "status_query";
  StatusFormat format = StatusFormat::json;
  bool operator==(const StatusQuery&) const = default;
};

template <class Way>
void members(Way& way, Some<StatusQuery> auto& query) {
  way.choice_unless(StatusFormat::json, "format", query.format);
}

struct StatusAnswer {
  static constexpr std::string_view kType = "status_response";
  int64_t pid = 0;
  std::string version;
  std::string metrics;  // of a query for them; empty: the hub is older than they are
  bool operator==(const StatusAnswer&) const = default;
};

template <class Way>
void members(Way& way, Some<StatusAnswer> auto& answer) {
  way.number("pid", answer.pid);
  way.text("version", answer.version);
  way.text_if_any("metrics", answer.metrics);
}

}  // namespace bus
