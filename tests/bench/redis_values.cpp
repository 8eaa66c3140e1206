#include "tests/bench/redis_values.h"

#include <deque>
#include <initializer_list>
#include <vector>

#include "protocol/base/unix_socket.h"
#include "tests/bench/redis_reply.h"
#include "tests/bench/wire.h"

namespace bus::bench::redis {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kChannel = "__keyspace@0__:";
constexpr std::string_view kScanStep = "1000";

void append_words(std::string& out, const std::vector<std::string_view>& words) {
  out.append("*").append(std::to_string(words.size())).append(kLineEnd);
  for (std::string_view word : words) {
    out.append("$").append(std::to_string(word.size())).append(kLineEnd).append(word).append(kLineEnd);
  }
}

// Answers come in the order of the operations.
class AnswerParser final : public ValueParser {
 public:
  bool take(std::string_view bytes, ValueSink& sink) override {
    return tokens_.take(bytes, [&](const Token& token) {
      ++number_;
      if (token.kind == '+') sink.stored(number_, 0);
      if (token.kind == '$' && token.number >= 0) sink.got(number_, 0, token.text);
      return token.kind == '+' || (token.kind == '$' && token.number >= 0);
    });
  }

 private:
  TokenCutter tokens_;
  uint64_t number_ = 0;
};

// GET for each notification.
class Follower final : public ValueFollower {
 public:
  explicit Follower(std::string_view key)
      : command_(key.empty() ? "PSUBSCRIBE" : "SUBSCRIBE"),
        channel_(std::string(kChannel).append(key.empty() ? "*" : key)) {}

  void begin(std::string& out) override {
    append_words(out, {"HELLO", "3"});
    append_words(out, {"CONFIG", "SET", "notify-keyspace-events", "K$"});
    append_words(out, {command_, channel_});
  }

  bool take(std::string_view bytes, ValueSink& sink, std::string& out) override {
    return tokens_.take(bytes, [&](const Token& token) { return take_token(token, sink, out); });
  }

 private:
  bool take_token(const Token& token, ValueSink& sink, std::string& out) {
    if (token.kind == '-') return false;
    if (token.kind == '>') {
      left_of_push_ = token.number;
      return left_of_push_ >= 3;
    }
    if (left_of_push_ > 0) return take_part_of_push(token, sink, out);
    // What HELLO and CONFIG are answered is of no interest.
    if (!is_synced_) return true;
    if (token.kind != '$' || token.number < 0 || asked_.empty()) return false;
    sink.changed(asked_.front(), 0, 0, token.text);
    asked_.pop_front();
    return true;
  }

  // The kind of the push, a pattern if there is one, the channel; and the name of the command, or how many subscriptions there are.
  bool take_part_of_push(const Token& token, ValueSink& sink, std::string& out) {
    --left_of_push_;
    if (left_of_push_ == 1) key_ = token.text.substr(std::min(token.text.size(), kChannel.size()));
    if (left_of_push_ > 0) return true;
    if (token.kind == ':') {
      is_synced_ = true;
      sink.synced();
      return true;
    }
    append_words(out, {"GET", key_});
    asked_.push_back(key_);
    return token.text == "set";
  }

  std::string command_;
  std::string channel_;
  TokenCutter tokens_;
  int64_t left_of_push_ = 0;
  bool is_synced_ = false;
  std::string key_;
  std::deque<std::string> asked_;
};

// SCAN, and MGET of the keys that it brings, while the next SCAN goes on.
class Snapshot final : public ValueFollower {
 public:
  void begin(std::string& out) override { append_words(out, {"SCAN", "0", "COUNT", kScanStep}); }

  bool take(std::string_view bytes, ValueSink& sink, std::string& out) override {
    return tokens_.take(bytes, [&](const Token& token) { return take_token(token, sink, out); });
  }

 private:
  enum class Waits { scan, cursor, keys_head, keys, values_head, values };

