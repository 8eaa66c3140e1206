#include "protocol/base/unix_socket.h"
#include "tests/bench/contenders.h"
#include "tests/bench/line_cutter.h"
#include "tests/bench/wire.h"

namespace bus::bench {

namespace {

// A payload and a line end; nothing else is on the wire.
class PayloadParser : public Parser {
 public:
  bool take(std::string_view bytes, MessageSink& sink) override {
    return lines_.take(bytes, [&](std::string_view line) {
      sink.message(line);
      return true;
    });
  }

 private:
  LineCutter lines_;
};

class NullContender : public Contender {
 public:
  explicit NullContender(std::string program) : program_(std::move(program)) {}

  std::string name() const override { return "null hub"; }
  std::string program() const override { return program_; }
  Role role() const override { return Role::null_hub; }

  Result<ServerProcess> start(const std::string& directory) override {
    socket_ = directory + "/null.sock";
    BUSD_ASSIGN(ServerProcess server, ServerProcess::spawn(program_, {socket_}, directory));
    BUSD_TRY(wait_until_accepting(server, socket_));
    return server;
  }

  Result<Fd> connect_publisher() override { return connect_as("P"); }

  Result<Fd> connect_subscriber(const std::vector<std::string>& /*topics*/) override {
    BUSD_ASSIGN(Fd fd, connect_as("S"));
    BUSD_TRY(read_exactly(fd.get(), 1));
    return fd;
  }

  void append_publication(std::string& out, std::string_view /*topic*/, std::string_view payload,
                          uint64_t /*serial*/) override {
    out.append(payload).append("\n");
  }

  std::unique_ptr<Parser> make_parser() override { return std::make_unique<PayloadParser>(); }

 private:
  Result<Fd> connect_as(std::string_view kind) {
    BUSD_ASSIGN(Fd fd, connect_unix(socket_, kHandshakePatience));
    BUSD_TRY(send_all(fd.get(), kind));
    return fd;
  }

  std::string program_;
  std::string socket_;
};

}  // namespace

std::unique_ptr<Contender> make_null_hub(const std::string& program) {
  return std::make_unique<NullContender>(program);
}

}  // namespace bus::bench
