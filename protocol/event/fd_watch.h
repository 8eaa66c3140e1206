// Interest in one descriptor: readable, writable, and whether the other end is still there. Borrows the
// descriptor.
//
// Two modes, because a descriptor at EOF is readable for ever:
//   reading  level-triggered: called while there is something to read, or room to write if that is wanted.
//   quiet    edge-triggered: called when something CHANGED at the descriptor, which may be a hang-up; nothing
//   is read.
//            For a peer that half-closed (its EOF does not go away), that must wait, or that is about to be
//            closed. peer_hung_up() then tells a real hang-up from the rest. Costs no CPU time while nothing
//            changes.
// libevent wants all events of one descriptor to be either level- or edge-triggered (measured: event_add
// fails), hence modes and not two independent watches.
#pragma once

#include <event2/event_struct.h>

#include "protocol/event/loop.h"

namespace bus {

class FdWatch {
 public:
  enum class Mode { off, reading, quiet };

  // Who is called; by reference and not as functions, because there is one for each idle connection.
  class Handler {
   public:
    virtual void on_readable() = 0;  // reading: data or EOF; quiet: something changed
    virtual void on_writable() = 0;

   protected:
    ~Handler() = default;
  };

  FdWatch(Loop& loop, int fd, Handler& handler);
  ~FdWatch();
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

  // Switches. Cheap when nothing changes. False when there is no memory, or the kernel has no room for
  // another watch (epoll_ctl(2): ENOMEM, ENOSPC); the watch is then off.
  [[nodiscard]] bool set(Mode mode, bool want_write);
  Mode mode() const { return mode_; }

  // Calls on_readable (on_writable) in a turn of its own soon, whatever the descriptor says: for work that
  // was deferred to keep this turn short, which an edge-triggered watch would not announce again. The writer
  // only while writing is wanted.
  void wake_reader();
  void wake_writer();

 private:
  static void on_event(int fd, short what, void* self) noexcept;
  bool switch_to(Mode mode);
  short trigger() const;
  void assign_read_event();
  event* write_event();
  bool fail();

  Loop& loop_;
  int fd_;
  Handler& handler_;
  event read_event_;
  event* write_event_ = nullptr;  // made when it is first needed, which for most connections is never
  Mode mode_ = Mode::off;
  bool want_write_ = false;
};

// Whether the other end of the stream is gone entirely, not only done with writing (poll(2): POLLHUP,
// POLLERR).
bool peer_hung_up(int fd);

}  // namespace bus
