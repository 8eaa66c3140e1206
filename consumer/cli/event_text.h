// How bus-consume writes an event: the frame, its payload alone, the frame with its time of arrival, or a
// template. Payloads leave with the bytes that they came with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "busd/consumer.hpp"
#include "consumer/cli/event_template.h"

namespace bus::cli {

struct EventTextOptions {
  bool payload_only = false;
  bool timestamps = false;
  std::string format;  // a template without a fault; empty: none
};

class EventText {
 public:
  // `to_terminal`: what templates write of strangers' text is made harmless.
  EventText(const EventTextOptions& options, std::string key, bool to_terminal);

  // Valid until the next call, or until the event is gone.
  std::string_view of(const busd::Event& event, int64_t received_ms);

 private:
  bool payload_only_;
  bool timestamps_;
  bool to_terminal_;
  std::string key_;
  std::optional<EventTemplate> template_;
  std::string scratch_;
};

// Adds the member `received` to the end of the JSON object in `object`, which has members. Where the object
// has one of this name, the last one counts for most parsers.
void append_with_received(std::string& out, std::string_view object, int64_t received_ms);

}  // namespace bus::cli
