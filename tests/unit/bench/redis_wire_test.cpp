#include "tests/bench/redis_wire.h"

#include "tests/support/catch.h"
#include "tests/unit/bench/pieces.h"

using namespace bus::bench;

namespace {

std::string push(const std::string& channel, const std::string& payload) {
  return "*3\r\n$7\r\nmessage\r\n$" + std::to_string(channel.size()) + "\r\n" + channel + "\r\n$" +
         std::to_string(payload.size()) + "\r\n" + payload + "\r\n";
}

Payloads parse(std::string_view bytes) { return parse_however_split(redis::make_parser, bytes); }

}  // namespace

TEST_CASE("Redis' commands have the bytes of the protocol") {
  std::string out;
  redis::append_publish(out, "bench", "hello");
  CHECK(out == "*3\r\n$7\r\nPUBLISH\r\n$5\r\nbench\r\n$5\r\nhello\r\n");
  CHECK(redis::subscribe("bench") == "*2\r\n$9\r\nSUBSCRIBE\r\n$5\r\nbench\r\n");
  CHECK(redis::subscribed("bench", 2) == "*3\r\n$9\r\nsubscribe\r\n$5\r\nbench\r\n:2\r\n");
}

TEST_CASE("Redis' messages are cut out however the stream is split, whatever stands in them") {
  CHECK(parse(push("bench", "hello") + push("b", "") + push("bench.k10001", push("a", "b"))) ==
        Payloads{"hello", "", push("a", "b")});
}

TEST_CASE("What is no message, and a size that is none, end the run") {
  Payloads refused = {"<not the protocol>"};
  CHECK(parse("-ERR unknown command\r\n") == refused);
  CHECK(parse(redis::subscribed("bench", 1)) == refused);
  CHECK(parse("*3\r\n$7\r\nmessage\r\n$x\r\nb\r\n") == refused);
  CHECK(parse("*3\r\n$7\r\nmessage\r\n$1\r\nb\r\n:1\r\n") == refused);
  CHECK(parse("*3\r\n$7\r\nmessage\r\n$99999999999\r\nb\r\n") == refused);
}
