// `bus-status --watch`: the hub's state again and again, with rates. On a terminal a picture that keys
// change; anywhere else snapshots, one after the other. A hub that goes away or is replaced is shown as such,
// and watched again when one is back.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "busd/consumer.hpp"
#include "consumer/cli/console.h"
#include "consumer/cli/health.h"
#include "consumer/cli/output.h"
#include "consumer/cli/screen.h"
#include "consumer/cli/watch_table.h"

namespace bus::cli {

// What a look at the hub brought: a report, or why there is none.
struct Look {
  std::optional<StatusReport> report;
  Answer answer;
};

// Asks the hub. A peer that is not a hub is trouble.
Look look_at_hub(const busd::HubOptions& hub);

class StatusWatch {
 public:
  StatusWatch(const busd::HubOptions& hub, std::chrono::milliseconds interval, bool json,
              const Console& console, Output& output)
      : hub_(hub), interval_(interval), json_(json), console_(console), output_(output) {}

  // Until a signal, the key `q`, or a closed stdout; returns the exit code.
  int run();

 private:
  using Clock = std::chrono::steady_clock;

  void watch_screen(Screen& screen);
  void watch_pipe();

  void look();
  std::string notice(Clock::time_point now) const;
  WatchPicture picture(Clock::time_point now) const;

  bool draw(Screen& screen) const;
  std::string footer() const;
  // Returns false when it is time to end.
  bool wait(Screen& screen);
  bool wait_in_pipe() const;
  bool take_keys();
  bool print_snapshot();

  const busd::HubOptions& hub_;
  std::chrono::milliseconds interval_;
  bool json_;
  const Console& console_;
  Output& output_;

  RateMeter meter_;
  LastMinute published_;
  std::optional<StatusReport> last_;  // the newest report
  Clock::time_point last_at_{};
  Health trouble_;  // why there is none now; exit code 0: there is one
  Clock::time_point trouble_since_{};
  std::string replaced_;  // what became of the hub before this one
  Clock::time_point replaced_at_{};
  std::string answer_;
  std::string seen_at_;  // by the clock on the wall

  SortOrder order_ = SortOrder::slowest;
  bool paused_ = false;
  bool keys_ = false;  // whether a person can type some
  bool printed_ = false;
  std::string fault_;      // why nothing more can be written
  std::string complaint_;  // the last trouble that was reported
  Clock::time_point next_look_{};
};

}  // namespace bus::cli
