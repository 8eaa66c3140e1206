#include "consumer/sources/hub_watch.h"

#include <cstdint>
#include <cstring>
#include <sys/inotify.h>
#include <unistd.h>
#include <utility>

namespace bus::sources {

HubWatch::HubWatch(Loop& loop, std::string directory, std::function<void()> on_sign)
    : loop_(loop), directory_(std::move(directory)), on_sign_(std::move(on_sign)) {}

bool HubWatch::begin() {
  if (watch_ && !is_over_) return true;
  end();
  inotify_ = Fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  // A hub that ends removes its socket, and then closes its lock.
  constexpr uint32_t kSigns = IN_OPEN | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_CLOSE_WRITE |
                              IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  if (!inotify_ || ::inotify_add_watch(inotify_.get(), directory_.c_str(), kSigns) < 0) return false;
  watch_ = std::make_unique<FdWatch>(loop_, inotify_.get(), static_cast<FdWatch::Handler&>(*this));
  is_over_ = !watch_->set(FdWatch::Mode::reading, false);
  return !is_over_;
}

void HubWatch::end() {
  watch_.reset();
  inotify_.reset();
  is_over_ = false;
}

void HubWatch::on_readable() {
  alignas(inotify_event) char buffer[4096];
  ssize_t n = ::read(inotify_.get(), buffer, sizeof buffer);
  for (ssize_t at = 0; at < n;) {
    inotify_event event{};
    std::memcpy(&event, buffer + at, sizeof event);
    at += static_cast<ssize_t>(sizeof event + event.len);
    // Another directory may be made in its place: that one is watched from the next begin() on.
    if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0) is_over_ = true;
  }
  if (n > 0) on_sign_();
}

}  // namespace bus::sources
