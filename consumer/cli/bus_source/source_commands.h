// start, stop, restart, enable, disable: one call for each name, side by side, and a line for what each has come to.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "consumer/cli/call_session.h"
#include "consumer/cli/command_line.h"

namespace bus::cli {

class SourceCommands final : public CallSession {
 public:
  SourceCommands(const Console& console, busd::Connection connection, const Place& place)
      : CallSession(console, std::move(connection)), place_(place) {}

  // The exit status: kSomeFailed when one of several has failed, what has failed when it was the only one.
  int run_all(std::string_view verb, const std::vector<std::string>& names);

 private:
  void part(uint64_t, std::string_view, uint64_t) override {}
  void progress(const busd_item&) override {}
  void ended(uint64_t call, const busd_answer& answer) override;

  const Place& place_;
  std::map<uint64_t, std::string> names_;
  bool some_failed_ = false;
};

}  // namespace bus::cli
