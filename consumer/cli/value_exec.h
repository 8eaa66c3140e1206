// The command of bus-value watch --exec: run by /bin/sh -c for one state of a key at a time, the value and a line end
// on its stdin, the rest in its environment. A command that does not read its stdin misses the value, and nothing else
// happens. One that fails is reported and counted.
#pragma once

#include <cstdint>
#include <poll.h>
#include <string>
#include <sys/types.h>
#include <vector>

#include "busd/consumer.hpp"
#include "consumer/cli/command.h"
#include "consumer/cli/console.h"
#include "consumer/cli/value_states.h"

namespace bus::cli {

class ValueExec {
 public:
  // `socket` is the hub's. `as_text`: a JSON string is given as its text.
  ValueExec(std::string command, std::string socket, bool as_text, const Console& console);
  ValueExec(const ValueExec&) = delete;
  ValueExec& operator=(const ValueExec&) = delete;
  ~ValueExec();

  void take(busd::Value value) { pending_.put(std::move(value)); }
  // Starts a command if one is due, goes on feeding it, and sees whether it has ended. True: one has.
  bool process();
  void add_waits(std::vector<pollfd>& waits) const;
  // Where the kernel does not tell of its end, it has to be looked for.
  bool must_look() const { return pid_ > 0 && pid_fd_ < 0; }
  bool idle() const { return pid_ == 0 && pending_.empty(); }
  // Waits for the command that runs. Nothing more is started.
  void finish();

 private:
  void start(const busd::Value& value);
  void feed();
  bool ended();
  void report(const std::string& fault);

  std::string command_;
  std::string socket_;
  bool as_text_;
  const Console& console_;
  PendingStates pending_;
  pid_t pid_ = 0;  // 0: none runs
  int pid_fd_ = -1;
  int input_ = -1;
  std::string rest_;
  size_t written_ = 0;
  std::string key_;  // of the state that it has
  uint64_t failed_ = 0;
};

}  // namespace bus::cli
