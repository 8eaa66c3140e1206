#include "protocol/base/unix_socket.h"
#include "tests/bench/busd_calls.h"
#include "tests/bench/busd_values.h"
#include "tests/bench/busd_wire.h"
#include "tests/bench/contenders.h"
#include "tests/bench/wire.h"

namespace bus::bench {

namespace {

class BusdContender : public Contender {
 public:
  BusdContender(std::string name, std::string program)
      : name_(std::move(name)), program_(std::move(program)) {
    for (busd::Durable durable : {busd::Durable::memory, busd::Durable::process, busd::Durable::power})
      values_.push_back(busd::make_values(name_, program_, durable));
  }

  std::string name() const override { return name_; }
  std::string program() const override { return program_; }
  Role role() const override { return Role::hub; }

  Result<ServerProcess> start(const std::string& directory) override {
    socket_ = directory + "/bus.sock";
    // Room for more than is ever in flight, so that nothing is dropped.
    BUSD_ASSIGN(ServerProcess server,
                ServerProcess::spawn(program_,
                                     {"--socket", socket_, "--queue-frames", "4096", "--queue-bytes", "64MiB",
                                      "--max-connections", "20000", "--log-level", "error"},
                                     directory));
    BUSD_TRY(wait_until_accepting(server, socket_));
    return server;
  }

  Result<Fd> connect_publisher() override { return connect_with(busd::source_hello_line()); }

  Result<Fd> connect_subscriber(const std::vector<std::string>& topics) override {
    return connect_with(busd::hello_line(topics));
  }

  // It publishes to its own topic, the last one, and takes these events out again.
  Result<Fd> connect_subscriber_apart(const std::vector<std::string>& topics, size_t messages) override {
    BUSD_ASSIGN(Fd fd, connect_subscriber(topics));
    for (size_t i = 0; i < messages; ++i) {
      std::string line;
      busd::append_event(line, topics.back(), "0");
      BUSD_TRY(send_all(fd.get(), line));
      BUSD_ASSIGN(std::string event, read_until(fd.get(), "\n"));
      if (!event.starts_with(R"({"type":"event")")) return Error{Errc::protocol, event};
    }
    return fd;
  }

  void append_publication(std::string& out, std::string_view topic, std::string_view payload,
                          uint64_t /*serial*/) override {
    busd::append_event(out, topic, payload);
  }

  std::unique_ptr<Parser> make_parser() override { return busd::make_parser(); }
  CallWire* calls() override { return &calls_; }
  std::vector<ValueStore*> value_stores() override {
    std::vector<ValueStore*> stores;
    for (const auto& each : values_) stores.push_back(each.get());
    return stores;
  }

 private:
  Result<Fd> connect_with(const std::string& hello) {
    BUSD_ASSIGN(Fd fd, connect_unix(socket_, kHandshakePatience));
    BUSD_TRY(send_all(fd.get(), hello));
    BUSD_ASSIGN(std::string answer, read_until(fd.get(), "\n"));
    if (!answer.starts_with(R"({"type":"hello_ack")")) return Error{Errc::protocol, answer};
    return fd;
  }

  std::string name_;
  std::string program_;
  std::string socket_;
  busd::Calls calls_;
  std::vector<std::unique_ptr<ValueStore>> values_;
};

}  // namespace

std::unique_ptr<Contender> make_busd(const std::string& name, const std::string& program) {
  return std::make_unique<BusdContender>(name, program);
}

}  // namespace bus::bench
