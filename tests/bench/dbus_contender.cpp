#include <unistd.h>

#include "protocol/base/strings.h"
#include "protocol/base/unix_socket.h"
#include "tests/bench/contenders.h"
#include "tests/bench/dbus_calls.h"
#include "tests/bench/dbus_wire.h"
#include "tests/bench/scratch_file.h"
#include "tests/bench/wire.h"

namespace bus::bench {

namespace {

constexpr const char* kProgram = "dbus-daemon";

std::string configuration(const std::string& socket) {
  return R"(<busconfig>
  <type>session</type>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
  <limit name="max_incoming_bytes">1000000000</limit>
  <limit name="max_outgoing_bytes">1000000000</limit>
  <limit name="max_message_size">134217728</limit>
  <limit name="max_completed_connections">100000</limit>
  <limit name="max_incomplete_connections">10000</limit>
  <limit name="max_connections_per_user">100000</limit>
  <limit name="max_match_rules_per_connection">100000</limit>
  <limit name="max_replies_per_connection">100000</limit>
  <listen>unix:path=)" +
         socket + "</listen>\n</busconfig>\n";
}

// What SASL EXTERNAL sends: the decimal uid, each digit as two hexadecimal ones.
std::string hex_of_uid() {
  std::string out;
  for (char digit : std::to_string(::getuid())) {
    out += '3';
    out += digit;
  }
  return out;
}

class DbusContender final : public Contender {
 public:
  std::string name() const override { return kProgram; }
  std::string program() const override { return kProgram; }

  Result<ServerProcess> start(const std::string& directory) override {
    socket_ = directory + "/bus";
    std::string config = directory + "/bus.conf";
    BUSD_TRY(write_scratch_file(config, configuration(socket_)));
    std::vector<std::string> arguments = {"--nofork", "--nopidfile", "--config-file=" + config};
    BUSD_ASSIGN(ServerProcess server, ServerProcess::spawn(kProgram, arguments, directory));
    BUSD_TRY(wait_until_accepting(server, socket_));
    return server;
  }

  Result<Fd> connect_publisher() override {
    BUSD_ASSIGN(Fd fd, connect_unix(socket_, kHandshakePatience));
    BUSD_TRY(send_all(fd.get(), std::string(1, '\0') + "AUTH EXTERNAL " + hex_of_uid() + "\r\n"));
    BUSD_ASSIGN(std::string answer, read_until(fd.get(), "\r\n"));
    if (!answer.starts_with("OK ")) return Error{Errc::denied, "dbus-daemon answers " + printable(answer)};
    BUSD_TRY(send_all(fd.get(), "BEGIN\r\n"));
    BUSD_TRY(dbus::call_bus(fd.get(), dbus::bus_call(1, "Hello")));
    return fd;
  }

  Result<Fd> connect_subscriber(const std::vector<std::string>& topics) override {
    BUSD_ASSIGN(Fd fd, connect_publisher());
    uint32_t serial = 1;
    for (const std::string& topic : topics) {
      BUSD_TRY(dbus::call_bus(fd.get(), dbus::bus_call(++serial, "AddMatch", dbus::match_rule(topic))));
    }
    return fd;
  }

  void append_publication(std::string& out, std::string_view topic, std::string_view payload,
                          uint64_t serial) override {
    dbus::append_signal(out, signal_serial(serial), topic, payload);
  }

  std::unique_ptr<Parser> make_parser() override { return dbus::make_parser(); }
  CallWire* calls() override { return &calls_; }

 private:
  // Serials are 32 bits and never 0 (Spec, "Message Format").
  static uint32_t signal_serial(uint64_t serial) { return static_cast<uint32_t>(serial % UINT32_MAX) + 1; }

  std::string socket_;
  dbus::Calls calls_;
};

}  // namespace

std::unique_ptr<Contender> make_dbus_daemon() { return std::make_unique<DbusContender>(); }

}  // namespace bus::bench
