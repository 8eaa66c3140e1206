#include "consumer/cli/bus_source/source_logs.h"

#include <charconv>

#include "consumer/cli/bus_source/hub_side.h"
#include "consumer/cli/bus_source/wall_clock.h"
#include "consumer/cli/json_lookup.h"
#include "consumer/cli/source_text.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

// What a flood drops in the meantime is said at once.
constexpr std::chrono::milliseconds kBetweenNotes{1000};

}  // namespace

std::string SourceLogs::args() const {
  std::string args = "{\"name\":";
  append_json_string(args, wish_.name);
  if (!wish_.stream.empty()) args += ",\"stream\":\"" + wish_.stream + "\"";
  if (wish_.lines) args += ",\"lines\":" + std::to_string(*wish_.lines);
  if (wish_.since) args += ",\"since_ms\":" + std::to_string(wish_.since->count());
  if (wish_.follow) args += ",\"follow\":true";
  return args + "}";
}

int SourceLogs::read() {
  CallRequest request;
  request.task = std::string(kSourceTasks) + "logs";
  request.args = args();
  request.stream = true;
  request.timeout_ms = BUSD_FOREVER;
  uint64_t number = 0;
  busd::Error fault;
  if (start(request, number, fault) == Start::refused) return console().error(error_of(fault));
  run();
  say_dropped();
  return broken_exit().value_or(code_);
}

// With one stream alone, the numbers of the other one are missing, too.
void SourceLogs::note_gap(const std::string& line) {
  std::string n = find_json(line, {"n"}).value_or("");
  uint64_t number = 0;
  std::from_chars(n.data(), n.data() + n.size(), number);
  if (last_ != 0 && number > last_ + 1 && wish_.stream.empty()) dropped_ += number - last_ - 1;
  last_ = number;
  if (std::chrono::steady_clock::now() - said_ >= kBetweenNotes) say_dropped();
}

void SourceLogs::say_dropped() {
  if (dropped_ == 0) return;
  flush();
  console().warning(counted(dropped_, "line") + " of the log were dropped before they could be read");
  dropped_ = 0;
  said_ = std::chrono::steady_clock::now();
}

void SourceLogs::part(uint64_t, std::string_view data, uint64_t) {
  std::string line(data);
  note_gap(line);
  write_line(wish_.json ? line : log_text(line, wall_ms()));
}

void SourceLogs::ended(uint64_t, const busd_answer& answer) {
  if (answer.code.length == 0 || !going_on()) return;
  flush();
  code_ = console().error(source_error(answer, place_));
}

Error SourceLogs::lost(const busd::Error& error) const { return lost_error(error); }

}  // namespace bus::cli
