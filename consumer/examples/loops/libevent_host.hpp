// Hosts a client in libevent's loop (2.0 and later). Copy it.
//
//   busd::loops::LibeventHost host(base, consumer, turn);
//
// The object hosts until it is destroyed or `turn` returns false.
//
// The loop calls `turn` whenever the client is due; see turn.hpp. `turn` must not throw, and must not destroy
// the host. The client and the loop must outlive the host.
#pragma once

#include <busd/consumer.hpp>
#include <cstdlib>
#include <functional>
#include <poll.h>
#include <sys/time.h>
#include <utility>

#include <event2/event.h>

namespace busd::loops {

template <class Client>  // busd::Consumer or busd::Source
class LibeventHost {
 public:
  LibeventHost(event_base* base, Client& client, std::function<bool()> turn)
      : base_(base), client_(client), turn_(std::move(turn)), due_(event_new(base, -1, 0, &on_due, this)) {
    if (due_ == nullptr) std::abort();  // there is no memory
    update();
  }
  ~LibeventHost() { event_free(due_); }
  LibeventHost(const LibeventHost&) = delete;
  LibeventHost& operator=(const LibeventHost&) = delete;

  // Asks the client again when it is due. Call this after calls on the client outside of `turn`, such as
  // publish.
  void update() noexcept {
    event_del(due_);
    if (over_) return;
    auto kinds = static_cast<short>((client_.events() & POLLIN ? EV_READ : 0) |
                                    (client_.events() & POLLOUT ? EV_WRITE : 0));
    // The event fires once, so that each turn decides what the next one waits for.
    event_assign(due_, base_, client_.fd(), kinds, &on_due, this);
    auto deadline = client_.deadline();
    if (!deadline) {
      event_add(due_, nullptr);
      return;
    }
    timeval timeout{};
    timeout.tv_sec = static_cast<time_t>(deadline->count() / 1000);
    timeout.tv_usec = static_cast<suseconds_t>(deadline->count() % 1000) * 1000;
    event_add(due_, &timeout);
  }

 private:
  // noexcept, because an exception through libevent's C code would block its loop for ever.
  static void on_due(evutil_socket_t, short, void* context) noexcept {
    auto& host = *static_cast<LibeventHost*>(context);
    host.over_ = !host.turn_();
    host.update();
  }

  event_base* base_;
  Client& client_;
  std::function<bool()> turn_;
  event* due_;
  bool over_ = false;
};

}  // namespace busd::loops
