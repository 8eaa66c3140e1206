// start, stop, restart, enable, disable: one call for each name, side by side, and a line for what each has come to.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "consumer/cli/call_session.h"
#include "consumer/cli/command_line.h"
#include "consumer/cli/exit_code.h"

namespace bus::cli {

class SourceCommands final : public CallSession {
 public:
  SourceCommands(const Console& console, busd::Connection connection, const Place& place)
      : CallSession(console, std::move(connection)), place_(place) {}

  // The exit status: kSomeFailed when it has failed for a source; another one when none could be asked, or changed.
  int run_all(std::string_view verb, const std::vector<std::string>& names);

 private:
  void part(uint64_t, std::string_view, uint64_t) override {}
  void progress(const busd_item&) override {}
  void ended(uint64_t call, const busd_answer& answer) override;
  Error lost(const busd::Error& error) const override;

  const Place& place_;
  std::map<uint64_t, std::string> names_;
  int code_ = kDone;
};

}  // namespace bus::cli
