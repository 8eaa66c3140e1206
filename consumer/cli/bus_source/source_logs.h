// logs: the log of a source, as it is and, with --follow, as it goes on. What the log has dropped meanwhile is said.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "consumer/cli/call_session.h"
#include "consumer/cli/command_line.h"

namespace bus::cli {

struct LogWish {
  std::string name;
  std::string stream;  // empty: both
  std::optional<uint64_t> lines;
  std::optional<std::chrono::milliseconds> since;
  bool follow = false;
  bool json = false;
};

class SourceLogs final : public CallSession {
 public:
  SourceLogs(const Console& console, busd::Connection connection, const Place& place, const LogWish& wish)
      : CallSession(console, std::move(connection)), place_(place), wish_(wish) {}

  // The exit status.
  int read();

 private:
  void part(uint64_t call, std::string_view data, uint64_t number) override;
  void progress(const busd_item&) override {}
  void ended(uint64_t call, const busd_answer& answer) override;
  Error lost(const busd::Error& error) const override;
  std::string args() const;
  void note_gap(const std::string& line);
  void say_dropped();

  const Place& place_;
  const LogWish& wish_;
  uint64_t last_ = 0;     // the number of the last line
  uint64_t dropped_ = 0;  // lines of which nothing was said yet
  std::chrono::steady_clock::time_point said_;
  int code_ = 0;
};

}  // namespace bus::cli
