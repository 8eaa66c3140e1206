// Hosts a client in an io_context of Asio (1.18 and later). Copy it.
//
//   busd::loops::AsioHost host(context, consumer, turn);
//
// The object hosts until it is destroyed or `turn` returns false.
//
// The loop calls `turn` whenever the client is due; see turn.hpp. `turn` must not destroy the host. The
// client and the context must outlive the host. Only one thread, or one strand, may run the context at a
// time.
#pragma once

#include <asio.hpp>
#include <busd/consumer.hpp>
#include <functional>
#include <memory>
#include <poll.h>
#include <system_error>
#include <utility>

namespace busd::loops {

template <class Client>  // busd::Consumer or busd::Source
class AsioHost {
 public:
  AsioHost(asio::io_context& context, Client& client, std::function<bool()> turn)
      : client_(client), turn_(std::move(turn)), descriptor_(context, client.fd()), timer_(context) {
    update();
  }
  ~AsioHost() { descriptor_.release(); }  // it belongs to the client
  AsioHost(const AsioHost&) = delete;
  AsioHost& operator=(const AsioHost&) = delete;

  // Asks the client again when it is due. Call this after calls on the client outside of `turn`, such as
  // publish.
  void update() {
    descriptor_.cancel();
    timer_.cancel();
    if (over_) return;
    // A handler that was queued before it was cancelled still runs, even if the host is gone; hence the weak
    // pointer.
    auto ready = [this, alive = std::weak_ptr<char>(alive_)](std::error_code error) {
      if (!error && !alive.expired()) due();
    };
    if (client_.events() & POLLIN) descriptor_.async_wait(descriptor_.wait_read, ready);
    if (client_.events() & POLLOUT) descriptor_.async_wait(descriptor_.wait_write, ready);
    if (auto deadline = client_.deadline()) {
      timer_.expires_after(*deadline);
      timer_.async_wait(ready);
    }
  }

 private:
  void due() {
    if (over_) return;
    over_ = !turn_();
    update();
  }

  Client& client_;
  std::function<bool()> turn_;
  asio::posix::stream_descriptor descriptor_;
  asio::steady_timer timer_;
  bool over_ = false;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace busd::loops
