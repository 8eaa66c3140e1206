#include "protocol/frame.h"

#include "tests/support/catch.h"

using bus::ErrorCode;
using bus::EventLine;
using bus::FrameKind;
using bus::FrameScanner;

namespace {

struct Scanned {
  explicit Scanned(std::string text) : line(std::move(text)) { verdict = scanner.scan(line, event); }
  bool inside_line(std::string_view view) const {
    return view.data() >= line.data() && view.data() + view.size() <= line.data() + line.size();
  }

  std::string line;
  FrameScanner scanner;
  EventLine event;
  FrameKind verdict;
};

std::string event_with(const std::string& members) {
  return R"({"type":"event","event_type":"t",)" + members + "}";
}

void check_fault(const std::string& line, ErrorCode code, const std::string& message) {
  CAPTURE(line);
  Scanned scanned(line);
  REQUIRE(scanned.verdict == FrameKind::fault);
  CHECK(scanned.scanner.fault().code == code);
  CHECK(scanned.scanner.fault().message == message);
}

}  // namespace

TEST_CASE("An event line yields its members, byte for byte, in place") {
  Scanned s(
      R"( {"trace" : "0-1" , "payload":{"a": 1.10,"a":[18446744073709551616,"\/"]} ,"event_id":"e-1","type":"event",)"
      R"("seq":7,"source_time":"1700000000000","event_type":"im.message","n":[1, 2]})"
      "\r");
  REQUIRE(s.verdict == FrameKind::event);
  CHECK(s.event.event_type == "im.message");
  CHECK(s.event.event_id == "e-1");
  CHECK(s.event.event_type_token == R"("im.message")");
  CHECK(s.event.event_id_token == R"("e-1")");
  CHECK(s.event.source_time_token == R"("1700000000000")");
  CHECK(s.event.payload_token == R"({"a": 1.10,"a":[18446744073709551616,"\/"]})");
  CHECK(s.event.seq == 7);
  REQUIRE(s.event.others.size() == 2);
  CHECK(s.event.others[0].name_token == R"("trace")");
  CHECK(s.event.others[0].value_token == R"("0-1")");
  CHECK(s.event.others[1].name_token == R"("n")");
  CHECK(s.event.others[1].value_token == "[1, 2]");
  for (auto view : {s.event.event_type, s.event.event_id, s.event.payload_token, s.event.source_time_token,
                    s.event.others[0].name_token, s.event.others[1].value_token}) {
    CHECK(s.inside_line(view));
  }
}

TEST_CASE("The least event has a type and a null payload") {
  Scanned s(R"({"type":"event","event_type":"t"})");
  REQUIRE(s.verdict == FrameKind::event);
  CHECK(s.event.payload_token == "null");
  CHECK(s.event.event_id.empty());
  CHECK(s.event.event_id_token.empty());
  CHECK(s.event.source_time_token.empty());
  CHECK_FALSE(s.event.seq);
  CHECK(s.event.others.empty());
}

TEST_CASE("null and empty text are absent, and a payload of null is null") {
  for (const char* members : {R"("event_id":null,"source_time":null,"seq":null,"payload":null)",
                              R"("event_id":"","source_time":"")"}) {
    Scanned s(event_with(members));
    REQUIRE(s.verdict == FrameKind::event);
    CHECK(s.event.event_id_token.empty());
    CHECK(s.event.source_time_token.empty());
    CHECK_FALSE(s.event.seq);
    CHECK(s.event.payload_token == "null");
  }
}

TEST_CASE("Escapes in names and identifiers are decoded, and their tokens stay as they came") {
  Scanned s(
      R"({"\u0074ype":"\u0065vent","event\u005ftype":"a\/b\u00e9","event_id":"\"x\"","source_time":"\u0031","\u0061":1})");
  REQUIRE(s.verdict == FrameKind::event);
  CHECK(s.event.event_type == "a/b\xC3\xA9");
  CHECK(s.event.event_id == "\"x\"");
  CHECK(s.event.event_type_token == R"("a\/b\u00e9")");
  CHECK(s.event.event_id_token == R"("\"x\"")");
  CHECK(s.event.source_time_token == R"("\u0031")");
  REQUIRE(s.event.others.size() == 1);
  CHECK(s.event.others[0].name_token == R"("\u0061")");
}

