// bus-value watch: prints what becomes of keys, or runs a command for each change, until a signal, a limit or the time
// of --timeout ends it. Goes on after a break of the connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "busd/consumer.hpp"
#include "consumer/cli/console.h"
#include "consumer/cli/output.h"
#include "consumer/cli/value_exec.h"
#include "consumer/cli/value_options.h"
#include "consumer/cli/value_states.h"

namespace bus::cli {

class ValueWatch {
 public:
  using Clock = std::chrono::steady_clock;

  ValueWatch(const ValueCommand& command, const Console& console, busd::Connection& connection,
             std::optional<Clock::time_point> until);

  // The exit status.
  int run();

 private:
  void take_items();
  void take(const busd::Item& item);
  void take_value(const busd::Value& value);
  void take_synced(const busd::Synced& synced);
  void tell(const busd::Value& value, bool vanished);
  void process();
  void wait();
  int most_ms() const;
  void count();
  void note(Written written);
  void fail(const Error& error);
  void end(int code);

  const ValueCommand& command_;
  const Console& console_;
  busd::Connection& connection_;
  std::optional<Clock::time_point> until_;
  Output output_;
  bool to_terminal_;
  std::optional<ValueExec> exec_;
  KnownKeys known_;
  uint64_t told_ = 0;
  bool more_at_hand_ = false;
  std::optional<int> code_;  // it is over
};

}  // namespace bus::cli
