#include "tests/bench/generator.h"

#include <sys/socket.h>

#include "tests/bench/line_cutter.h"
#include "tests/support/catch.h"

using namespace bus::bench;
using bus::Errc;
using bus::Error;
using bus::Fd;
using bus::milliseconds;
using bus::Result;

namespace {

class LineParser : public Parser {
 public:
  bool take(std::string_view bytes, MessageSink& sink) override {
    return lines_.take(bytes, [&](std::string_view line) {
      if (line == "nonsense") return false;
      sink.message(line);
      return true;
    });
  }

 private:
  LineCutter lines_;
};

// Without a server: what one publisher writes is what one subscriber reads. Behind every fifth slot's message
// may stand what does not belong there: bytes, or "payload" for the message once more.
class Shortcut : public Contender {
 public:
  explicit Shortcut(std::string after_fifth = "") : after_fifth_(std::move(after_fifth)) {}

  std::string name() const override { return "shortcut"; }
  std::string program() const override { return ""; }
  Result<ServerProcess> start(const std::string& /*directory*/) override {
    return Error{Errc::unavailable, "there is nothing to start"};
  }
  Result<Fd> connect_subscriber(const std::vector<std::string>& /*topics*/) override {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    other_end_ = Fd(pair[0]);
    return Fd(pair[1]);
  }
  Result<Fd> connect_publisher() override { return std::move(other_end_); }
  void append_publication(std::string& out, std::string_view /*topic*/, std::string_view payload,
                          uint64_t serial) override {
    out.append(payload).append("\n");
    if (serial == 5) out.append(after_fifth_ == "payload" ? std::string(payload) + "\n" : after_fifth_);
  }
  std::unique_ptr<Parser> make_parser() override { return std::make_unique<LineParser>(); }

 private:
  std::string after_fifth_;
  Fd other_end_;
};

Shape shape_of(size_t payload_bytes, size_t window) {
  Shape shape;
  shape.payload_bytes = payload_bytes;
  shape.window = window;
  return shape;
}

std::unique_ptr<Generator> generator_for(Contender& contender, const Shape& shape) {
  auto generator = Generator::connect(contender, shape);
  REQUIRE(generator.has_value());
  return std::move(*generator);
}

}  // namespace

TEST_CASE("A flood counts what arrived, and goes on where the last one ended") {
  Shortcut contender;
  auto generator = generator_for(contender, shape_of(128, 100));
  for (int run = 0; run < 3; ++run) {
    auto flood = generator->flood(milliseconds(5));
    REQUIRE(flood.has_value());
    CHECK(flood->delivered >= 100);
    CHECK(flood->seconds > 0);
  }
}

TEST_CASE("Messages larger than the socket's buffer arrive whole") {
  Shortcut contender;
  auto generator = generator_for(contender, shape_of(1'000'000, 64));
  auto flood = generator->flood(milliseconds(1));
  REQUIRE(flood.has_value());
  CHECK(flood->delivered >= 64);
}

TEST_CASE("A paced run has the latency of every message") {
  Shortcut contender;
  auto generator = generator_for(contender, shape_of(128, 64));
  auto latencies = generator->pace(10'000, milliseconds(10));
  REQUIRE(latencies.has_value());
  CHECK(latencies->size() == 100);
  for (bus::Duration latency : *latencies) CHECK(latency.count() > 0);
}

TEST_CASE("A message that comes twice fails the run") {
  Shortcut contender("payload");
  auto flood = generator_for(contender, shape_of(128, 64))->flood(milliseconds(1));
  REQUIRE_FALSE(flood.has_value());
  CHECK(flood.error().what.find("doubled") != std::string::npos);
}

TEST_CASE("What is no message fails the run") {
  Shortcut contender("nonsense\n");
  auto flood = generator_for(contender, shape_of(128, 64))->flood(milliseconds(1));
  REQUIRE_FALSE(flood.has_value());
  CHECK(flood.error().what.find("what is no message") != std::string::npos);
}
