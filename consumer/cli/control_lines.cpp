#include "consumer/cli/control_lines.h"

#include <string_view>

#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

std::string with_detail(std::string text, std::string_view detail) {
  if (!detail.empty()) text += " (" + std::string(detail) + ")";
  return text;
}

}  // namespace

std::string source_status_line(const busd::SourceStatus& status) {
  std::string line = R"({"type":"source_status","source":)";
  append_json_string(line, status.source);
  line += R"(,"state":)";
  append_json_string(line, name_of(status.state));
  if (!status.detail.empty()) {
    line += R"(,"detail":)";
    append_json_string(line, status.detail);
  }
  return line + "}";
}

std::string lost_line(const busd::Lost& lost) {
  return R"({"type":"lost","count":)" + std::to_string(lost.count) + R"(,"after":)" +
         std::to_string(lost.after) + R"(,"before":)" + std::to_string(lost.before) + "}";
}

std::string reset_line(const busd::Item& item) {
  std::string line = R"({"type":"reset","first":)";
  line += item.first() ? "true" : "false";
  if (!item.detail().empty()) {
    line += R"(,"detail":)";
    append_json_string(line, item.detail());
  }
  return line + "}";
}

std::string lost_text(const busd::Item& item) {
  busd::Lost lost = item.lost();
  std::string text = "lost " + std::to_string(lost.count) + (lost.count == 1 ? " event" : " events");
  text += " between seq " + std::to_string(lost.after) + " and " + std::to_string(lost.before);
  return with_detail(text, item.detail());
}

std::string break_text(const busd::Item& item) {
  return with_detail("the connection to the hub broke, reconnecting", item.detail());
}

std::string reset_text(const busd::Item& item) {
  std::string text = "connected again; events in between may be lost";
  return item.first() ? text + "; first of its scope" : text;
}

std::string source_status_text(const busd::SourceStatus& status) {
  return with_detail("source " + std::string(status.source) + " is " + name_of(status.state), status.detail);
}

}  // namespace bus::cli
