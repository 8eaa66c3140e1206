#include <poll.h>
#include <sys/socket.h>

#include "protocol/base/unix_socket.h"
#include "tests/bench/contenders.h"
#include "tests/bench/frame_reader.h"
#include "tests/bench/wire.h"
#include "tests/bench/zmtp_wire.h"

namespace bus::bench {

namespace {

constexpr int kProbePauseMs = 1;

Result<Fd> connect_as(const std::string& socket, std::string_view socket_type) {
  BUSD_ASSIGN(Fd fd, connect_unix(socket, kHandshakePatience));
  BUSD_TRY(send_all(fd.get(), zmtp::greeting()));
  BUSD_ASSIGN(std::string greeting, read_exactly(fd.get(), zmtp::kGreetingBytes));
  if (!zmtp::is_greeting(greeting)) return Error{Errc::protocol, "ZeroMQ does not greet in ZMTP 3"};
  BUSD_TRY(send_all(fd.get(), zmtp::ready(socket_type)));
  BUSD_ASSIGN(std::string ready, read_frame(fd.get(), zmtp::needed_bytes));
  if (!zmtp::is_ready(ready)) return Error{Errc::protocol, "ZeroMQ refuses a " + std::string(socket_type)};
  return fd;
}

bool readable_soon(int fd) {
  pollfd waiting{fd, POLLIN, 0};
  return ::poll(&waiting, 1, kProbePauseMs) > 0;
}

class ZmqContender final : public Contender {
 public:
  explicit ZmqContender(std::string proxy_program) : proxy_program_(std::move(proxy_program)) {}

  std::string name() const override { return "ZeroMQ"; }
  std::string program() const override { return proxy_program_; }

  Result<ServerProcess> start(const std::string& directory) override {
    publish_socket_ = directory + "/xsub";
    subscribe_socket_ = directory + "/xpub";
    BUSD_ASSIGN(ServerProcess server,
                ServerProcess::spawn(proxy_program_, {publish_socket_, subscribe_socket_}, directory));
    BUSD_TRY(wait_until_accepting(server, publish_socket_));
    BUSD_TRY(wait_until_accepting(server, subscribe_socket_));
    BUSD_ASSIGN(prober_, connect_publisher());
    return server;
  }

  Result<Fd> connect_publisher() override { return connect_as(publish_socket_, "PUB"); }

  // Subscriptions are not answered. But they are taken in order: when a message on a last one comes through,
  // those before it are in force too.
  Result<Fd> connect_subscriber(const std::vector<std::string>& topics) override {
    BUSD_ASSIGN(Fd fd, connect_as(subscribe_socket_, "SUB"));
    std::string probe = zmtp::kProbeMark + std::to_string(++probes_);
    std::string requests;
    for (const std::string& topic : topics) requests += zmtp::subscription(topic);
    requests += zmtp::subscription(probe);
    BUSD_TRY(send_all(fd.get(), requests));
    BUSD_TRY(await_probe(fd.get(), probe));
    BUSD_TRY(send_all(fd.get(), zmtp::cancellation(probe)));
    return fd;
  }

  void append_publication(std::string& out, std::string_view topic, std::string_view payload,
                          uint64_t) override {
    zmtp::append_message(out, topic, payload);
  }

  std::unique_ptr<Parser> make_parser() override { return zmtp::make_parser(); }

 private:
  Result<void> await_probe(int subscriber, const std::string& probe) {
    std::string message;
    zmtp::append_message(message, probe, "");
    for (TimePoint deadline = now() + kHandshakePatience; now() < deadline;) {
      drain_prober();
      BUSD_TRY(send_all(prober_.get(), message));
      if (!readable_soon(subscriber)) continue;
      BUSD_ASSIGN(std::string topic, read_frame(subscriber, zmtp::needed_bytes));
      BUSD_ASSIGN(std::string payload, read_frame(subscriber, zmtp::needed_bytes));
      if (zmtp::is_topic(topic, probe)) return {};
    }
    return Error{Errc::timed_out, "ZeroMQ does not take a subscription"};
  }

  // The proxy tells its publishers of each subscription, and keeps what they do not read.
  void drain_prober() const {
    char bytes[4096];
    while (::recv(prober_.get(), bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
    }
  }

  std::string proxy_program_;
  std::string publish_socket_;
  std::string subscribe_socket_;
  Fd prober_;
  uint64_t probes_ = 0;
};

}  // namespace

std::unique_ptr<Contender> make_zeromq(const std::string& proxy_program) {
  return std::make_unique<ZmqContender>(proxy_program);
}

}  // namespace bus::bench
