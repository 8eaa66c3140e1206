// HubEventReader beside FrameScanner, on what a real hub core sends: the same must come out.
#include "consumer/src/client_core/hub_event.h"

#include <string>
#include <utility>
#include <vector>

#include "protocol/limits.h"
#include "tests/support/catch.h"
#include "tests/support/core_rig.h"

namespace bus::sdk {
namespace {

std::string describe(const EventLine& event) {
  std::string out = event.seq ? std::to_string(*event.seq) : "none";
  for (std::string_view text : {event.event_type, event.event_id, event.event_type_token,
                                event.event_id_token, event.source_time_token, event.payload_token}) {
    out += " | ";
    out += text;
  }
  for (const Member& member : event.others) {
    out += " + " + std::string(member.name_token) + " " + std::string(member.value_token);
  }
  return out;
}

std::string scanned(std::string_view line) {
  EventLine event;
  FrameScanner scanner;
  return scanner.scan(line, event) == FrameKind::event ? describe(event)
                                                       : "fault: " + scanner.fault().message;
}

// What the reader makes of `line`, or "left".
std::string read(HubEventReader& reader, std::string_view line) {
  EventLine event;
  return reader.read(line, event) ? describe(event) : "left";
}

std::string read_alone(std::string_view line) {
  HubEventReader reader;
  return read(reader, line);
}

// What a consumer of everything is sent for these lines of a source.
std::vector<std::string> through_a_hub(const std::vector<std::string>& lines) {
  test::CoreRig rig;
  auto consumer = rig.consumer("k", "\"*\"");
  auto source = rig.connect();
  for (const std::string& line : lines) rig.send_line(source, line);
  return rig.lines(consumer);
}

std::string event(const std::string& members) {
  return R"({"type":"event","event_type":"a.b",)" + members + "}";
}

TEST_CASE("What a hub sends on is read from its ends as the scanner reads it") {
  auto lines = through_a_hub({
      event(R"("payload":1)"),
      event(R"("payload":{"a":[1,{"b":"}"}],"c":"\"}"})"),
      event(R"("payload":"text with ,\"payload\":2} in it")"),
      event(R"("payload":"","event_id":"e-1")"),
      event(R"("payload":[],"source_time":"1700000000000")"),
      event(R"("source_time":"17","payload":null,"event_id":"e-2")"),
      event(R"("event_id":"e,\u0022seq\u0022:5","payload":true)"),
      event(R"("payload":  { "spaces" : [ 1 , 2 ] }  )"),
      event(R"("event_id":"","source_time":null,"payload":-1.5e400)"),
      event("\"payload\":\"\xc3\xa9\\u00e9\xf0\x9f\x98\x80\""),
      R"({"payload":{"first":1},"type":"event","event_type":"other.type"})",
      "{\"type\":\"event\",\"event_type\":\"\xc3\xa9\",\"event_id\":\"\xc3\xa9\"}",
      R"({"type":"event","event_type":")" + std::string(kMaxIdentifierBytes, 't') + R"(","payload":0})",
  });
  REQUIRE(lines.size() == 13);
  HubEventReader reader;
  for (size_t i = 0; i < lines.size(); ++i) {
    INFO(lines[i]);
    bool escape_in_head = i == 6;
    CHECK(read(reader, lines[i]) == (escape_in_head ? "left" : scanned(lines[i])));
    CHECK(read_alone(lines[i]) == (escape_in_head ? "left" : scanned(lines[i])));
  }
}

TEST_CASE("Members of a source's own, and escapes before the payload, are left to the scanner") {
  auto lines =
      through_a_hub({event(R"("traceparent":"00-1","payload":1)"), event(R"("x":{"payload":2},"payload":3)"),
                     R"({"type":"event","event_type":"\u0074","payload":1})",
                     event(R"("source_time":"\u0031","payload":1)")});
  REQUIRE(lines.size() == 4);
  for (const std::string& line : lines) {
    INFO(line);
    CHECK(read_alone(line) == "left");
  }
}