TEST_CASE("seq is an integer literal of 64 bits without a sign") {
  CHECK(Scanned(event_with(R"("seq":0)")).event.seq == 0);
  CHECK(Scanned(event_with(R"("seq":18446744073709551615)")).event.seq == UINT64_MAX);
  const std::string wanted = "seq must be a whole number from 0 to 18446744073709551615, not ";
  check_fault(event_with(R"("seq":18446744073709551616)"), ErrorCode::bad_frame,
              wanted + "18446744073709551616");
  for (const char* value : {"1.0", "1e2", "-1", "-0", "1e400"}) {
    check_fault(event_with("\"seq\":" + std::string(value)), ErrorCode::bad_frame, wanted + value);
  }
  check_fault(event_with(R"("seq":"1")"), ErrorCode::bad_frame, wanted + "a string");
  check_fault(event_with(R"("seq":true)"), ErrorCode::bad_frame, wanted + "true");
  check_fault(event_with(R"("seq":[1])"), ErrorCode::bad_frame, wanted + "an array");
}

TEST_CASE("A member that the event defines may stand once") {
  for (const char* name : {"event_type", "event_id", "source_time", "seq", "payload", "type"}) {
    std::string line =
        R"({"type":"event","event_type":"t","event_id":"i","source_time":"1","seq":1,"payload":1)";
    check_fault(line + ",\"" + name + "\":null}", ErrorCode::bad_frame,
                std::string(name) + " is given twice; give it once");
  }
  check_fault(event_with(R"("payload":1,"p\u0061yload":2)"), ErrorCode::bad_frame,
              "payload is given twice; give it once");
  Scanned other(event_with(R"("x":1,"x":2)"));
  CHECK(other.verdict == FrameKind::event);
  CHECK(other.event.others.size() == 2);
}

TEST_CASE(
    "An event's member that differs from one of its own in letter case only is bad_frame, on both ways") {
  auto fault = [](const std::string& written, const std::string& own) {
    return "the member \"" + written + "\" differs from \"" + own +
           "\" in letter case only; use that name, or one that does not resemble it";
  };
  struct Case {
    std::string name;  // as a token, without its quotes
    std::string written;
    std::string own;
  };
  const std::vector<Case> cases = {{"TYPE", "TYPE", "type"},
                                   {"Event_Type", "Event_Type", "event_type"},
                                   {"event_iD", "event_iD", "event_id"},
                                   {"\xC5\xBFource_time", "\xC5\xBFource_time", "source_time"},
                                   {"\\u017FEQ",
                                    "\xC5\xBF"
                                    "EQ",
                                    "seq"},
                                   {"\\u0053eq", "Seq", "seq"},
                                   {"payloa\\u0044", "payloaD", "payload"}};
  for (const Case& each : cases) {
    std::string member = "\"" + each.name + "\":\"x\"";
    // The fast way, then one that a seq takes to the slow one, and an escaped type.
    check_fault(event_with(member), ErrorCode::bad_frame, fault(each.written, each.own));
    check_fault(event_with(R"("a":1,"seq":5,)" + member), ErrorCode::bad_frame,
                fault(each.written, each.own));
    check_fault("{" + member + R"(,"\u0074ype":"event","event_type":"t"})", ErrorCode::bad_frame,
                fault(each.written, each.own));
  }
  // Behind a beginning that is known from the line before.
  FrameScanner scanner;
  EventLine event;
  REQUIRE(scanner.scan(R"({"type":"event","event_type":"t","payload":1})", event) == FrameKind::event);
  CHECK(scanner.scan(R"({"type":"event","event_type":"t","Type":"shutdown"})", event) == FrameKind::fault);
  CHECK(scanner.fault().message == fault("Type", "type"));
  REQUIRE(scanner.scan(R"({"type":"event","event_type":"t","payload":1})", event) == FrameKind::event);

  // Near, but no case: forwarded.
  for (const char* name :
       {"typo", "seqs", "s\\u0117q", "\\ud800ype", "pay load", "TRACEPARENT", "\xC5\xBF", ""}) {
    Scanned other(event_with("\"" + std::string(name) + "\":1"));
    CAPTURE(name);
    CHECK(other.verdict == FrameKind::event);
    CHECK(other.event.others.size() == 1);
  }
}