  bool take_token(const Token& token, ValueSink& sink, std::string& out) {
    bool is_array = token.kind == '*' && token.number >= 0;
    bool is_text = token.kind == '$' && token.number >= 0;
    switch (waits_) {
      case Waits::scan:
        waits_ = Waits::cursor;
        return is_array && token.number == 2;
      case Waits::cursor:
        cursor_ = token.text;
        waits_ = Waits::keys_head;
        return is_text;
      case Waits::keys_head:
        left_ = token.number;
        keys_.clear();
        waits_ = Waits::keys;
        if (is_array && left_ == 0) ask(sink, out);
        return is_array;
      case Waits::keys:
        keys_.emplace_back(token.text);
        if (--left_ == 0) ask(sink, out);
        return is_text;
      case Waits::values_head:
        left_ = token.number;
        waits_ = Waits::values;
        return is_array && left_ == static_cast<int64_t>(asked_.size());
      case Waits::values:
        sink.changed(asked_[asked_.size() - static_cast<size_t>(left_)], 0, 0, token.text);
        if (--left_ == 0) go_on(sink);
        return is_text;
    }
    return false;
  }

  // For the values of these keys, and for more keys.
  void ask(ValueSink& sink, std::string& out) {
    asked_ = std::move(keys_);
    keys_.clear();
    if (!asked_.empty()) {
      std::vector<std::string_view> words = {"MGET"};
      words.insert(words.end(), asked_.begin(), asked_.end());
      append_words(out, words);
    }
    if (cursor_ != "0") append_words(out, {"SCAN", cursor_, "COUNT", kScanStep});
    waits_ = Waits::values_head;
    if (asked_.empty()) go_on(sink);
  }
  void go_on(ValueSink& sink) {
    waits_ = Waits::scan;
    if (cursor_ == "0") sink.synced();
  }

  TokenCutter tokens_;
  Waits waits_ = Waits::scan;
  int64_t left_ = 0;
  std::string cursor_;
  std::vector<std::string> keys_;   // that this SCAN brings
  std::vector<std::string> asked_;  // whose values MGET brings
};

class Values final : public ValueStore {
 public:
  explicit Values(Log log) : log_(log) {}

  std::string name() const override {
    if (log_ == Log::none) return "Redis";
    return log_ == Log::everysec ? "Redis AOF everysec" : "Redis AOF always";
  }
  bool is_kept() const override { return log_ != Log::none; }

  Result<ServerProcess> start(const std::string& directory) override {
    socket_ = directory + "/redis.sock";
    BUSD_ASSIGN(ServerProcess server,
                ServerProcess::spawn("redis-server",
                                     {"--port", "0", "--unixsocket", socket_, "--save", "", "--appendonly",
                                      log_ == Log::none ? "no" : "yes", "--appendfsync",
                                      log_ == Log::always ? "always" : "everysec", "--dir", directory,
                                      "--daemonize", "no", "--maxclients", "15000", "--loglevel", "warning"},
                                     directory));
    BUSD_TRY(wait_until_accepting(server, socket_));
    return server;
  }

  Result<Fd> connect(size_t /*client*/) override { return connect_unix(socket_, kHandshakePatience); }

  void append_put(std::string& out, size_t /*client*/, uint64_t /*number*/, std::string_view key,
                  std::string_view value) override {
    out.append("*3\r\n$3\r\nSET\r\n$").append(std::to_string(key.size())).append(kLineEnd).append(key);
    out.append("\r\n$").append(std::to_string(value.size())).append(kLineEnd).append(value).append(kLineEnd);
  }
  void append_get(std::string& out, size_t /*client*/, uint64_t /*number*/, std::string_view key) override {
    out.append("*2\r\n$3\r\nGET\r\n$").append(std::to_string(key.size())).append(kLineEnd);
    out.append(key).append(kLineEnd);
  }

  std::unique_ptr<ValueParser> make_value_parser() override { return std::make_unique<AnswerParser>(); }
  std::unique_ptr<ValueFollower> follow(std::string_view key) override {
    return std::make_unique<Follower>(key);
  }
  std::unique_ptr<ValueFollower> snapshot() override { return std::make_unique<Snapshot>(); }

 private:
  Log log_;
  std::string socket_;
};

}  // namespace

std::unique_ptr<ValueStore> make_values(Log log) { return std::make_unique<Values>(log); }

}  // namespace bus::bench::redis
