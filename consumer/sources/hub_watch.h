// Says when something stirs in the directory of a hub that cannot be reached: one that ends, or the next one, which opens its
// lock (inotify(7)).
//
// So nobody has to look again and again. What has happened is not said; whoever is told looks.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "protocol/base/fd.h"
#include "protocol/event/fd_watch.h"
#include "protocol/event/loop.h"

namespace bus::sources {

class HubWatch final : FdWatch::Handler {
 public:
  HubWatch(Loop& loop, std::string directory, std::function<void()> on_sign);
  HubWatch(const HubWatch&) = delete;
  HubWatch& operator=(const HubWatch&) = delete;

  // Neither in on_sign. False: there is no directory, or the kernel gives no watch. Again is no harm.
  bool begin();
  void end();

 private:
  void on_readable() override;
  void on_writable() override {}

  Loop& loop_;
  std::string directory_;
  std::function<void()> on_sign_;
  Fd inotify_;
  std::unique_ptr<FdWatch> watch_;
  bool is_over_ = false;  // it will say nothing any more
};

}  // namespace bus::sources
