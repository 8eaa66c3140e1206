#include "tests/bench/contenders.h"
#include "tests/bench/nats_calls.h"
#include "tests/bench/nats_values.h"
#include "tests/bench/nats_wire.h"
#include "tests/bench/scratch_file.h"
#include "tests/bench/wire.h"

namespace bus::bench {

namespace {

// No limit that a slow moment could reach; a PING of the server is not expected within a run.
std::string configuration(uint16_t port) {
  return "host: \"127.0.0.1\"\nport: " + std::to_string(port) +
         "\nmax_connections: 65536\nmax_pending: 1073741824\nmax_payload: 8388608\n"
         "write_deadline: \"60s\"\nping_interval: \"1h\"\n";
}

class NatsContender : public Contender {
 public:
  std::string name() const override { return "NATS"; }
  std::string program() const override { return "nats-server"; }

  Result<ServerProcess> start(const std::string& directory) override {
    BUSD_ASSIGN(port_, free_port());
    std::string path = directory + "/nats.conf";
    BUSD_TRY(write_scratch_file(path, configuration(port_)));
    BUSD_ASSIGN(ServerProcess server, ServerProcess::spawn(program(), {"--config", path}, directory));
    BUSD_TRY(wait_until_accepting(server, port_));
    return server;
  }

  Result<Fd> connect_publisher() override {
    BUSD_ASSIGN(Fd fd, connect_tcp(port_));
    BUSD_TRY(read_until(fd.get(), "\r\n"));
    BUSD_TRY(send_all(fd.get(), nats::connect_and_ping()));
    BUSD_TRY(expect_pong(fd.get()));
    return fd;
  }

  Result<Fd> connect_subscriber(const std::vector<std::string>& topics) override {
    BUSD_ASSIGN(Fd fd, connect_publisher());
    std::string request;
    for (const std::string& topic : topics) request += nats::subscribe(topic, 1 + request.size());
    BUSD_TRY(send_all(fd.get(), request.append(nats::kPing)));
    BUSD_TRY(expect_pong(fd.get()));
    return fd;
  }

  void append_publication(std::string& out, std::string_view topic, std::string_view payload,
                          uint64_t /*serial*/) override {
    nats::append_publication(out, topic, payload);
  }

  std::unique_ptr<Parser> make_parser() override { return nats::make_parser(); }
  CallWire* calls() override { return &calls_; }
  std::vector<ValueStore*> value_stores() override { return {values_.get()}; }

 private:
  static Result<void> expect_pong(int fd) {
    BUSD_ASSIGN(std::string line, read_until(fd, "\r\n"));
    if (line != nats::kPong) return Error{Errc::protocol, "NATS: " + line};
    return {};
  }

  uint16_t port_ = 0;
  nats::Calls calls_;
  std::unique_ptr<ValueStore> values_ = nats::make_values();
};

}  // namespace

std::unique_ptr<Contender> make_nats() { return std::make_unique<NatsContender>(); }

}  // namespace bus::bench
