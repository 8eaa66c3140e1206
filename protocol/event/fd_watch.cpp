#include "protocol/event/fd_watch.h"

#include <cerrno>
#include <poll.h>

#include <event2/event.h>

namespace bus {

FdWatch::FdWatch(Loop& loop, int fd, Handler& handler) : loop_(loop), fd_(fd), handler_(handler) {
  assign_read_event();
}

FdWatch::~FdWatch() {
  event_del(&read_event_);
  if (write_event_ != nullptr) event_free(write_event_);
}

short FdWatch::trigger() const { return EV_PERSIST | (mode_ == Mode::quiet ? EV_ET : 0); }

void FdWatch::assign_read_event() {
  int failed =
      event_assign(&read_event_, loop_.base(), fd_, static_cast<short>(EV_READ | trigger()), on_event, this);
  BUSD_CHECK(failed == 0);
}

event* FdWatch::write_event() {
  if (write_event_ == nullptr) {
    write_event_ = event_new(loop_.base(), fd_, static_cast<short>(EV_WRITE | trigger()), on_event, this);
  }
  return write_event_;
}

bool FdWatch::set(Mode mode, bool want_write) {
  if (mode != mode_ && !switch_to(mode)) return fail();
  if (mode == Mode::off || want_write == want_write_) return true;
  event* room = write_event();
  if (room == nullptr) return fail();
  // One that was not taken back would be reported for ever, to nobody.
  if ((want_write ? event_add(room, nullptr) : event_del(room)) != 0) return fail();
  want_write_ = want_write;
  return true;
}

bool FdWatch::switch_to(Mode mode) {
  event_del(&read_event_);
  if (write_event_ != nullptr) event_del(write_event_);
  want_write_ = false;
  mode_ = mode;
  if (mode == Mode::off) return true;
  // A hang-up is reported as readable, and so is an error of a socket whose peer left data unread: epoll(7)
  // reports both unasked, and libevent turns them into EV_READ.
  assign_read_event();
  if (write_event_ != nullptr)
    event_assign(write_event_, loop_.base(), fd_, static_cast<short>(EV_WRITE | trigger()), on_event, this);
  return event_add(&read_event_, nullptr) == 0;
}

bool FdWatch::fail() {
  static_cast<void>(switch_to(Mode::off));
  return false;
}

void FdWatch::wake_reader() { event_active(&read_event_, EV_READ, 0); }

void FdWatch::wake_writer() {
  BUSD_CHECK(want_write_);
  event_active(write_event_, EV_WRITE, 0);
}

void FdWatch::on_event(int, short what, void* self) noexcept {
  auto* watch = static_cast<FdWatch*>(self);
  Loop::CallbackScope scope(watch->loop_);
  if (watch->mode_ != Mode::off && (what & EV_WRITE) != 0) {
    watch->handler_.on_writable();
  } else if (watch->mode_ != Mode::off) {
    watch->handler_.on_readable();
  }
}

bool peer_hung_up(int fd) {
  pollfd state{fd, 0, 0};
  int ready = 0;
  do {
    ready = ::poll(&state, 1, 0);
  } while (ready < 0 && errno == EINTR);
  // An edge is told once: a connection that cannot be asked now (ENOMEM) would stay for ever if it has gone.
  return ready != 0 && (ready < 0 || (state.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0);
}

}  // namespace bus
