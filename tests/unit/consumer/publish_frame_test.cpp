#include "consumer/src/publish_frame.h"

#include <optional>
#include <string>

#include "consumer/src/text.h"
#include "protocol/limits.h"
#include "tests/support/catch.h"

namespace bus::sdk {
namespace {

using Catch::Matchers::Contains;

struct Parts {
  std::string_view event_type;
  std::string_view event_id{};
  std::string_view source_time{};
  std::string_view payload{};
  std::string_view members{};
};

std::optional<std::string> build(FrameBuilder& builder, const Parts& parts, SendBuffer& out) {
  auto what = BUSD_INIT(busd_publication);
  what.event_type = text_of(parts.event_type);
  what.event_id = text_of(parts.event_id);
  what.source_time = text_of(parts.source_time);
  what.payload = text_of(parts.payload);
  what.members = text_of(parts.members);
  return builder.build(what, out);
}

// What `write` adds behind a line that waits already, or what is wrong with it.
template <class Write>
std::string added(Write write) {
  constexpr std::string_view kBefore = "before\n";
  SendBuffer out;
  out.append(kBefore);
  auto fault = write(out);
  std::string all(out.unsent());
  REQUIRE(all.starts_with(kBefore));
  if (fault) CHECK(all == kBefore);
  return fault ? "fault: " + *fault : all.substr(kBefore.size());
}

std::string built(const Parts& parts, Syntax syntax = Syntax::checked) {
  FrameBuilder builder(syntax);
  return added([&](SendBuffer& out) { return build(builder, parts, out); });
}

std::string taken(std::string_view text, Syntax syntax = Syntax::checked) {
  FrameBuilder builder(syntax);
  return added([&](SendBuffer& out) { return builder.take(text, out); });
}

TEST_CASE("A publication becomes a frame without spaces, members in the order of the wire") {
  CHECK(built({"t", "", "", "", ""}) == "{\"type\":\"event\",\"event_type\":\"t\",\"payload\":null}\n");
  CHECK(built({"clock.tick", "e-1", "1700000000000", R"({"n":1})", R"("traceparent":"00-1","n":[1, 2])"}) ==
        R"({"type":"event","event_type":"clock.tick","event_id":"e-1","source_time":"1700000000000",)"
        R"("traceparent":"00-1","n":[1, 2],"payload":{"n":1}})"
        "\n");
}

TEST_CASE("Frames of one builder do not depend on those before") {
  auto syntax = GENERATE(Syntax::checked, Syntax::left_to_hub);
  FrameBuilder builder(syntax);
  SendBuffer out;
  CHECK_FALSE(build(builder, {"t", "", "", "1", ""}, out));
  CHECK_FALSE(build(builder, {"t", "e", "", "2", ""}, out));
  CHECK(build(builder, {"", "", "", "3", ""}, out));
  CHECK(build(builder, {"t", "", "", "{\n1", ""}, out));
  CHECK_FALSE(build(builder, {"\"t2\"", "", "", "4", ""}, out));
  CHECK(build(builder, {"a\nb", "", "", "5", ""}, out));
  CHECK_FALSE(build(builder, {"t", "", "", "6", ""}, out));
  CHECK(out.unsent() ==
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
  std::string longest(255, 'x');
  CHECK(built({longest, "", "", "1", ""}).front() == '{');
  CHECK_THAT(built({longest + "x", "", "", "1", ""}), Contains("event_type"));
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
  std::string longer = "\"" + std::string(kMaxFrameBytes, 'x') + "\"";
  CHECK_THAT(built({"t", "", "", longer, ""}), Contains("the limit is 1048576"));
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

// --- left to the hub ---

TEST_CASE("Left to the hub or not, a good publication becomes the same frame") {
  for (const Parts& parts :
       {Parts{"t"}, Parts{"t", "", "", " [1, 2] "}, Parts{"t", "e\"\n", "17", "1"},
        Parts{"t", "", "", "{\n\"a\":\n1}\n"}, Parts{"t", "", "", "1", "\"x\":1,\n\"y\":2"}}) {
    CHECK(built(parts, Syntax::left_to_hub) == built(parts));
  }
  for (std::string_view frame : {R"({"type":"event","event_type":"t","payload":1})",
                                 R"( {"type":"event","event_type":"t"} )"
                                 "\r\n",
                                 R"({"event_type":"t","type":"event"})"}) {
    CHECK(taken(frame, Syntax::left_to_hub) == taken(frame));
  }
}

TEST_CASE("Left to the hub, what is not JSON passes as long as it is one line") {
  auto left = [](const Parts& parts) { return built(parts, Syntax::left_to_hub); };
  CHECK(left({"t", "", "", "{\"a\":}"}) ==
        "{\"type\":\"event\",\"event_type\":\"t\",\"payload\":{\"a\":}}\n");
  CHECK(left({"t", "", "", "\xff"}) == "{\"type\":\"event\",\"event_type\":\"t\",\"payload\":\xff}\n");
  CHECK(left({"t", "", "", "1", "x"}) == "{\"type\":\"event\",\"event_type\":\"t\",x,\"payload\":1}\n");
  std::string_view nul("1\0", 2);
  CHECK(left({"t", "", "", nul}).find('\0') != std::string::npos);
  CHECK(taken("{\"type\":\"event\",}", Syntax::left_to_hub) == "{\"type\":\"event\",}\n");
  CHECK_THAT(left({"t", "", "", "\"a\nb\""}), Contains("fault: payload: "));
  CHECK_THAT(left({"t", "", "", "}\n{"}), Contains("fault: payload: "));
  CHECK_THAT(left({"t", "", "", "1", "\"x\":\"a\nb\""}), Contains("fault: members: "));
  CHECK_THAT(taken("{\"type\":\"event\",\n\"payload\":\"a\nb\"}", Syntax::left_to_hub), Contains("fault: "));
}

TEST_CASE("What the library writes itself is checked in any case") {
  auto left = [](const Parts& parts) { return built(parts, Syntax::left_to_hub); };
  CHECK_THAT(left({"", "", "", "1"}), Contains("event_type"));
  CHECK_THAT(left({"a\nb", "", "", "1"}), Contains("event_type"));
  CHECK_THAT(left({"t", "\xff", "", "1"}), Contains("event_id is not valid UTF-8"));
  CHECK_THAT(left({"t", "", "\xff", "1"}), Contains("source_time is not valid UTF-8"));
}

TEST_CASE("Nothing but an event passes as a frame, whoever checks its syntax") {
  auto syntax = GENERATE(Syntax::checked, Syntax::left_to_hub);
  for (std::string_view frame :
       {"", " \r\n", R"({"type":"bye"})", R"({"type":"pre_shutdown_check","event_key":"k"})",
        R"({"type":"source_status","source":"s","state":"connected"})",
        R"({"type":"events","event_type":"t"})", R"({"type":"event"})", R"( { "type":"event"})", "[]"}) {
    CHECK_THAT(taken(frame, syntax), Contains("fault: "));
  }
}

TEST_CASE("The cap holds whoever checks the syntax") {
  // Outbound, with the seq and the payload that the hub adds.
  std::string start = R"({"type":"event","event_type":"t","x":")";
  size_t around = start.size() + std::string(R"("})"
                                             "\n"
                                             R"(,"seq":18446744073709551615,"payload":null)")
                                     .size();
  std::string fits = start + std::string(kMaxFrameBytes - around, 'x') + "\"}";
  std::string over = start + std::string(kMaxFrameBytes - around + 1, 'x') + "\"}";
  auto syntax = GENERATE(Syntax::checked, Syntax::left_to_hub);
  CHECK(taken(fits, syntax).size() == fits.size() + 1);
  CHECK_THAT(taken(over, syntax), Contains("the frame would have 1048577 bytes"));
  std::string payload = "\"" + std::string(kMaxFrameBytes, 'x') + "\"";
  CHECK_THAT(built({"t", "", "", payload}, syntax), Contains("the limit is 1048576"));
}

}  // namespace
}  // namespace bus::sdk
