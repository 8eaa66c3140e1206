// Accepts connections from the listening socket, in bounded bursts, and says who each peer is.
//
// When accept fails, mostly because the process or the machine has no descriptor or memory left, it stops
// accepting, so that the socket that stays readable does not take a whole core; clients wait in the backlog
// meanwhile. It goes on every 100 ms and whenever a connection was closed.
//
// A few descriptors are kept in reserve. When there are no others, connections are accepted at their expense:
// the hub's own user can then still ask for status and stop the hub, and the others are told why they are not
// served.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "hub/core/hub_core.h"
#include "protocol/base/fd.h"
#include "protocol/event/fd_watch.h"
#include "protocol/event/timer.h"

namespace bus::hub {

// The kernel clamps it to net.core.somaxconn.
inline constexpr int kListenBacklog = 4096;

class Listener final : private FdWatch::Handler {
 public:
  struct Callbacks {
    std::function<void(Fd, const Credentials&, Supply)> on_connection;
    // No descriptor is left for a connection: closes what can be spared.
    std::function<void()> make_room;
    // Once per episode: accepting is paused, and why.
    std::function<void(const std::string& reason)> on_pause;
  };

  Listener(Loop& loop, Fd socket, Callbacks callbacks);

  // A connection was closed: if accepting is paused, it may go on.
  void descriptor_freed();
  // Accepts what waits now. Returns how many there were, at most one burst.
  size_t accept_burst();
  // No new connections from here on; the backlog is refused by the kernel.
  void close();

 private:
  void on_readable() override { accept_burst(); }
  void on_writable() override {}
  // 0, or why there is none.
  int accept_next(Fd& fd, Supply& supply);
  int accept_one(Fd& fd);
  void fill_reserve();
  void pause(int reason);
  void resume();

  Fd socket_;
  std::vector<Fd> reserve_;  // descriptors of nothing, at most kAdministrativePlaces
  Callbacks callbacks_;
  FdWatch watch_;
  Timer retry_;
  bool paused_ = false;
  bool episode_logged_ = false;
};

}  // namespace bus::hub
