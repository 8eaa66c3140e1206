#include "protocol/event_pattern.h"

namespace bus {

EventPattern parse_event_pattern(std::string_view entry) {
  if (entry == "*") return {EventPattern::Kind::all, {}};
  if (entry.ends_with(".*")) return {EventPattern::Kind::prefix, entry.substr(0, entry.size() - 1)};
  return {EventPattern::Kind::exact, entry};
}

bool matches(const EventPattern& pattern, std::string_view event_type) {
  switch (pattern.kind) {
    case EventPattern::Kind::exact:
      return event_type == pattern.text;
    case EventPattern::Kind::prefix:
      return event_type.size() > pattern.text.size() && event_type.starts_with(pattern.text);
    case EventPattern::Kind::all:
      return true;
  }
  return false;
}

}  // namespace bus
