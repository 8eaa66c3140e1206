#include "protocol/base/unix_socket.h"
#include "tests/bench/contenders.h"
#include "tests/bench/frame_reader.h"
#include "tests/bench/mosquitto_config.h"
#include "tests/bench/mqtt_wire.h"
#include "tests/bench/scratch_file.h"
#include "tests/bench/wire.h"

namespace bus::bench {

namespace {

constexpr uint16_t kSubscribePacketId = 1;

// `user root` only keeps root from becoming somebody who cannot enter the directory; others it leaves alone.
constexpr const char* kSettings = R"(
user root
allow_anonymous true
persistence false
log_type none
connection_messages false
sys_interval 0
max_inflight_messages 0
max_inflight_bytes 0
max_queued_messages 0
max_queued_bytes 0
memory_limit 0
message_size_limit 0
set_tcp_nodelay true
)";

class MosquittoContender final : public Contender {
 public:
  std::string name() const override { return "mosquitto"; }
  std::string program() const override { return kMosquittoProgram; }

  Result<ServerProcess> start(const std::string& directory) override {
    BUSD_ASSIGN(std::vector<std::string> arguments, configure_mosquitto(directory));
    BUSD_ASSIGN(ServerProcess server, ServerProcess::spawn(kMosquittoProgram, arguments, directory));
    socket_ = mosquitto_socket(directory);
    BUSD_TRY(wait_until_accepting(server, socket_));
    return server;
  }

  Result<Fd> connect_publisher() override {
    BUSD_ASSIGN(Fd fd, connect_unix(socket_, kHandshakePatience));
    BUSD_TRY(send_all(fd.get(), mqtt::connect_packet("bench-" + std::to_string(++clients_))));
    BUSD_ASSIGN(std::string answer, read_frame(fd.get(), mqtt::needed_bytes));
    if (!mqtt::is_accepting_connack(answer)) return Error{Errc::protocol, "mosquitto refuses a client"};
    return fd;
  }

  Result<Fd> connect_subscriber(const std::vector<std::string>& topics) override {
    BUSD_ASSIGN(Fd fd, connect_publisher());
    BUSD_TRY(send_all(fd.get(), mqtt::subscribe_packet(kSubscribePacketId, topics)));
    BUSD_ASSIGN(std::string answer, read_frame(fd.get(), mqtt::needed_bytes));
    if (!mqtt::is_granting_suback(answer, kSubscribePacketId, topics.size())) {
      return Error{Errc::protocol, "mosquitto refuses a subscription"};
    }
    return fd;
  }

  void append_publication(std::string& out, std::string_view topic, std::string_view payload,
                          uint64_t) override {
    mqtt::append_publish(out, topic, payload);
  }

  std::unique_ptr<Parser> make_parser() override { return mqtt::make_parser(); }

 private:
  std::string socket_;
  uint64_t clients_ = 0;
};

}  // namespace

std::string mosquitto_socket(const std::string& directory) { return directory + "/mqtt.sock"; }

Result<std::vector<std::string>> configure_mosquitto(const std::string& directory) {
  std::string path = directory + "/mosquitto.conf";
  BUSD_TRY(write_scratch_file(path, "listener 0 " + mosquitto_socket(directory) + kSettings));
  return std::vector<std::string>{"-c", path};
}

std::unique_ptr<Contender> make_mosquitto() { return std::make_unique<MosquittoContender>(); }

}  // namespace bus::bench
