// The templates of bus-consume --format: text with fields in braces. Pure.
//
//   {event_type} {event_id} {seq} {source_time}   the event's own members
//   {payload} {payload.job} {payload.list.0}      its payload, or a value inside it: names and indexes with
//   dots between
//   {/payload/a.b} {/traceparent}                 any value of the frame, by a JSON pointer (RFC 6901)
//   {event} {key}                                 the whole frame; KEY of the command line
//   {received} {received_utc}                     the time of arrival: milliseconds since 1970;
//   2026-01-31T23:59:59.123Z
//   {{ }} \n \t \\                                a brace, a line end, a tab, a backslash
//
// A string is written without quotes and escapes, any other value as its JSON, what is missing as nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "busd/consumer.hpp"
#include "consumer/cli/json_lookup.h"

namespace bus::cli {

class EventTemplate {
 public:
  // Nothing, and what is wrong in `fault`, when `text` is no template.
  static std::optional<EventTemplate> parse(std::string_view text, std::string& fault);

  // `safe`: values are written so that no terminal obeys them (text.h).
  void append(std::string& out, const busd::Event& event, int64_t received_ms, std::string_view key,
              bool safe) const;

 private:
  enum class Field { event_type, event_id, seq, source_time, payload, event, key, received, received_utc };
  struct Part {
    std::string text;            // to be written as it is, before the field
    std::optional<Field> field;  // nothing: the end of the template
    JsonPath path;               // into the payload or the event
  };
  class Parser;

  static std::string value_of(const Part& part, const busd::Event& event, int64_t received_ms,
                              std::string_view key);

  std::vector<Part> parts_;
};

// For the command line: what is wrong with the text of a template; empty: nothing.
std::string template_fault(const std::string& text);

// "2026-01-31T23:59:59.123Z"
std::string utc_text(int64_t ms);

}  // namespace bus::cli
