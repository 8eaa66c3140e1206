// Looks after the place where clients meet the hub: its directory, its lock's file and its socket.
//
// Others can remove them under a running hub (rm -rf, a clean-up of /tmp, a logout that unmounts
// /run/user/UID). Then new clients meet elsewhere, and those that stay connected hear nothing of them. What
// was removed from a directory that is still ours is made again; else the hub hands over (PROTOCOL.md 8).
// What is judged how stands in instance_lock.h.
//
// A change in the directory is looked at a moment later, so that an `rm -rf` is seen as a whole and finds the
// directory empty. inotify(7) says nothing where the machine has no watch left, or where something is mounted
// over the directory: so there is a look every few seconds, too.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "hub/instance_lock.h"
#include "hub/log.h"
#include "protocol/event/fd_watch.h"
#include "protocol/event/timer.h"

namespace bus::hub {

class Rendezvous final : private FdWatch::Handler {
 public:
  struct Callbacks {
    std::function<void(Fd listening)> on_new_socket;
    std::function<void(const std::string& reason)> on_lost;  // once; nothing is looked at afterwards
  };

  Rendezvous(Loop& loop, InstanceLock& lock, Log& log, Callbacks callbacks);

  // Looks no more, because the hub stops.
  void stop();

 private:
  void on_readable() override;
  void on_writable() override {}
  void look();
  void contested(const std::string& reason);

  InstanceLock& lock_;
  Log& log_;
  Callbacks callbacks_;
  Fd inotify_;
  Timer look_;
  std::optional<FdWatch> watch_;
  TimePoint contested_since_ = kNever;
  bool trouble_logged_ = false;
};

}  // namespace bus::hub