TEST_CASE("A stream is read through each change of seq's width, of type, and of form") {
  std::vector<std::string> sent;
  for (int i = 0; i < 1105; ++i) {
    std::string type = i % 100 < 50 || i % 2 == 0 ? "a.b" : "a.bc";
    std::string id = i % 17 == 0 ? R"("event_id":"e-)" + std::to_string(i) + "\"," : "";
    std::string own = i % 23 == 0 ? R"("own":1,)" : "";
    sent.push_back(R"({"type":"event","event_type":")" + type + "\"," + id + own + R"("payload":{"i":)" +
                   std::to_string(i) + "}}");
  }
  auto lines = through_a_hub(sent);
  REQUIRE(lines.size() == sent.size());
  HubEventReader reader;
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string got = read(reader, lines[i]);
    if (got != (i % 23 == 0 ? "left" : scanned(lines[i]))) FAIL(lines[i] << " was read as " << got);
  }
}

TEST_CASE("A seq that does not follow the last one is read all the same") {
  HubEventReader reader;
  for (const char* seq : {"1", "2", "4", "9", "10", "11", "3", "99", "1000", "1001", "9999999999999999999",
                          "9999999999999999998"}) {
    std::string line = event(R"("seq":)" + std::string(seq) + R"(,"payload":[1,2])");
    CHECK(read(reader, line) == scanned(line));
  }
}

TEST_CASE("Whatever is not in a hub's form is left to the scanner") {
  HubEventReader reader;
  REQUIRE(read(reader, event(R"("seq":1,"payload":1)")) != "left");
  for (const std::string& line : {
           event(R"("seq":2,"payload":)"),
           event(R"("seq":2,"payload": 1)"),
           event(R"("seq":2,"payload":1 )"),
           event(R"("seq":2,"payload":1)") + " ",
           event(R"("seq":2,"payload":1)") + "\r",
           " " + event(R"("seq":2,"payload":1)"),
           event(R"("seq":2 ,"payload":1)"),
           event(R"("seq":02,"payload":1)"),
           event(R"("seq":0,"payload":1)"),
           event(R"("seq":-2,"payload":1)"),
           event(R"("seq":2.0,"payload":1)"),
           event(R"("seq":,"payload":1)"),
           event(R"("seq":"2","payload":1)"),
           event(R"("seq":null,"payload":1)"),
           event(R"("seq":18446744073709551615,"payload":1)"),
           event(R"("payload":1,"seq":2)"),
           event(R"("payload":1)"),
           event(R"("seq":2)"),
           event(R"("event_id":"","seq":2,"payload":1)"),
           event(R"("event_id":7,"seq":2,"payload":1)"),
           event(R"("event_id":"a\"b","seq":2,"payload":1)"),
           event(R"("source_time":"1","event_id":"e","seq":2,"payload":1)"),
           std::string(R"({"type":"event","event_type":"a.b","seq":2,"payload":1)"),
           std::string(R"({"type":"event","event_type":"a.b","seq":2,"payload":)"),
           std::string(R"({"type":"event","event_type":"a.b","seq":2)"),
           std::string(R"({"type":"event","event_type":"a.b)"),
           std::string(R"({"type":"event","event_type":)"),
           std::string(R"({"type":"event","event_type":"","seq":2,"payload":1})"),
           R"({"type":"event","event_type":")" + std::string(kMaxIdentifierBytes + 1, 't') +
               R"(","seq":2,"payload":1})",
           std::string(R"({"event_type":"a.b","type":"event","seq":2,"payload":1})"),
           std::string(R"({"type":"source_status","source":"s","state":"connected"})"),
           std::string(),
       }) {
    INFO(line);
    CHECK(read(reader, line) == "left");
    CHECK(read_alone(line) == "left");
  }
  CHECK(read(reader, event(R"("seq":2,"payload":1)")) != "left");
}

}  // namespace
}  // namespace bus::sdk
