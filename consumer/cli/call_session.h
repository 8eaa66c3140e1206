// Calls over one connection: starts them, takes what comes of them, and leaves nothing behind when something
// ends the program before they have ended.
//
// What is done with answers is said by one_call.h and call_lines.h.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>

#include "busd/consumer.hpp"
#include "consumer/cli/call_request.h"
#include "consumer/cli/console.h"
#include "consumer/cli/error.h"
#include "consumer/cli/output.h"

namespace bus::cli {

class CallSession {
 public:
  CallSession(const Console& console, busd::Connection connection);
  CallSession(const CallSession&) = delete;
  CallSession& operator=(const CallSession&) = delete;
  virtual ~CallSession() = default;

 protected:
  enum class Start { started, refused, over };
  // Starts a call. `refused`: nothing was sent, and `fault` says what is wrong with the request. `over`: there
  // is no connection any more that could carry it.
  Start start(const CallRequest& request, uint64_t& call, busd::Error& fault);

  // Goes on until there is nothing left to do, or a signal comes, stdout breaks or the connection ends. Then
  // calls that are still open are canceled, and their providers know it before this returns. What was broken
  // has been said.
  void run();

  // The exit status for what ended run() before its time; nothing: nothing did.
  std::optional<int> broken_exit() const;

  // How many calls are open.
  size_t open() const { return calls_.size(); }
  // Whether nothing has ended run() before its time.
  bool going_on() const;
  const Console& console() const { return console_; }
  // A line of stdout, written at the end of the turn.
  void write_line(std::string_view line) { note(output_.line(line)); }
  void flush() { note(output_.flush()); }

 private:
  virtual void part(uint64_t call, std::string_view data, uint64_t number) = 0;
  virtual void progress(const busd_item& item) = 0;
  virtual void ended(uint64_t call, const busd_answer& answer) = 0;
  // Starts what was read already; called in each turn.
  virtual void start_more() {}
  // Whether stdin is to be read: read_input() is called when it has something.
  virtual bool wants_input() const { return false; }
  virtual void read_input() {}
  // What is said when the connection ends.
  virtual Error lost(const busd::Error& error) const;
  // Before anything is said on stderr.
  virtual void clear_line() {}

  void take_items();
  void take(const busd_item& item);
  void wait();
  void cancel_open();
  void note(Written written);
  void leave();

  const Console& console_;
  busd::Connection connection_;
  Output output_;
  std::set<uint64_t> calls_;  // that are open
  bool more_at_hand_ = false;
  std::optional<Error> failure_;  // of stdout or the connection
};

}  // namespace bus::cli
