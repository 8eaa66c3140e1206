#include "tests/bench/value_generator.h"

#include <functional>
#include <map>
#include <sstream>
#include <sys/socket.h>

#include "tests/bench/line_cutter.h"
#include "tests/bench/wire.h"
#include "tests/support/catch.h"

using namespace bus::bench;
using bus::Duration;
using bus::Errc;
using bus::Error;
using bus::Fd;
using bus::milliseconds;
using bus::Result;

namespace {

// "stored 1 1", "got 1 1 VALUE", "changed KEY 1 0 VALUE", "synced".
bool take_lines(LineCutter& lines, std::string_view bytes, ValueSink& sink) {
  return lines.take(bytes, [&sink](std::string_view line) {
    std::istringstream words{std::string(line)};
    std::string kind, key, value;
    uint64_t number = 0, version = 0;
    words >> kind;
    if (kind == "synced") sink.synced();
    if (kind == "stored" && words >> number >> version) sink.stored(number, version);
    if (kind == "got" && words >> number >> version >> value) sink.got(number, version, value);
    if (kind == "changed" && words >> key >> version >> number >> value)
      sink.changed(key, version, number, value);
    return kind != "nonsense";
  });
}

enum class Fault { none, nonsense, doubled_answer, wrong_get, told_twice, short_snapshot };

// Without a server: what is appended takes effect at once, and its answer waits in the client's socket before it is read.
class Shortcut final : public ValueStore {
 public:
  explicit Shortcut(Fault fault = Fault::none) : fault_(fault) {}

  std::string name() const override { return "shortcut"; }
  bool is_kept() const override { return false; }
  Result<ServerProcess> start(const std::string& /*directory*/) override {
    return Error{Errc::unavailable, "there is nothing to start"};
  }
  Result<Fd> connect(size_t client) override {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    ends_[client] = Fd(pair[0]);
    REQUIRE(set_buffers(pair[0]).has_value());
    last_ = client;
    return Fd(pair[1]);
  }

  void append_put(std::string& /*out*/, size_t client, uint64_t number, std::string_view key,
                  std::string_view value) override {
    State& state = states_[std::string(key)];
    state.value = value;
    ++state.version;
    std::string answer = "stored " + std::to_string(number) + " " + std::to_string(state.version);
    say(client, fault_ == Fault::nonsense ? "nonsense" : answer);
    if (fault_ == Fault::doubled_answer) say(client, answer);
    for (size_t follower : followers_) {
      tell(follower, std::string(key), state);
      if (fault_ == Fault::told_twice) tell(follower, std::string(key), state);
    }
  }
  void append_get(std::string& /*out*/, size_t client, uint64_t number, std::string_view key) override {
    const State& state = states_[std::string(key)];
    uint64_t version = state.version + (fault_ == Fault::wrong_get ? 1 : 0);
    say(client, "got " + std::to_string(number) + " " + std::to_string(version) + " " + state.value);
  }
  std::unique_ptr<ValueParser> make_value_parser() override {
    class Lines final : public ValueParser {
      bool take(std::string_view bytes, ValueSink& sink) override { return take_lines(lines_, bytes, sink); }
      LineCutter lines_;
    };
    return std::make_unique<Lines>();
  }
  std::unique_ptr<ValueFollower> follow(std::string_view /*key*/) override {
    return std::make_unique<Following>([this] {
      say(last_, "synced");
      followers_.push_back(last_);
    });
  }
  std::unique_ptr<ValueFollower> snapshot() override {
    return std::make_unique<Following>([this] {
      size_t left = states_.size() - (fault_ == Fault::short_snapshot ? 1 : 0);
      for (const auto& [key, state] : states_) {
        if (left-- == 0) break;
        tell(last_, key, state);
      }
      say(last_, "synced");
    });
  }

 private:
  struct State {
    uint64_t version = 0;
    std::string value;
  };
  class Following final : public ValueFollower {
   public:
    explicit Following(std::function<void()> on_begin) : on_begin_(std::move(on_begin)) {}
    void begin(std::string& /*out*/) override { on_begin_(); }
    bool take(std::string_view bytes, ValueSink& sink, std::string& /*out*/) override {
      return take_lines(lines_, bytes, sink);
    }

   private:
    std::function<void()> on_begin_;
    LineCutter lines_;
  };

  void tell(size_t client, const std::string& key, const State& state) {
    say(client, "changed " + key + " " + std::to_string(state.version) + " 0 " + state.value);
  }
  void say(size_t client, const std::string& line) {
    std::string bytes = line + "\n";
    REQUIRE(::send(ends_[client].get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }

  Fault fault_;
  std::map<size_t, Fd> ends_;
  size_t last_ = 0;  // who connected last
  std::map<std::string, State> states_;
  std::vector<size_t> followers_;
};

Shape shape_of(const ValueLoad& load) {
  Shape shape;
  shape.values = load;
  return shape;
}

using Work = ValueLoad::Work;

// What a run of a few milliseconds says is wrong.
std::string fault_of(Fault fault, const ValueLoad& load) {
  Shortcut store(fault);
  auto generator = ValueGenerator::connect(store, shape_of(load));
  if (!generator) return generator.error().what;
  auto run = (*generator)->run(milliseconds(2));
  return run ? "" : run.error().what;
}

}  // namespace

TEST_CASE("Puts and gets are counted one by one, of all clients") {
  for (Work work : {Work::put, Work::get}) {
    Shortcut store;
    auto generator = ValueGenerator::connect(store, shape_of({.work = work, .clients = 3, .keys = 10}));
    REQUIRE(generator.has_value());
    for (int i = 0; i < 3; ++i) {
      auto run = (*generator)->run(milliseconds(2));
      REQUIRE(run.has_value());
      CHECK(run->operations >= 3);
      CHECK(run->latencies.size() == run->operations);
    }
  }
}

TEST_CASE("A put that is followed counts once for each follower") {
  Shortcut store;
  auto generator = ValueGenerator::connect(
      store, shape_of({.work = Work::follow, .keys = 8, .followers = 5, .at_once = 4}));
  REQUIRE(generator.has_value());
  auto run = (*generator)->run(Duration::zero());
  REQUIRE(run.has_value());
  CHECK(run->operations == 20);
  CHECK(run->latencies.size() == 20);
}

TEST_CASE("A snapshot counts its keys, and is one latency") {
  Shortcut store;
  auto generator = ValueGenerator::connect(store, shape_of({.work = Work::snapshot, .keys = 100}));
  REQUIRE(generator.has_value());
  (*generator)->disconnect();
  auto run = (*generator)->run(Duration::zero());
  REQUIRE(run.has_value());
  CHECK(run->operations == 100);
  CHECK(run->latencies.size() == 1);
}

TEST_CASE("What must not come is told") {
  CHECK(fault_of(Fault::nonsense, {}).find("what came is no answer") != std::string::npos);
  CHECK(fault_of(Fault::doubled_answer, {.keys = 10}).find("which is not the next one") != std::string::npos);
  CHECK(fault_of(Fault::wrong_get, {.work = Work::get, .keys = 10}).find("made version 2") !=
        std::string::npos);
  ValueLoad followed{.work = Work::follow, .keys = 10, .followers = 2};
  CHECK(fault_of(Fault::none, followed).empty());
  CHECK(fault_of(Fault::told_twice, followed).find("a follower of ") == 0);
  CHECK(fault_of(Fault::short_snapshot, {.work = Work::snapshot, .keys = 10}) ==
        "a snapshot has 9 of 10 keys");
}
