#include "tests/bench/busd_values.h"

#include "protocol/base/strings.h"
#include "protocol/base/unix_socket.h"
#include "tests/bench/busd_calls.h"
#include "tests/bench/line_cutter.h"
#include "tests/bench/wire.h"

namespace bus::bench::busd {

namespace {

constexpr std::string_view kResponse = R"({"type":"response","id":")";
constexpr std::string_view kStored = R"(","result":{"version":)";
constexpr std::string_view kGot = R"(","result":{"key":")";
constexpr std::string_view kValue = R"({"type":"value","watch":"w","key":")";
constexpr std::string_view kSynced = R"({"type":"synced","watch":"w",)";
constexpr std::string_view kVersion = R"(,"version":)";
constexpr std::string_view kSkipped = R"(,"skipped":)";
constexpr std::string_view kValueMember = R"(,"value":)";

// The number that `text` begins with.
uint64_t leading_number(std::string_view text) {
  uint64_t number = 0;
  for (char c : text) {
    if (c < '0' || c > '9') break;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  return number;
}

// The number behind `mark`; 0 when there is none.
uint64_t number_behind(std::string_view text, std::string_view mark) {
  size_t at = text.find(mark);
  return at == std::string_view::npos ? 0 : leading_number(text.substr(at + mark.size()));
}

class AnswerParser final : public ValueParser {
 public:
  bool take(std::string_view bytes, ValueSink& sink) override {
    return lines_.take(bytes, [&sink](std::string_view line) { return take_line(line, sink); });
  }

 private:
  static bool take_line(std::string_view line, ValueSink& sink) {
    if (!line.starts_with(kResponse) || !line.ends_with("}}")) return false;
    uint64_t number = leading_number(line.substr(kResponse.size()));
    size_t at = line.find('"', kResponse.size());
    if (at == std::string_view::npos) return false;
    line.remove_prefix(at);
    if (line.starts_with(kStored)) {
      sink.stored(number, leading_number(line.substr(kStored.size())));
      return true;
    }
    size_t value_at = line.find(kValueMember);
    if (!line.starts_with(kGot) || value_at == std::string_view::npos) return false;
    uint64_t version = number_behind(line.substr(0, value_at), kVersion);
    value_at += kValueMember.size();
    sink.got(number, version, line.substr(value_at, line.size() - value_at - 2));
    return true;
  }

  LineCutter lines_;
};

class Follower final : public ValueFollower {
 public:
  explicit Follower(std::string_view key) : key_(key) {}

  void begin(std::string& out) override {
    out.append(R"({"type":"watch","id":"w","keys":[")").append(key_).append("\"]}\n");
  }
  bool take(std::string_view bytes, ValueSink& sink, std::string& /*out*/) override {
    return lines_.take(bytes, [&sink](std::string_view line) { return take_line(line, sink); });
  }

 private:
  static bool take_line(std::string_view line, ValueSink& sink) {
    if (line.starts_with(kSynced)) {
      sink.synced();
      return true;
    }
    size_t value_at = line.find(kValueMember);
    if (!line.starts_with(kValue) || value_at == std::string_view::npos || !line.ends_with('}')) return false;
    std::string_view head = line.substr(0, value_at);
    std::string_view key = text_behind(head, kValue);
    head.remove_prefix(kValue.size() + key.size());
    value_at += kValueMember.size();
    sink.changed(key, number_behind(head, kVersion), number_behind(head, kSkipped),
                 line.substr(value_at, line.size() - value_at - 1));
    return true;
  }

  std::string key_;
  LineCutter lines_;
};

std::string_view name_of(Durable durable) {
  switch (durable) {
    case Durable::memory:
      return "memory";
    case Durable::process:
      return "process";
    case Durable::power:
      return "power";
  }
  return "";
}

class Values final : public ValueStore {
 public:
  Values(const std::string& hub, std::string program, Durable durable)
      : name_(hub + " " + std::string(name_of(durable))), program_(std::move(program)), durable_(durable) {}

  std::string name() const override { return name_; }
  bool is_kept() const override { return durable_ != Durable::memory; }

  Result<ServerProcess> start(const std::string& directory) override {
    socket_ = directory + "/bus.sock";
    BUSD_ASSIGN(ServerProcess server,
                ServerProcess::spawn(program_,
                                     {"--socket", socket_, "--values", directory + "/values",
                                      "--max-connections", "20000", "--log-level", "error"},
                                     directory));
    BUSD_TRY(wait_until_accepting(server, socket_));
    return server;
  }

  Result<Fd> connect(size_t /*client*/) override {
    BUSD_ASSIGN(Fd fd, connect_unix(socket_, kHandshakePatience));
    BUSD_TRY(send_all(
        fd.get(), R"({"type":"hello","pid":0,"event_key":"","event_types":[],"version":"v1","role":"client"})"
                  "\n"));
    BUSD_ASSIGN(std::string answer, read_until(fd.get(), "\n"));
    if (!answer.starts_with(R"({"type":"hello_ack")"))
      return Error{Errc::protocol, "busd answers " + printable(answer)};
    return fd;
  }

  // `process` is what a put of a hub with a store is if it says nothing.
  void append_put(std::string& out, size_t /*client*/, uint64_t number, std::string_view key,
                  std::string_view value) override {
    out.append(R"({"type":"put","id":")").append(std::to_string(number)).append(R"(","key":")").append(key);
    out.append("\"");
    if (durable_ != Durable::process) out.append(R"(,"durable":")").append(name_of(durable_)).append("\"");
    out.append(kValueMember).append(value).append("}\n");
  }
  void append_get(std::string& out, size_t /*client*/, uint64_t number, std::string_view key) override {
    out.append(R"({"type":"get","id":")").append(std::to_string(number)).append(R"(","key":")").append(key);
    out.append("\"}\n");
  }

  std::unique_ptr<ValueParser> make_value_parser() override { return std::make_unique<AnswerParser>(); }
  std::unique_ptr<ValueFollower> follow(std::string_view key) override {
    return std::make_unique<Follower>(key.empty() ? "*" : key);
  }
  std::unique_ptr<ValueFollower> snapshot() override { return std::make_unique<Follower>("*"); }

 private:
  std::string name_;
  std::string program_;
  Durable durable_;
  std::string socket_;
};

}  // namespace

std::unique_ptr<ValueStore> make_values(const std::string& hub, const std::string& program, Durable durable) {
  return std::make_unique<Values>(hub, program, durable);
}

}  // namespace bus::bench::busd
