// A client over raw bytes goes through PROTOCOL.md sections 1 and 2: framing, and what is JSON and what is a
// frame.
//
// Sections 3 to 7 are in conformance_test.cpp.
#include <string>
#include <vector>

#include "protocol/limits.h"
#include "tests/integration/golden.h"
#include "tests/support/catch.h"

using namespace bus;
using namespace bus::test;

// ---- 1. Transport and framing

TEST_CASE("CR, tabs and spaces around a frame are tolerated, empty lines ignored", "[framing]") {
  HubProcess hub;
  RawClient client(hub.socket());
  client.send("\n\r\n \t \n \t" + hello_line("k", {"x"}) + " \t\r\n\n\n");
  client.expect_line(kFirst);
  client.send("\r\n" + kEvent + "\r\n");
  client.expect_line(R"({"type":"event","event_type":"x","seq":1,"payload":null})");
}

TEST_CASE("A frame may arrive byte by byte, and many in one write", "[framing]") {
  HubProcess hub;
  RawClient client(hub.socket());
  for (char c : hello_line("k", {"x"}) + "\n") client.send(std::string(1, c));
  client.expect_line(kFirst);
  std::string burst;
  for (int i = 0; i < 500; ++i) burst += kEvent + "\n";
  client.send(burst);
  for (int i = 1; i <= 500; ++i) {
    client.expect_line(R"({"type":"event","event_type":"x","seq":)" + std::to_string(i) +
                       R"(,"payload":null})");
  }
}

TEST_CASE("A frame of exactly the cap is taken; one byte more is answered, and ends the connection",
          "[framing]") {
  HubProcess hub;
  std::string frame = R"({"type":"event","event_type":"x","ignored-by-us":""})";
  RawClient fits = publisher(hub);
  std::string exact = R"({"type":"status_query"})";
  exact += std::string(kMaxFrameBytes - 1 - exact.size(), ' ');
  fits.send_line(exact);
  fits.expect_line_with(error("not_allowed"));
  RawClient over = publisher(hub);
  over.send_line(exact + " ");
  over.expect_line_with(error("frame_too_large"));
  over.expect_end();
}

TEST_CASE("A peer that never sends a line end is cut off at the cap", "[framing]") {
  HubProcess hub;
  RawClient client = publisher(hub);
  std::string chunk(1 << 20, 'x');
  for (int i = 0; i < 10; ++i) client.send(chunk);
  auto lines = client.expect_end();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find(error("frame_too_large")) == 0);
}

TEST_CASE("An event whose outbound frame would pass the cap is refused, and the connection lives on",
          "[framing]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.hello("k", {"x"});
  RawClient source = publisher(hub);
  size_t around =
      std::string(R"({"type":"event","event_type":"x","seq":18446744073709551615,"payload":""})").size() + 1;
  auto frame = [&](size_t over) {
    return R"({"type":"event","event_type":"x","payload":")" +
           std::string(kMaxFrameBytes - around + over, 'p') + "\"}";
  };
  source.send_line(frame(1));
  source.expect_line_with(error("frame_too_large"));
  source.send_line(frame(0));
  std::string largest = consumer.read_line();
  CHECK(largest.size() == frame(0).size() + std::string(R"("seq":1,)").size());
  source.send_line(kEvent);
  consumer.expect_line(R"({"type":"event","event_type":"x","seq":2,"payload":null})");
}

TEST_CASE("A partial last line before EOF is discarded, answered with what to do, and counted", "[framing]") {
  HubProcess hub;
  RawClient source = publisher(hub);
  source.send(R"({"type":"event","event_type":"x")");
  source.shutdown_write();
  auto answer = source.read_as<ErrorMessage>();
  CHECK(answer.code == ErrorCode::bad_frame);
  CHECK(answer.message.starts_with("no line end: "));
  source.expect_eof();
  StatusResponse status = hub.status();
  CHECK(status.events.published == 1);
  CHECK(status.events.refused == 1);
}

TEST_CASE("A consumer that shuts down its writing side goes on receiving", "[framing]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.send_line(hello_line("k", {"x"}));
  consumer.shutdown_write();
  consumer.expect_line(kFirst);
  RawClient source(hub.socket());
  source.send_line(kEvent);
  consumer.expect_line(R"({"type":"event","event_type":"x","seq":1,"payload":null})");
}

// ---- 2. JSON rules

