// bus-value put --while: has a value for as long as a command runs. With --create it is a lock, with --wait one that
// is waited for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "busd/consumer.hpp"
#include "consumer/cli/console.h"
#include "consumer/cli/held_command.h"
#include "consumer/cli/value_options.h"

namespace bus::cli {

// Puts `json` with `options`, and with --wait as soon as there is no such key.
class ValueWait {
 public:
  using Clock = std::chrono::steady_clock;

  ValueWait(const ValueCommand& command, const Console& console, busd::Connection& connection,
            std::optional<Clock::time_point> until);

  // What became of it. BUSD_TIMED_OUT: the time is over, or there was a signal.
  busd::Change put(const std::string& json);

 private:
  busd::Change try_once(const std::string& json) const;
  // Waits for a change of the key after which it does not exist. Nothing: it has happened.
  std::optional<busd::Error> wait_until_free(const busd::Change& refused);
  void take(const busd::Item& item);
  std::chrono::milliseconds left() const;
  bool over() const;

  const ValueCommand& command_;
  const Console& console_;
  busd::Connection& connection_;
  std::optional<Clock::time_point> until_;
  uint64_t watch_ = 0;
  uint64_t version_ = 0;  // the newest that is known
  bool exists_ = false;
};

class ValueHold {
 public:
  ValueHold(const ValueCommand& command, const Console& console, busd::Connection& connection);

  // The value was put, as `version`. Runs the command, and returns the exit status.
  int run(uint64_t version);

 private:
  void take_items();
  void take(const busd::Item& item);
  void watch_value(const busd::Value& value);
  void lose(const std::string& reason);
  void wait() const;
  int finish(int status);

  const ValueCommand& command_;
  const Console& console_;
  busd::Connection& connection_;
  HeldCommand child_;
  uint64_t watch_ = 0;
  uint64_t version_ = 0;  // that is ours
  bool held_ = true;
  bool connected_ = true;  // or will be
  bool terminated_ = false;
};

}  // namespace bus::cli
