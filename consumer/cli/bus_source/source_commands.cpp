#include "consumer/cli/bus_source/source_commands.h"

#include <algorithm>

#include "consumer/cli/bus_source/hub_side.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/source_text.h"

namespace bus::cli {

int SourceCommands::run_all(std::string_view verb, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    CallRequest request;
    request.task = std::string(kSourceTasks) + std::string(verb);
    request.args = name_args(name);
    request.timeout_ms = BUSD_FOREVER;
    uint64_t number = 0;
    busd::Error fault;
    Start started = start(request, number, fault);
    if (started == Start::over) break;
    if (started == Start::started) {
      names_.emplace(number, name);
      continue;
    }
    console().error(error_of(fault));
    code_ = std::max(code_, kSomeFailed);
  }
  run();
  return broken_exit().value_or(code_);
}

void SourceCommands::ended(uint64_t call, const busd_answer& answer) {
  if (answer.code.length == 0)
    return write_line(command_text(names_[call], std::string(view_of(answer.result))));
  if (!going_on()) return;  // it was canceled here, or its connection is lost, and this is said once
  flush();
  Error error = source_error(answer, place_);
  // That there is no such source is a mistake of whoever typed it; else it failed for this one of them.
  if (error.exit == kInternal && view_of(answer.code) != "not_found") error.exit = kSomeFailed;
  code_ = std::max(code_, console().error(error));
}

Error SourceCommands::lost(const busd::Error& error) const { return lost_error(error); }

}  // namespace bus::cli
