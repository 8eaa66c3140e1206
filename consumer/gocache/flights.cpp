#include "consumer/gocache/flights.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

namespace bus::gocache {

namespace {

// What is missed and never put would stay until the end of the run, and the kernel looks through all of them.
constexpr size_t kMostFlights = 256;

struct flock byte_of(const Id& action, short kind) {
  struct flock out {};
  out.l_type = kind;
  out.l_whence = SEEK_SET;
  out.l_start = static_cast<off_t>(action.number() >> 2U);
  out.l_len = 1;
  return out;
}

}  // namespace

Flights::Flights(const Place* place) {
  if (place == nullptr || place->read_only() || !place->is_local()) return;
  file_ = Fd(::openat(place->own(), "flights", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
}

bool Flights::begin(const Id& action) {
  if (!file_) return true;
  struct flock lock = byte_of(action, F_WRLCK);
  if (::fcntl(file_.get(), F_OFD_SETLK, &lock) != 0) return errno != EAGAIN && errno != EACCES;
  if (std::find(ours_.begin(), ours_.end(), action) != ours_.end()) return true;
  ours_.push_back(action);
  if (ours_.size() > kMostFlights) {
    unlock(ours_.front());
    ours_.pop_front();
  }
  return true;
}

void Flights::end(const Id& action) {
  auto at = std::find(ours_.begin(), ours_.end(), action);
  if (at == ours_.end()) return;
  ours_.erase(at);
  unlock(action);
}

void Flights::unlock(const Id& action) {
  struct flock lock = byte_of(action, F_UNLCK);
  ::fcntl(file_.get(), F_OFD_SETLK, &lock);
}

}  // namespace bus::gocache
