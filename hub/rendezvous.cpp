#include "hub/rendezvous.h"

#include <sys/inotify.h>
#include <unistd.h>
#include <utility>

#include "hub/listener.h"

namespace bus::hub {

namespace {

constexpr Duration kLookEvery = seconds(3);
// Longer than it takes to remove a handful of files, and short for a client that waits.
constexpr Duration kSettle = milliseconds(100);
// Programs lock the file for a moment to see whether a hub lives, and a hub that is about to give way for up
// to 2 s.
constexpr Duration kContestedStep = milliseconds(50);
constexpr Duration kContestedPatience = seconds(3);

constexpr uint32_t kChanges = IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |
                              IN_ATTRIB | IN_ONLYDIR | IN_DONT_FOLLOW;

Fd watch_directory(const std::string& path) {
  Fd inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (inotify && ::inotify_add_watch(inotify.get(), path.c_str(), kChanges) < 0) inotify.reset();
  return inotify;
}

}  // namespace

Rendezvous::Rendezvous(Loop& loop, InstanceLock& lock, Log& log, Callbacks callbacks)
    : lock_(lock),
      log_(log),
      callbacks_(std::move(callbacks)),
      inotify_(watch_directory(lock.directory())),
      look_(loop, [this] { look(); }) {
  FdWatch::Handler& handler = *this;
  if (inotify_) watch_.emplace(loop, inotify_.get(), handler);
  if (!watch_ || !watch_->set(FdWatch::Mode::reading, false))
    log_.write(LogLevel::info, "the directory is looked at every 3 s only, as inotify is not available");
  // What happened before the watch was there.
  look_.set(now());
}

void Rendezvous::stop() {
  look_.clear();
  if (watch_) static_cast<void>(watch_->set(FdWatch::Mode::off, false));
}

void Rendezvous::on_readable() {
  // What changed does not matter: the look sees what is there. An unread event would be announced again at
  // once.
  char events[4096];
  bool more = ::read(inotify_.get(), events, sizeof events) > 0;
  if (more && look_.due() > now() + kSettle) look_.set(now() + kSettle);
}

void Rendezvous::look() {
  using Kind = InstanceLock::Look::Kind;
  InstanceLock::Look found = lock_.look(kListenBacklog);
  look_.set(now() + kLookEvery);
  if (found.kind == Kind::contested) {
    contested(found.reason);
    return;
  }
  contested_since_ = kNever;
  if (found.kind == Kind::undecided) {
    if (!std::exchange(trouble_logged_, true))
      log_.write(LogLevel::warning, "cannot look after the socket", {{"reason", found.reason}});
    return;
  }
  trouble_logged_ = false;
  if (found.kind == Kind::mended) log_.write(LogLevel::warning, "made anew", {{"reason", found.reason}});
  if (found.listening) callbacks_.on_new_socket(std::move(found.listening));
  if (found.kind != Kind::lost) return;
  stop();
  callbacks_.on_lost(found.reason);
}

void Rendezvous::contested(const std::string& reason) {
  TimePoint at = now();
  if (contested_since_ == kNever) contested_since_ = at;
  if (at - contested_since_ < kContestedPatience) {
    look_.set(at + kContestedStep);
    return;
  }
  stop();
  callbacks_.on_lost(reason);
}

}  // namespace bus::hub