TEST_CASE("What is not strict JSON is bad_json, what is no message of ours bad_frame or unknown_type",
          "[json]") {
  HubProcess hub;
  RawClient client = publisher(hub);
  struct Case {
    std::string line;
    const char* code;
  };
  std::string deep = R"({"type":"event","event_type":"x","payload":)";
  std::vector<Case> cases = {
      {"{", "bad_json"},
      {"{} {}", "bad_json"},
      {"{\"type\":\"bye\"} x", "bad_json"},
      {"{'type':'bye'}", "bad_json"},
      {"{\"type\":\"bye\"/**/}", "bad_json"},
      {"{\"type\":\"event\",\"event_type\":\"x\",\"payload\":NaN}", "bad_json"},
      {"{\"type\":\"event\",\"event_type\":\"x\",\"payload\":01}", "bad_json"},
      {"{\"type\":\"event\",\"event_type\":\"x\",\"payload\":[1,]}", "bad_json"},
      {"{\"type\":\"event\",\"event_type\":\"x\",\"payload\":\"\xff\"}", "bad_json"},
      {"{\"type\":\"event\",\"event_type\":\"x\",\"payload\":\"\xc0\xaf\"}", "bad_json"},
      {"{\"type\":\"event\",\"event_type\":\"x\",\"payload\":\"\t\"}", "bad_json"},
      {"\xef\xbb\xbf{\"type\":\"bye\"}", "bad_json"},
      {std::string("{\"type\":\"bye\"}\0", 15), "bad_json"},
      {deep + std::string(512, '[') + std::string(512, ']') + "}", "bad_json"},
      {deep + std::string(200'000, '[') + "}", "bad_json"},
      {"[]", "bad_frame"},
      {"\"bye\"", "bad_frame"},
      {"{}", "bad_frame"},
      {"{\"type\":7}", "bad_frame"},
      {"{\"type\":\"quux\"}", "unknown_type"},
      {"{\"type\":\"event\"}", "bad_frame"},
      {"{\"type\":\"event\",\"event_type\":7}", "bad_frame"},
      {"{\"type\":\"event\",\"event_type\":\"\"}", "bad_frame"},
      {"{\"type\":\"event\",\"event_type\":null}", "bad_frame"},
      {"{\"type\":\"event\",\"event_type\":\"a\\nb\"}", "bad_frame"},
      {"{\"type\":\"event\",\"event_type\":\"\\udc00\"}", "bad_frame"},
      {"{\"type\":\"event\",\"event_type\":\"x\",\"event_type\":\"x\"}", "bad_frame"},
      {"{\"type\":\"event\",\"event_type\":\"x\",\"payload\":1,\"payload\":1}", "bad_frame"},
      {"{\"type\":\"event\",\"event_type\":\"x\",\"\\u0074ype\":\"event\"}", "bad_frame"},
      {"{\"type\":\"event\",\"event_type\":\"x\",\"seq\":1.0}", "bad_frame"},
      {"{\"type\":\"event\",\"event_type\":\"x\",\"seq\":1e2}", "bad_frame"},
      {"{\"type\":\"event\",\"event_type\":\"x\",\"seq\":\"1\"}", "bad_frame"},
      {"{\"type\":\"event\",\"event_type\":\"x\",\"seq\":-1}", "bad_frame"},
      {"{\"type\":\"event\",\"event_type\":\"x\",\"event_id\":7}", "bad_frame"},
      {"{\"type\":\"event\",\"event_type\":\"" + std::string(256, 'x') + "\"}", "bad_frame"},
      {"{\"type\":\"source_status\",\"source\":\"s\",\"state\":\"asleep\"}", "bad_frame"},
  };
  uint64_t frame = 1;
  for (const Case& c : cases) {
    CAPTURE(c.line.substr(0, 100));
    client.send_line(c.line);
    std::string answer = client.expect_line_with(error(c.code));
    CHECK(answer.find(",\"frame\":" + std::to_string(++frame) + "}") != std::string::npos);
  }
  CHECK(hub.status().events.refused == cases.size());
}

TEST_CASE("At the limits of JSON nothing is refused, and every byte of a payload leaves as it came",
          "[json]") {
  HubProcess hub;
  RawClient consumer(hub.socket());
  consumer.hello("k", {"*"});
  RawClient source(hub.socket());
  uint64_t seq = 0;
  for (const std::string& payload :
       {std::string("1.10"), std::string("18446744073709551616"), std::string("\"\\/\""),
        std::string("{\"b\":1,\"a\":2,\"b\":3}"), std::string("[ 1 ,\t2 ]"), std::string("1e400"),
        "0." + std::string(400, '0') + "1", std::string(10'000, '9'), std::string("-0"),
        std::string("\"\\ud83d\\ude00\""), std::string("\"\xf0\x9f\x98\x80\""), std::string("null"),
        std::string(511, '[') + std::string(511, ']')}) {
    source.send_line(R"({"payload":)" + payload + R"(,"event_type":"x","type":"event"})");
    consumer.expect_line(R"({"type":"event","event_type":"x","seq":)" + std::to_string(++seq) +
                         R"(,"payload":)" + payload + "}");
  }
  source.send_line(R"({"type":"event","event_type":")" + std::string(255, 'y') + R"("})");
  consumer.expect_line_with(std::string(255, 'y'));
}

TEST_CASE("null for a known member means absent, and unknown members are ignored in what is no event",
          "[json]") {
  HubProcess hub;
  RawClient client(hub.socket());
  client.send_line(
      R"({"version":"v9","later":{"a":[1]},"type":"hello","pid":1,"event_key":"k","event_types":null,"subscription_id":null,)"
      R"("role":null,"source":null,"exclusive":null,"capabilities":null})");
  client.expect_line(kFirst);
  client.send_line(R"({"type":"pre_shutdown_check","event_key":"k","subscription_id":null,"x":1})");
  client.expect_line(R"({"type":"pre_shutdown_ack","last_for_key":true})");
}

TEST_CASE("A hello may name 256 event types, and not one more", "[json]") {
  HubProcess hub;
  for (size_t over : {size_t{0}, size_t{1}}) {
    std::vector<std::string> types;
    for (size_t i = 0; i < kMaxEventTypes + over; ++i) types.push_back("t" + std::to_string(i));
    RawClient client(hub.socket());
    client.send_line(hello_line("k" + std::to_string(over), types));
    if (over == 0) {
      client.expect_line(kFirst);
    } else {
      client.expect_line_with(error("bad_frame"));
      client.expect_eof();
    }
  }
}

TEST_CASE("--announce adds names to hello_ack, and a hello that names no types says so in the log",
          "[hello]") {
  HubProcess hub({"--announce", "events.v2", "--announce=b"});
  RawClient client(hub.socket());
  client.send_line(R"({"type":"hello","pid":1,"event_key":"k","types":["x"]})");
  client.expect_line(ack_line(true, {"events.v2", "b"}));
  hub.wait_for_log(R"(did it mean \"event_types\"?)");
}
