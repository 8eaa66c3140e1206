// Connections that the hub has ended with an answer, until their clients had the time to read it.
//
// A client that is still writing when its connection is closed gets EPIPE, and most of them then never read
// why. So the hub shuts down only its writing side, reads and discards what still comes, and closes when the
// client has, or after kFarewellTime or kFarewellBytes (PROTOCOL.md 4). The core has forgotten these
// connections: they hold a descriptor each, no memory but that, and no place among the connections that are
// served. At most kMaxFarewells at once: the oldest makes room for one more.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "protocol/base/fd.h"
#include "protocol/event/fd_watch.h"
#include "protocol/event/timer.h"

namespace bus::hub {

inline constexpr Duration kFarewellTime = seconds(1);
inline constexpr size_t kFarewellBytes = size_t{8} * 1024 * 1024;
inline constexpr size_t kMaxFarewells = 32;

class Farewells {
 public:
  // What is discarded is read into `scratch`, which others use too.
  Farewells(Loop& loop, std::string& scratch);
  ~Farewells();

  // Takes a connection on which everything has been written.
  void add(Fd fd);
  // Their descriptors are needed for something else.
  void close_all();
  // Destroys what was closed; for the end of a turn. Returns whether a descriptor was freed since the last
  // call.
  bool destroy_closed();

 private:
  class Farewell;

  void end(Farewell& farewell);
  void end_oldest();
  void end_due();

  Loop& loop_;
  std::string& scratch_;
  Timer timer_;
  std::deque<std::unique_ptr<Farewell>> open_;  // the oldest first
  std::vector<std::unique_ptr<Farewell>> closed_;
};

}  // namespace bus::hub
