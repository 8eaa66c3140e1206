// What bus-consume says at its end: the line for people and scripts on stderr, and the record for programs on
// stdout
// (--end-record). Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "consumer/cli/consume_session.h"

namespace bus::cli {

struct EndReport {
  std::string key;
  ConsumeCounts counts;
  uint64_t failed = 0;  // commands of --exec
  std::chrono::duration<double> spent{};
  Reason reason = Reason::failed;
  int exit_code = 0;
};

// "[bus] end event_key=KEY events=N lost=N seconds=S reason=REASON"; between lost and seconds the other
// counts that are not 0.
std::string end_line(const EndReport& report);
// A key as the value in a line of words: as it is, or as a JSON string if it has spaces, quotes or
// backslashes.
std::string key_in_line(const std::string& key);

// {"type":"end","event_key":…,"events":N,…}
std::string end_record(const EndReport& report);

// What --fail-on-loss complains of: "3 events were lost".
std::string loss_summary(const ConsumeCounts& counts);

}  // namespace bus::cli
