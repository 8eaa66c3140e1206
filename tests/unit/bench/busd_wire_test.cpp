#include "tests/bench/busd_wire.h"

#include "tests/support/catch.h"
#include "tests/support/messages.h"
#include "tests/unit/bench/pieces.h"

using namespace bus::bench;

namespace {

std::string delivered(const std::string& topic, uint64_t seq, const std::string& payload) {
  return R"({"type":"event","event_type":")" + topic + R"(","seq":)" + std::to_string(seq) +
         R"(,"payload":)" + payload + "}\n";
}

Payloads parse(std::string_view bytes) { return parse_however_split(busd::make_parser, bytes); }

std::string without_line_end(std::string line) {
  REQUIRE(line.back() == '\n');
  line.pop_back();
  return line;
}

}  // namespace

TEST_CASE("busd's events are cut out however the stream is split") {
  std::string bytes;
  Payloads payloads;
  for (uint64_t seq : {1U, 9U, 10U, 99U, 100U, 12'345U}) {
    payloads.push_back(R"({"n":")" + std::to_string(seq) + R"(","payload":[1]})");
    bytes += delivered("bench", seq, payloads.back());
  }
  CHECK(parse(bytes) == payloads);
}

TEST_CASE("busd's events may have topics of different length") {
  CHECK(parse(delivered("a", 1, "1") + delivered("bench.k10001", 2, "[2]") + delivered("b", 3, "{}")) ==
        Payloads{"1", "[2]", "{}"});
}

TEST_CASE("What is no event is not expected of busd") {
  Payloads refused = {"<not the protocol>"};
  CHECK(parse("{\"type\":\"error\",\"code\":\"busy\",\"message\":\"\"}\n") == refused);
  CHECK(parse("{\"type\":\"event\",\"event_type\":\"a\",\"payload\":1}\n") == refused);
  CHECK(parse("{\"type\":\"event\",\"event_type\":\"a\",\"seq\":1,\"app\":2,\"payload\":1}\n") == refused);
}

TEST_CASE("busd's codec takes the lines that are sent to it") {
  std::string event;
  busd::append_event(event, "bench", R"({"n":1})");
  for (const std::string& line : {busd::hello_line({"a", "b.c"}), busd::source_hello_line(), event}) {
    bus::test::Decoded decoded = bus::test::decode(without_line_end(line));
    INFO(line);
    CHECK(std::holds_alternative<bus::test::Message>(decoded));
  }
}
