#include "consumer/src/publish_frame.h"

#include <string>

#include "protocol/limits.h"
#include "tests/support/catch.h"

namespace bus::sdk {
namespace {

using Catch::Matchers::Contains;

std::string built(const Publication& what) {
  FrameBuilder builder;
  std::string out = "before\n";
  auto fault = builder.build(what, out);
  REQUIRE(out.starts_with("before\n"));
  if (fault) CHECK(out == "before\n");
  return fault ? "fault: " + *fault : out.substr(std::string_view("before\n").size());
}

std::string taken(std::string_view text) {
  FrameBuilder builder;
  std::string out;
  auto fault = builder.take(text, out);
  if (fault) CHECK(out.empty());
  return fault ? "fault: " + *fault : out;
}

TEST_CASE("A publication becomes a frame without spaces, members in the order of the wire") {
  CHECK(built({"t", "", "", "", ""}) == "{\"type\":\"event\",\"event_type\":\"t\",\"payload\":null}\n");
  CHECK(built({"clock.tick", "e-1", "1700000000000", R"({"n":1})", R"("traceparent":"00-1","n":[1, 2])"}) ==
        R"({"type":"event","event_type":"clock.tick","event_id":"e-1","source_time":"1700000000000",)"
        R"("traceparent":"00-1","n":[1, 2],"payload":{"n":1}})"
        "\n");
}

TEST_CASE("Frames of one builder do not depend on those before") {
  FrameBuilder builder;
  std::string out;
  CHECK_FALSE(builder.build({"t", "", "", "1", ""}, out));
  CHECK_FALSE(builder.build({"t", "e", "", "2", ""}, out));
  CHECK(builder.build({"", "", "", "3", ""}, out));
  CHECK(builder.build({"t", "", "", "{", ""}, out));
  CHECK_FALSE(builder.build({"\"t2\"", "", "", "4", ""}, out));
  CHECK(builder.build({"a\nb", "", "", "5", ""}, out));
  CHECK_FALSE(builder.build({"t", "", "", "6", ""}, out));
  CHECK(out ==
        "{\"type\":\"event\",\"event_type\":\"t\",\"payload\":1}\n"
        "{\"type\":\"event\",\"event_type\":\"t\",\"event_id\":\"e\",\"payload\":2}\n"
        "{\"type\":\"event\",\"event_type\":\"\\\"t2\\\"\",\"payload\":4}\n"
        "{\"type\":\"event\",\"event_type\":\"t\",\"payload\":6}\n");
}

TEST_CASE("A payload's bytes are kept, only line ends between its tokens become spaces") {
  CHECK(built({"t", "", "", R"({"a":1.10,"a":18446744073709551616,"b":"\/\n"})", ""}) ==
        R"({"type":"event","event_type":"t","payload":{"a":1.10,"a":18446744073709551616,"b":"\/\n"}})"
        "\n");
  CHECK(built({"t", "", "", "{\n  \"a\": 1\n}\n", "\"x\":\n1"}) ==
        "{\"type\":\"event\",\"event_type\":\"t\",\"x\": 1,\"payload\":{   \"a\": 1 }}\n");
}

TEST_CASE("What is wrong with a publication is named") {
  CHECK_THAT(built({"", "", "", "1", ""}), Contains("fault: ") && Contains("event_type"));
  CHECK_THAT(built({std::string(256, 'x'), "", "", "1", ""}), Contains("event_type"));
  CHECK(built({std::string(255, 'x'), "", "", "1", ""}).front() == '{');
  CHECK_THAT(built({"a\nb", "", "", "1", ""}), Contains("event_type"));
  CHECK_THAT(built({"t", "\xff", "", "1", ""}), Contains("event_id is not valid UTF-8"));
  CHECK_THAT(built({"t", "", "\xff", "1", ""}), Contains("source_time is not valid UTF-8"));
  CHECK_THAT(built({"t", "", "", "{\"a\":}", ""}), Contains("fault: payload: "));
  CHECK_THAT(built({"t", "", "", "\"a\nb\"", ""}), Contains("fault: payload: "));
  CHECK_THAT(built({"t", "", "", "1 2", ""}), Contains("fault: payload: "));
  CHECK_THAT(built({"t", "", "", "1", "\"x\""}), Contains("fault: members: "));
  CHECK_THAT(built({"t", "", "", "1", "\"x\":\n\"a\nb\""}), Contains("fault: members: "));
}

TEST_CASE("Neither a payload nor members can smuggle in members of the wire") {
  CHECK_THAT(built({"t", "", "", "1,\"seq\":5", ""}), Contains("fault: "));
  CHECK_THAT(built({"t", "", "", "1,\"x\":{}", ""}), Contains("fault: "));
  CHECK_THAT(built({"t", "", "", "1", "\"type\":\"hello\""}), Contains("fault: "));
  CHECK_THAT(built({"t", "", "", "1", "\"payload\":2"}), Contains("fault: "));
  CHECK_THAT(built({"t", "", "", "1", "\"x\":1},{\"y\":1"}), Contains("fault: "));
  CHECK_THAT(built({"t", "", "", "1}", "\"x\":{\"y\":1"}), Contains("fault: "));
}

TEST_CASE("A frame that would exceed the cap on its way to consumers is refused, one that just fits is not") {
  // Outbound: {"type":"event","event_type":"t","seq":18446744073709551615,"payload":"…"} and LF.
  size_t around =
      std::string(R"({"type":"event","event_type":"t","seq":18446744073709551615,"payload":""})").size() + 1;
  std::string fits = "\"" + std::string(kMaxFrameBytes - around, 'x') + "\"";
  CHECK(built({"t", "", "", fits, ""}).front() == '{');
  std::string over = "\"" + std::string(kMaxFrameBytes - around + 1, 'x') + "\"";
  CHECK_THAT(built({"t", "", "", over, ""}), Contains("fault: the frame would have 1048577 bytes"));
  CHECK_THAT(built({"t", "", "", "\"" + std::string(kMaxFrameBytes, 'x') + "\"", ""}),
             Contains("the limit is 1048576"));
}

TEST_CASE("A user's frame is checked and goes as it is") {
  CHECK(taken("{\"event_type\":\"t\", \"type\":\"event\",\"x\":1}\n") ==
        "{\"event_type\":\"t\", \"type\":\"event\",\"x\":1}\n");
  CHECK(taken("  {\"type\":\"event\",\n\"event_type\":\"t\"}\r\n") ==
        "{\"type\":\"event\", \"event_type\":\"t\"}\n");
  CHECK_THAT(taken("{\"type\":\"hello\"}"), Contains("fault: not an event"));
  CHECK_THAT(taken("{\"type\":\"event\"}"), Contains("fault: ") && Contains("event_type"));
  CHECK_THAT(taken("{\"type\":\"event\",\"event_type\":\"t\"} {}"), Contains("fault: "));
  CHECK_THAT(taken(""), Contains("fault: "));
  CHECK_THAT(taken("{\"type\":\"event\",\"event_type\":\"t\",\"payload\":\"a\nb\"}"), Contains("fault: "));
}

}  // namespace
}  // namespace bus::sdk
