#include "hub/farewells.h"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>

namespace bus::hub {

class Farewells::Farewell final : private FdWatch::Handler {
 public:
  Farewell(Farewells& owner, Fd fd)
      : owner_(owner),
        fd_(std::move(fd)),
        due_(now() + kFarewellTime),
        watch_(owner.loop_, fd_.get(), *this) {}

  // False when there is no memory to watch it.
  bool begin() {
    ::shutdown(fd_.get(), SHUT_WR);
    return watch_.set(FdWatch::Mode::reading, false);
  }
  void close() {
    static_cast<void>(watch_.set(FdWatch::Mode::off, false));
    discard_rest();
    fd_.reset();
  }
  TimePoint due() const { return due_; }

 private:
  void on_readable() override {
    if (!fd_) return;
    ssize_t got = ::recv(fd_.get(), owner_.scratch_.data(), owner_.scratch_.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (got > 0 && static_cast<size_t>(got) < bytes_left_) {
      bytes_left_ -= static_cast<size_t>(got);
      return;
    }
    owner_.end(*this);
  }
  void on_writable() override {}

  // Linux tells a peer ECONNRESET instead of EOF when a socket is closed with input unread. After the
  // shutdown nothing more can arrive.
  void discard_rest() {
    ::shutdown(fd_.get(), SHUT_RDWR);
    for (size_t taken = 0; taken < kFarewellBytes;) {
      ssize_t got = ::recv(fd_.get(), owner_.scratch_.data(), owner_.scratch_.size(), MSG_DONTWAIT);
      if (got <= 0) return;
      taken += static_cast<size_t>(got);
    }
  }

  Farewells& owner_;
  Fd fd_;
  TimePoint due_;
  size_t bytes_left_ = kFarewellBytes;
  FdWatch watch_;
};

Farewells::Farewells(Loop& loop, std::string& scratch)
    : loop_(loop), scratch_(scratch), timer_(loop, [this] { end_due(); }) {}

Farewells::~Farewells() = default;

void Farewells::add(Fd fd) {
  if (open_.size() == kMaxFarewells) end_oldest();
  auto farewell = std::make_unique<Farewell>(*this, std::move(fd));
  bool watched = farewell->begin();
  open_.push_back(std::move(farewell));
  if (!watched) end(*open_.back());
  timer_.set(open_.empty() ? kNever : open_.front()->due());
}

void Farewells::end(Farewell& farewell) {
  farewell.close();
  auto at =
      std::find_if(open_.begin(), open_.end(), [&](const auto& each) { return each.get() == &farewell; });
  closed_.push_back(std::move(*at));
  open_.erase(at);
}

void Farewells::end_oldest() { end(*open_.front()); }

void Farewells::end_due() {
  TimePoint at = now();
  while (!open_.empty() && open_.front()->due() <= at) end_oldest();
  timer_.set(open_.empty() ? kNever : open_.front()->due());
}

void Farewells::close_all() {
  while (!open_.empty()) end_oldest();
  timer_.clear();
}

bool Farewells::destroy_closed() {
  bool freed = !closed_.empty();
  closed_.clear();
  return freed;
}

}  // namespace bus::hub
