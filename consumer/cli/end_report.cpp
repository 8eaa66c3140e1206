#include "consumer/cli/end_report.h"

#include <cstdio>
#include <string_view>

#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

std::string seconds_of(const EndReport& report) {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.3f", report.spent.count());
  return seconds;
}

std::string count_unless_zero(std::string_view name, uint64_t count) {
  return count == 0 ? std::string() : " " + std::string(name) + "=" + std::to_string(count);
}

}  // namespace

std::string key_in_line(const std::string& key) {
  if (key.find_first_of(" \"\\") == std::string::npos) return key;
  std::string quoted;
  append_json_string(quoted, key);
  return quoted;
}

std::string end_line(const EndReport& report) {
  const ConsumeCounts& counts = report.counts;
  return "[bus] end event_key=" + key_in_line(report.key) + " events=" + std::to_string(counts.events) +
         " lost=" + std::to_string(counts.lost) + count_unless_zero("resets", counts.resets) +
         count_unless_zero("excluded", counts.excluded) + count_unless_zero("failed", report.failed) +
         " seconds=" + seconds_of(report) + " reason=" + name_of(report.reason);
}

std::string end_record(const EndReport& report) {
  const ConsumeCounts& counts = report.counts;
  std::string record = R"({"type":"end","event_key":)";
  append_json_string(record, report.key);
  record += R"(,"events":)" + std::to_string(counts.events) + R"(,"lost":)" + std::to_string(counts.lost) +
            R"(,"resets":)" + std::to_string(counts.resets) + R"(,"excluded":)" +
            std::to_string(counts.excluded) + R"(,"failed":)" + std::to_string(report.failed) +
            R"(,"seconds":)" + seconds_of(report) + R"(,"reason":)";
  append_json_string(record, name_of(report.reason));
  return record + R"(,"exit":)" + std::to_string(report.exit_code) + "}";
}

std::string loss_summary(const ConsumeCounts& counts) {
  if (counts.lost == 0) return "events may have been lost while the connection was broken";
  std::string summary =
      std::to_string(counts.lost) + (counts.lost == 1 ? " event was" : " events were") + " lost";
  return counts.resets == 0 ? summary : summary + ", and maybe more while the connection was broken";
}

}  // namespace bus::cli
