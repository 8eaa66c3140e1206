// How much of its time a turn has used, so that no connection starves the others.
//
// A turn is bounded in two ways, because its work has two parts. What its lines cost is counted in units, one
// for each consumer that is looked at; when they are spent, the rest of the lines waits for a turn of its
// own. What its writes take is time, which only the edge can measure: it is asked once for some writes, and
// when it says that the turn has been long enough, those that were not written to are the first of the next
// turn.
#pragma once

#include <cstddef>

#include "hub/core/base/transport.h"

namespace bus::hub {

class TurnBudget {
 public:
  explicit TurnBudget(Transport& transport) : transport_(transport) {}

  void spend(size_t units) { spent_ += units; }
  bool is_spent() const { return spent_ >= kMaxUnits; }

  // What was written counts like so many writes.
  void spend_write(size_t bytes) { writes_ += bytes / kBytesPerWrite; }
  // Asked before each write: whether there is no time for it.
  bool is_over() {
    if (!over_ && ++writes_ >= kWritesPerQuestion) ask();
    return over_;
  }
  // What is_over() said last, which costs nothing.
  bool was_over() const { return over_; }
  // Several turns may share a callback of the loop, and the last of them may find its time used up.
  void ask() {
    writes_ = 0;
    over_ = transport_.turn_is_over();
  }

  void begin_turn() {
    spent_ = 0;
    writes_ = 0;
    over_ = false;
  }

 private:
  static constexpr size_t kMaxUnits = 100'000;
  static constexpr size_t kWritesPerQuestion = 4;
  static constexpr size_t kBytesPerWrite = 128 * 1024;

  Transport& transport_;
  size_t spent_ = 0;
  size_t writes_ = 0;
  bool over_ = false;
};

}  // namespace bus::hub
