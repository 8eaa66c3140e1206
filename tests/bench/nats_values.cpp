#include "tests/bench/nats_values.h"

#include <unistd.h>

#include "protocol/base/strings.h"
#include "tests/bench/nats_message.h"
#include "tests/bench/nats_wire.h"
#include "tests/bench/payload.h"
#include "tests/bench/scratch_file.h"
#include "tests/bench/wire.h"

namespace bus::bench::nats {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kSubject = "$KV.bench.";
constexpr std::string_view kDirectGet = "$JS.API.DIRECT.GET.KV_bench.";
constexpr std::string_view kConsumerApi = "$JS.API.CONSUMER.CREATE.KV_bench";
constexpr std::string_view kStreamApi = "$JS.API.STREAM.CREATE.KV_bench";

// As the clients of NATS make a bucket with a history of 1.
constexpr std::string_view kBucket =
    R"({"name":"KV_bench","subjects":["$KV.bench.>"],"retention":"limits","max_consumers":-1,"max_msgs":-1,)"
    R"("max_bytes":-1,"max_age":0,"max_msgs_per_subject":1,"max_msg_size":-1,"discard":"new","storage":"file",)"
    R"("num_replicas":1,"duplicate_window":120000000000,"deny_delete":true,"allow_rollup_hdrs":true,)"
    R"("allow_direct":true})";

// As long as those of the clients: 22 characters, of which the client's number is the end.
std::string inbox_of(size_t client) { return "_INBOX.benchbenchxx" + number_text(client) + "."; }

void append_message(std::string& out, std::string_view subject, std::string_view reply_to,
                    std::string_view payload) {
  out.append("PUB ").append(subject).append(" ");
  if (!reply_to.empty()) out.append(reply_to).append(" ");
  out.append(std::to_string(payload.size())).append(kLineEnd).append(payload).append(kLineEnd);
}

std::string connect_line() {
  return R"(CONNECT {"verbose":false,"pedantic":false,"lang":"none","version":"1","protocol":1,"headers":true,)"
         R"("no_responders":true})"
         "\r\n";
}

class AnswerParser final : public ValueParser {
 public:
  bool take(std::string_view bytes, ValueSink& sink) override {
    return messages_.take(bytes, [&sink](const Message& message) {
      auto number = parse_u64(message.subject.substr(message.subject.rfind('.') + 1));
      if (!number) return false;
      if (message.payload.starts_with(R"({"stream":"KV_bench", "seq":)")) {
        sink.stored(*number, 0);
        return true;
      }
      // What is refused has a status in the first line of its headers.
      if (!message.headers.starts_with("NATS/1.0\r\n")) return false;
      sink.got(*number, 0, message.payload);
      return true;
    });
  }

 private:
  MessageCutter messages_;
};

class Follower final : public ValueFollower {
 public:
  // `index` tells it apart from other followers.
  Follower(std::string_view key, size_t index)
      : filter_(std::string(kSubject).append(key.empty() ? ">" : key)),
        deliver_("_INBOX.benchfollow" + number_text(index) + ".1"),
        created_("_INBOX.benchfollow" + number_text(index) + ".2") {}

  void begin(std::string& out) override {
    out += subscribe(deliver_, 1) + subscribe(created_, 2);
    std::string order =
        R"({"stream_name":"KV_bench","config":{"deliver_policy":"last_per_subject",)"
        R"("ack_policy":"none","max_deliver":1,"replay_policy":"instant","flow_control":true,)"
        R"("idle_heartbeat":5000000000,"num_replicas":1,"mem_storage":true,"deliver_subject":")";
    order.append(deliver_).append(R"(","filter_subject":")").append(filter_).append("\"}}");
    append_message(out, kConsumerApi, created_, order);
  }

  bool take(std::string_view bytes, ValueSink& sink, std::string& out) override {
    return messages_.take(bytes, [&](const Message& message) {
      if (message.subject == created_) return take_answer(message, sink);
      if (message.subject == deliver_) return take_control(message, out);
      if (!message.subject.starts_with(kSubject)) return false;
      sink.changed(message.subject.substr(kSubject.size()), 0, 0, message.payload);
      // "$JS.ACK.STREAM.CONSUMER.DELIVERED.SEQ.SEQ.TIME.PENDING"
      if (message.reply_to.ends_with(".0")) sync(sink);
      return true;
    });
  }