TEST_CASE("Members of a wrong type are named") {
  check_fault(R"({"type":"event","event_type":1})", ErrorCode::bad_frame,
              "event_type must be a string, not 1");
  check_fault(R"({"type":"event"})", ErrorCode::bad_frame, "event_type is missing");
  check_fault(R"({"type":"event","event_type":null})", ErrorCode::bad_frame, "event_type is missing");
  check_fault(event_with(R"("event_id":1)"), ErrorCode::bad_frame, "event_id must be a string, not 1");
  check_fault(event_with(R"("source_time":1700000000000)"), ErrorCode::bad_frame,
              "source_time must be a string, not 1700000000000");
}

TEST_CASE("event_type is an identifier, judged decoded") {
  auto line = [](const std::string& token) { return R"({"type":"event","event_type":)" + token + "}"; };
  CHECK(Scanned(line('"' + std::string(255, 'x') + '"')).verdict == FrameKind::event);
  CHECK(Scanned(line('"' + std::string(254, 'x') + R"(\u0041")")).verdict == FrameKind::event);
  check_fault(line('"' + std::string(256, 'x') + '"'), ErrorCode::bad_frame,
              "event_type has 256 bytes; the limit is 255");
  check_fault(line(R"("")"), ErrorCode::bad_frame, "event_type is empty; it must have 1 to 255 bytes");
  check_fault(line(R"("a\nb")"), ErrorCode::bad_frame, "event_type holds a control character");
  check_fault(line(R"("\u0000")"), ErrorCode::bad_frame, "event_type holds a control character");
  check_fault(line(R"("\udc00")"), ErrorCode::bad_frame,
              "event_type holds half of a surrogate pair, which is no text");
  check_fault(line(R"("\ud800")"), ErrorCode::bad_frame,
              "event_type holds half of a surrogate pair, which is no text");
}

TEST_CASE("Half of a surrogate pair is forwarded in a payload, and refused in a text of the event's own") {
  Scanned s(event_with(R"("payload":["\ud800","\udc00"],"x":"\ud800")"));
  REQUIRE(s.verdict == FrameKind::event);
  CHECK(s.event.payload_token == R"(["\ud800","\udc00"])");
  CHECK(s.inside_line(s.event.payload_token));
  check_fault(event_with(R"("event_id":"\ud800")"), ErrorCode::bad_frame,
              "event_id holds half of a surrogate pair, which is no text");
  check_fault(event_with(R"("source_time":"\udfff")"), ErrorCode::bad_frame,
              "source_time holds half of a surrogate pair, which is no text");
}

TEST_CASE("Numbers beyond the range of double are forwarded in a payload") {
  Scanned s(event_with(R"("payload":{"a":1e400,"b":-0.00000000001e-2147483639},"n":1e999)"));
  REQUIRE(s.verdict == FrameKind::event);
  CHECK(s.event.payload_token == R"({"a":1e400,"b":-0.00000000001e-2147483639})");
  CHECK(s.inside_line(s.event.payload_token));
  CHECK(s.event.others[0].value_token == "1e999");
}

TEST_CASE("The event_id is known although the event is refused") {
  Scanned s(R"({"type":"event","event_type":7,"event_id":"e-9","seq":-1})");
  REQUIRE(s.verdict == FrameKind::fault);
  CHECK(s.event.event_id == "e-9");
  Scanned twice(R"({"type":"event","event_type":"t","event_id":"e-9","payload":1,"payload":1})");
  CHECK(twice.event.event_id == "e-9");
}

TEST_CASE("Another type, or none, is left to the codec") {
  for (const char* line :
       {R"({"type":"hello"})", R"({"type":"events"})", R"({"type":"Event"})", "{}", R"({"type":null})",
        R"({"type":7})", R"({"event_type":"t"})", R"({"type":["event"]})"}) {
    CAPTURE(line);
    CHECK(Scanned(line).verdict == FrameKind::other);
  }
}

TEST_CASE("What is no object, or no JSON, is a fault with the right code") {
  check_fault("[1]", ErrorCode::bad_frame, "a frame must be an object, not an array");
  check_fault("7", ErrorCode::bad_frame, "a frame must be an object, not 7");
  check_fault(" \"event\"", ErrorCode::bad_frame, "a frame must be an object, not a string");
  check_fault(R"({"type":"event","event_type":"t"} x)", ErrorCode::bad_json,
              "not JSON at byte 35: The document root must not be followed by other values");
  // Broken JSON is told before a bad member.
  Scanned s(R"({"type":"event","event_type":1,"payload":[})");
  REQUIRE(s.verdict == FrameKind::fault);
  CHECK(s.scanner.fault().code == ErrorCode::bad_json);
}

TEST_CASE("A payload may be nested as deep as the frame allows, and no deeper") {
  auto nested = [](size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  CHECK(Scanned(event_with("\"payload\":" + nested(511))).verdict == FrameKind::event);
  Scanned s(event_with("\"payload\":" + nested(512)));
  REQUIRE(s.verdict == FrameKind::fault);
  CHECK(s.scanner.fault().code == ErrorCode::bad_json);
  CHECK_FALSE(bus::json_fault(nested(511)));
  CHECK(bus::json_fault(nested(512)));
}

TEST_CASE("An EventLine that is used again forgets the line before") {
  FrameScanner scanner;
  EventLine event;
  std::string first = event_with(R"("event_id":"\u0069","source_time":"1","seq":3,"payload":5,"x":1)");
  REQUIRE(scanner.scan(first, event) == FrameKind::event);
  std::string second = R"({"type":"event","event_type":"u"})";
  REQUIRE(scanner.scan(second, event) == FrameKind::event);
  CHECK(event.event_type == "u");
  CHECK(event.event_id.empty());
  CHECK(event.event_id_token.empty());
  CHECK(event.source_time_token.empty());
  CHECK(event.payload_token == "null");
  CHECK_FALSE(event.seq);
  CHECK(event.others.empty());
}

TEST_CASE("json_fault judges one value by the rules of a frame") {
  for (const char* text : {"1", "\"x\"", "null", " {\"a\" : 1}\n", "1e400", R"("\ud800")"})
    CHECK_FALSE(bus::json_fault(text));
  for (const char* text : {"", "1 2", "{", "nul", "\"\xFF\"", "1,"}) CHECK(bus::json_fault(text));
  CHECK(bus::json_fault(std::string_view("1\0", 2)));
}

TEST_CASE("A line is judged by itself, whatever it has in common with the line before") {
  const std::string head = R"({"type":"event","event_type":"a.b",)";
  const std::string lines[] = {
      head + R"("payload":1})",
      head + R"("event_id":"x","source_time":"7","app":[1],"payload":{"k":[]}})",
      head + R"("seq":4,"payload":null})",
      head + R"("event_type":"again"})",
      head + R"("type":"event"})",
      head + R"("payload":1,})",
      head + R"(})",
      head + R"("payload"})",
      head + R"("payload":1}})",
      head + R"("payload":"not ended})",
      R"({"type":"event","event_type":"a.b"})",
      R"({"type":"event","event_type":"a.c","payload":2})",
      R"({"type":"event", "event_type":"a.b","payload":3})",
      R"({"type":"event","payload":4,"event_type":"a.b"})",
      R"({"event_type":"a.d","type":"event","payload":5})",
      R"({"event_type":"a.d","type":"event","payload":6,"app":1})",
      R"({"app":1,"event_type":"a.d","type":"event","payload":6})",
      R"({"type":"bye","event_type":"a.b","payload":1})",
      R"({"type":"event","event_type":5,"payload":1})",
  };
  for (const std::string& before : lines) {
    for (const std::string& line : lines) {
      CAPTURE(before, line);
      EventLine alone;
      EventLine behind;
      FrameScanner fresh;
      FrameScanner used;
      used.scan(before, behind);
      FrameKind verdict = fresh.scan(line, alone);
      REQUIRE(used.scan(line, behind) == verdict);
      if (verdict == FrameKind::fault) CHECK(used.fault().message == fresh.fault().message);
      if (verdict != FrameKind::event) continue;
      CHECK(behind.event_type == alone.event_type);
      CHECK(behind.event_type_token.data() == alone.event_type_token.data());
      CHECK(behind.event_id_token == alone.event_id_token);
      CHECK(behind.source_time_token == alone.source_time_token);
      CHECK(behind.payload_token == alone.payload_token);
      CHECK(behind.seq == alone.seq);
      CHECK(behind.others.size() == alone.others.size());
    }
  }
}

TEST_CASE("A frame that is no event has all its members in their order, and its type") {
  Scanned s(R"( {"a" : [1, 2] ,"type":"hello","type":"event","\u0061":"x", "b":{"type":1}} )");
  REQUIRE(s.verdict == FrameKind::other);
  const bus::Frame& frame = s.scanner.frame();
  CHECK(frame.type == "hello");
  CHECK(frame.line == s.line.substr(1, s.line.size() - 2));
  std::string members;
  for (const bus::Member& member : frame.members) {
    CHECK(s.inside_line(member.name_token));
    CHECK(s.inside_line(member.value_token));
    members += std::string(member.name_token) + "=" + std::string(member.value_token) + ";";
  }
  CHECK(members == R"("a"=[1, 2];"type"="hello";"type"="event";"\u0061"="x";"b"={"type":1};)");
}

TEST_CASE("The type of a frame is decoded, and empty where there is no text") {
  auto type_of = [](const std::string& line) {
    Scanned s(line);
    REQUIRE(s.verdict == FrameKind::other);
    return std::string(s.scanner.frame().type);
  };
  CHECK(type_of(R"({"type":"bye"})") == "bye");
  CHECK(type_of(R"({"a":1,"\u0074ype":"b\u0079e"})") == "bye");
  CHECK(type_of(R"({"TYPE":"event","type":"bye"})") == "bye");
  CHECK(type_of(R"({"event_type":"t","event_type":"u","type":"\n"})") == "\n");
  for (const char* type : {"null", "7", "[\"bye\"]", "{}", "true", R"("")", R"("\ud800")"}) {
    CAPTURE(type);
    CHECK(type_of(R"({"type":)" + std::string(type) + "}").empty());
  }
  CHECK(type_of("{}").empty());
}

TEST_CASE("A frame of very many members is followed by any other") {
  std::string line = R"({"type":"bye")";
  for (int i = 0; i < 100'000; ++i) line += R"(,"a":0)";
  line += '}';
  FrameScanner scanner;
  EventLine event;
  REQUIRE(scanner.scan(line, event) == FrameKind::other);
  CHECK(scanner.frame().members.size() == 100'001);
  REQUIRE(scanner.scan(R"({"type":"bye"})", event) == FrameKind::other);
  CHECK(scanner.frame().members.size() == 1);
  REQUIRE(scanner.scan(R"({"type":"event","event_type":"t"})", event) == FrameKind::event);
}
