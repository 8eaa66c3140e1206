#include "protocol/base/unix_socket.h"
#include "tests/bench/contenders.h"
#include "tests/bench/redis_values.h"
#include "tests/bench/redis_wire.h"
#include "tests/bench/wire.h"

namespace bus::bench {

namespace {

class RedisContender : public Contender {
 public:
  std::string name() const override { return "Redis"; }
  std::string program() const override { return "redis-server"; }

  Result<ServerProcess> start(const std::string& directory) override {
    socket_ = directory + "/redis.sock";
    BUSD_ASSIGN(ServerProcess server,
                ServerProcess::spawn(program(),
                                     {"--port", "0", "--unixsocket", socket_, "--save", "", "--appendonly",
                                      "no", "--daemonize", "no", "--maxclients", "15000", "--loglevel",
                                      "warning", "--client-output-buffer-limit", "pubsub", "0", "0", "0"},
                                     directory));
    BUSD_TRY(wait_until_accepting(server, socket_));
    return server;
  }

  Result<Fd> connect_publisher() override { return connect_unix(socket_, kHandshakePatience); }

  Result<Fd> connect_subscriber(const std::vector<std::string>& topics) override {
    BUSD_ASSIGN(Fd fd, connect_unix(socket_, kHandshakePatience));
    size_t count = 0;
    for (const std::string& topic : topics) {
      BUSD_TRY(send_all(fd.get(), redis::subscribe(topic)));
      std::string wanted = redis::subscribed(topic, ++count);
      BUSD_ASSIGN(std::string answer, read_exactly(fd.get(), wanted.size()));
      if (answer != wanted) return Error{Errc::protocol, "Redis: " + answer};
    }
    return fd;
  }

  void append_publication(std::string& out, std::string_view topic, std::string_view payload,
                          uint64_t /*serial*/) override {
    redis::append_publish(out, topic, payload);
  }

  std::unique_ptr<Parser> make_parser() override { return redis::make_parser(); }
  std::vector<ValueStore*> value_stores() override { return {values_.get(), written_.get(), synced_.get()}; }

 private:
  std::string socket_;
  std::unique_ptr<ValueStore> values_ = redis::make_values(redis::Log::none);
  std::unique_ptr<ValueStore> written_ = redis::make_values(redis::Log::everysec);
  std::unique_ptr<ValueStore> synced_ = redis::make_values(redis::Log::always);
};

}  // namespace

std::unique_ptr<Contender> make_redis() { return std::make_unique<RedisContender>(); }

}  // namespace bus::bench