 private:
  bool take_answer(const Message& message, ValueSink& sink) {
    if (message.payload.find(R"("error")") != std::string_view::npos) return false;
    bool is_empty = message.payload.find(R"("num_pending":0)") != std::string_view::npos &&
                    message.payload.find(R"("delivered":{"consumer_seq":0)") != std::string_view::npos;
    if (is_empty) sync(sink);
    return true;
  }
  // A request of flow control, or a sign of life that may ask for the same.
  static bool take_control(const Message& message, std::string& out) {
    constexpr std::string_view kStalled = "Nats-Consumer-Stalled: ";
    if (!message.headers.starts_with("NATS/1.0 100 ")) return false;
    std::string_view answer_to = message.reply_to;
    size_t at = message.headers.find(kStalled);
    if (at != std::string_view::npos) {
      std::string_view rest = message.headers.substr(at + kStalled.size());
      answer_to = rest.substr(0, rest.find('\r'));
    }
    if (!answer_to.empty()) append_message(out, answer_to, {}, {});
    return true;
  }
  void sync(ValueSink& sink) {
    if (is_synced_) return;
    is_synced_ = true;
    sink.synced();
  }

  std::string filter_;
  std::string deliver_;  // the subject of what the server sends by itself
  std::string created_;  // the subject of its answer
  MessageCutter messages_;
  bool is_synced_ = false;
};

class Values final : public ValueStore {
 public:
  std::string name() const override { return "NATS KV"; }
  bool is_kept() const override { return true; }

  Result<ServerProcess> start(const std::string& directory) override {
    BUSD_ASSIGN(port_, free_port());
    std::string path = directory + "/nats.conf";
    // That of an earlier start names another port.
    ::unlink(path.c_str());
    BUSD_TRY(write_scratch_file(
        path, "host: \"127.0.0.1\"\nport: " + std::to_string(port_) +
                  "\nmax_connections: 65536\nmax_pending: 1073741824\nwrite_deadline: \"60s\"\n"
                  "ping_interval: \"1h\"\njetstream { store_dir: \"" +
                  directory + "/jetstream\" }\n"));
    BUSD_ASSIGN(ServerProcess server, ServerProcess::spawn("nats-server", {"--config", path}, directory));
    BUSD_TRY(wait_until_accepting(server, port_));
    return server;
  }

  Result<void> prepare() override {
    BUSD_ASSIGN(Fd fd, connect(0));
    std::string out;
    append_message(out, kStreamApi, inbox_of(0) + "0", kBucket);
    BUSD_TRY(send_all(fd.get(), out));
    BUSD_ASSIGN(std::string head, read_until(fd.get(), kLineEnd));
    BUSD_ASSIGN(std::string answer, read_until(fd.get(), kLineEnd));
    if (answer.find(R"("error")") == std::string::npos) return {};
    return Error{Errc::protocol, "NATS answers " + printable(answer)};
  }

  Result<Fd> connect(size_t client) override {
    BUSD_ASSIGN(Fd fd, connect_tcp(port_));
    BUSD_TRY(read_until(fd.get(), kLineEnd));
    BUSD_TRY(send_all(fd.get(), connect_line() + subscribe(inbox_of(client) + "*", 9) + std::string(kPing)));
    BUSD_ASSIGN(std::string line, read_until(fd.get(), kLineEnd));
    if (line != kPong) return Error{Errc::protocol, "NATS answers " + printable(line)};
    return fd;
  }

  void append_put(std::string& out, size_t client, uint64_t number, std::string_view key,
                  std::string_view value) override {
    out.append("PUB ").append(kSubject).append(key).append(" ").append(inbox_of(client));
    out.append(std::to_string(number)).append(" ").append(std::to_string(value.size())).append(kLineEnd);
    out.append(value).append(kLineEnd);
  }
  void append_get(std::string& out, size_t client, uint64_t number, std::string_view key) override {
    out.append("PUB ").append(kDirectGet).append(kSubject).append(key).append(" ").append(inbox_of(client));
    out.append(std::to_string(number)).append(" 0\r\n\r\n");
  }

  std::unique_ptr<ValueParser> make_value_parser() override { return std::make_unique<AnswerParser>(); }
  std::unique_ptr<ValueFollower> follow(std::string_view key) override {
    return std::make_unique<Follower>(key, ++followers_);
  }
  std::unique_ptr<ValueFollower> snapshot() override { return std::make_unique<Follower>("", ++followers_); }

 private:
  uint16_t port_ = 0;
  size_t followers_ = 0;
};

}  // namespace

std::unique_ptr<ValueStore> make_values() { return std::make_unique<Values>(); }

}  // namespace bus::bench::nats
