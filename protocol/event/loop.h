// The event loop: one libevent base, run by one thread. With timer.h, fd_watch.h and signal_watch.h the only
// code that sees libevent.
//
// A TURN of the loop is one callback: one readable descriptor, one timer, one signal. After each the loop runs the
// end-of-turn hook, and only there may objects that take part in callbacks be destroyed, because nothing of
// theirs is on the stack then.
#pragma once

#include <functional>
#include <memory>

#include "protocol/base/result.h"
#include "protocol/event/turn_times.h"

struct event_base;

namespace bus {

class Loop {
 public:
  static Result<std::unique_ptr<Loop>> create();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void on_end_of_turn(std::function<void()> hook) { end_of_turn_ = std::move(hook); }

  // Runs callbacks until stop() is called from one of them.
  void run();
  void stop();

  // Whether other callbacks are ready, which run() will run.
  bool has_ready() const;

  const TurnTimes& times() const { return times_; }

  // For the watches of this folder.
  event_base* base() { return base_; }
  // Stands around a callback; whoever is called may be gone when it ends.
  class CallbackScope {
   public:
    explicit CallbackScope(Loop& loop) : loop_(loop) { loop_.times_.begin(now()); }
    ~CallbackScope() {
      if (loop_.end_of_turn_) loop_.end_of_turn_();
      loop_.times_.end();
    }
    CallbackScope(const CallbackScope&) = delete;
    CallbackScope& operator=(const CallbackScope&) = delete;

   private:
    Loop& loop_;
  };

 private:
  explicit Loop(event_base* base) : base_(base) {}

  event_base* base_;
  std::function<void()> end_of_turn_;
  bool is_running_ = false;  // and not to stop
  TurnTimes times_;
};

}  // namespace bus
