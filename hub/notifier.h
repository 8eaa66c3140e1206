// Tells the service manager that started the hub how it is doing, through the socket that it waits at
// (hub/service_manager.h).
//
// Never waits and never fails: what the socket does not take now is sent again a little later, joined with
// what has come up since, and a manager that is gone is nobody's concern. Without a manager everything here
// does nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "hub/log.h"
#include "hub/service_manager.h"
#include "protocol/base/fd.h"
#include "protocol/event/timer.h"

namespace bus::hub {

// A status that changes all the time is told this often.
inline constexpr Duration kStatusEvery = seconds(1);

class Notifier {
 public:
  // `status` makes the line for people; asked for when it is to be told.
  Notifier(Loop& loop, const ServiceManager& manager, std::function<std::string()> status, Log& log);

  // The hub listens: also after reloading(). From the first one on there are signs of life, twice in the
  // manager's interval, from a timer of the loop: a loop that hangs is silent.
  void ready();
  void reloading();
  // Nothing but signs of life is told after it.
  void stopping(const std::string& reason);

  // The hub's count of changes that the status tells of. Costs nothing while it stays the same, and does not
  // wake a hub that rests: the status is told within kStatusEvery of a change, and then only if it differs.
  void changes(uint64_t count) {
    if (count != seen_changes_) note_changes(count);
  }

 private:
  void note_changes(uint64_t count);
  void tell_new_status();
  void live();
  // Sends what is owed, in one datagram.
  void send();

  std::string address_;
  Duration ping_every_;
  std::function<std::string()> status_;
  Log& log_;
  Fd socket_;
  // What is still to be sent: of each kind the latest. A RELOADING=1 that was not sent is over when READY=1
  // comes; in one datagram they would be taken in the wrong order.
  std::string owed_state_;
  std::string owed_status_;
  bool owed_ping_ = false;
  std::string told_status_;
  TimePoint looked_at_{};  // when the status was made last
  uint64_t seen_changes_ = 0;
  bool stopping_ = false;
  bool failure_logged_ = false;
  Timer ping_;
  Timer status_due_;
  Timer retry_;
};

}  // namespace bus::hub
