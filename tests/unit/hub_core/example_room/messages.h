// remind and reminder: the messages of the example room. Real ones are in protocol/messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/messages/way.h"

namespace bus::example {

// Asks for `times` reminders, `after_ms` from now.
struct Remind {
  static constexpr std::string_view kType = "remind";
  std::string about;
  int64_t after_ms = 0;
  int64_t times = 1;
  bool operator==(const Remind&) const = default;
};

template <class Way>
void members(Way& way, Some<Remind> auto& remind) {
  way.identifier("about", remind.about);
  way.number("after_ms", remind.after_ms);
  way.number_unless(int64_t{1}, "times", remind.times);
}

// The `nth` of those that were asked for.
struct Reminder {
  static constexpr std::string_view kType = "reminder";
  std::string about;
  int64_t nth = 0;
  bool operator==(const Reminder&) const = default;
};

template <class Way>
void members(Way& way, Some<Reminder> auto& reminder) {
  way.identifier("about", reminder.about);
  way.number("nth", reminder.nth);
}

}  // namespace bus::example
