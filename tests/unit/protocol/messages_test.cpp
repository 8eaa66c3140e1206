
#include "tests/support/messages.h"

#include "protocol/limits.h"
#include "tests/support/catch.h"

using namespace bus;
using namespace bus::test;

namespace {

template <class T>
T decoded(const std::string& line) {
  CAPTURE(line);
  Decoded result = decode(line);
  if (const Fault* fault = std::get_if<Fault>(&result)) FAIL("refused: " << fault->message);
  const T* message = std::get_if<T>(&std::get<Message>(result));
  REQUIRE(message != nullptr);
  return *message;
}

void check_fault(const std::string& line, ErrorCode code, const std::string& message) {
  CAPTURE(line);
  Decoded result = decode(line);
  const Fault* fault = std::get_if<Fault>(&result);
  REQUIRE(fault != nullptr);
  CHECK(fault->code == code);
  CHECK(fault->message == message);
}

void check_bad_frame(const std::string& line, const std::string& message) {
  check_fault(line, ErrorCode::bad_frame, message);
}

// Encodes, compares with the line, and decodes again.
template <class T>
void check_wire(const T& message, const std::string& line) {
  CHECK(encode(message) == line + "\n");
  CHECK(decoded<T>(line) == message);
}

std::string hello_with(const std::string& members) {
  return R"({"type":"hello","event_key":"k",)" + members + "}";
}

std::string unknown(const std::string& type) {
  return "unknown type " + type +
         "; a client sends hello, event, source_status, pre_shutdown_check, status_query, bye, shutdown, a "
         "message of calls such as request, or one of values such as put";
}

std::string list_of(size_t count) {
  std::string out = "[";
  for (size_t i = 0; i < count; ++i) out += (i == 0 ? "\"t" : ",\"t") + std::to_string(i) + '"';
  return out + "]";
}

}  // namespace

TEST_CASE("hello has its members in order, and the optional ones only when set") {
  Hello hello;
  hello.pid = 4242;
  hello.event_key = "im.message";
  hello.event_types = {"im.message.receive_v1"};
  check_wire(
      hello,
      R"({"type":"hello","pid":4242,"event_key":"im.message","event_types":["im.message.receive_v1"],"version":"v1"})");
  hello.subscription_id = "s";
  hello.role = Role::source;
  hello.source = "clock";
  hello.exclusive = true;
  hello.capabilities = {"patterns", "x"};
  hello.publishes = {"clock.*", "alarm"};
  hello.observer = true;
  hello.background = true;
  hello.event_types = {};
  check_wire(
      hello,
      R"({"type":"hello","pid":4242,"event_key":"im.message","event_types":[],"version":"v1",)"
      R"("subscription_id":"s","role":"source","source":"clock","exclusive":true,"capabilities":["patterns","x"],)"
      R"("publishes":["clock.*","alarm"],"observer":true,"background":true})");
}

TEST_CASE("hello is read in any order, with null for absent, and unknown members ignored") {
  Hello hello = decoded<Hello>(
      R"({"future":[1],"event_types":null,"version":"v9","role":null,"event_key":"k","pid":-5,"type":"hello","exclusive":null,"future":2})");
  CHECK(hello.pid == -5);
  CHECK(hello.event_key == "k");
  CHECK(hello.event_types.empty());
  CHECK(hello.version == "v9");
  CHECK(hello.role == Role::consumer);
  CHECK(decoded<Hello>(R"({"type":"hello","event_key":"k"})").pid == 0);
  CHECK(decoded<Hello>(hello_with(R"("role":"consumer")")).role == Role::consumer);
}

TEST_CASE("A source and a client need not name a key, a consumer must") {
  CHECK(decoded<Hello>(R"({"type":"hello","role":"client"})").role == Role::client);
  CHECK(decoded<Hello>(R"({"type":"hello","role":"source","source":"s"})").event_key.empty());
  CHECK(decoded<Hello>(R"({"type":"hello","role":"source","event_key":""})").event_key.empty());
  check_bad_frame(R"({"type":"hello"})", "event_key is missing");
  check_bad_frame(R"({"type":"hello","event_key":null})", "event_key is missing");
  check_bad_frame(R"({"type":"hello","event_key":""})", "event_key is empty; it must have 1 to 255 bytes");
}

TEST_CASE("What is wrong with a hello is named") {
  check_bad_frame(hello_with(R"("pid":"1")"), "pid must be a whole number of 64 bits, not a string");
  check_bad_frame(hello_with(R"("pid":1.0)"), "pid must be a whole number of 64 bits, not 1.0");
  check_bad_frame(hello_with(R"("pid":1e2)"), "pid must be a whole number of 64 bits, not 1e2");
  check_bad_frame(hello_with(R"("pid":9223372036854775808)"),
                  "pid must be a whole number of 64 bits, not 9223372036854775808");
  check_bad_frame(hello_with(R"("pid":1,"pid":1)"), "pid is given twice; give it once");
  check_bad_frame(hello_with(R"("pid":null,"\u0070id":1)"), "pid is given twice; give it once");
  check_bad_frame(hello_with(R"("type":"hello")"), "type is given twice; give it once");
  check_bad_frame(hello_with(R"("event_types":"t")"), "event_types must be an array, not a string");
  check_bad_frame(hello_with(R"("event_types":[1])"), "event_types[] must be a string, not 1");
  check_bad_frame(hello_with(R"("event_types":[null])"), "event_types[] must be a string, not null");
  check_bad_frame(hello_with(R"("event_types":[""])"), "event_types[] is empty; it must have 1 to 255 bytes");
  check_bad_frame(hello_with(R"("version":1)"), "version must be a string, not 1");
  check_bad_frame(hello_with(R"("role":"boss")"), R"(role must be "consumer", "source" or "client")");
  check_bad_frame(hello_with(R"("exclusive":1)"), "exclusive must be true or false, not 1");
  check_bad_frame(hello_with(R"("exclusive":"true")"), "exclusive must be true or false, not a string");
  check_bad_frame(hello_with(R"("source":"a\tb")"), "source holds a control character");
  check_bad_frame(hello_with(R"("subscription_id":"\udc00")"),
                  "subscription_id holds half of a surrogate pair, which is no text");
  check_bad_frame(hello_with(R"("capabilities":{})"), "capabilities must be an array, not an object");
  check_bad_frame(hello_with(R"("publishes":"t")"), "publishes must be an array, not a string");
  check_bad_frame(hello_with(R"("publishes":["a\u0001"])"), "publishes[] holds a control character");
  check_bad_frame(hello_with(R"("observer":1)"), "observer must be true or false, not 1");
  check_bad_frame(hello_with(R"("background":"")"), "background must be true or false, not a string");
}

TEST_CASE("A hello is accepted at each of its limits and refused one above") {
  const std::string longest(kMaxIdentifierBytes, 'x');
  for (const char* name : {"subscription_id", "source"}) {
    CHECK_NOTHROW(decoded<Hello>(hello_with("\"" + std::string(name) + "\":\"" + longest + "\"")));
    check_bad_frame(hello_with("\"" + std::string(name) + "\":\"" + longest + "x\""),
                    std::string(name) + " has 256 bytes; the limit is 255");
  }
  CHECK(decoded<Hello>(R"({"type":"hello","event_key":")" + longest + "\"}").event_key == longest);
  check_bad_frame(R"({"type":"hello","event_key":")" + longest + "x\"}",
                  "event_key has 256 bytes; the limit is 255");
  CHECK(decoded<Hello>(hello_with("\"event_types\":[\"" + longest + "\"]")).event_types[0] == longest);
  check_bad_frame(hello_with("\"event_types\":[\"" + longest + "x\"]"),
                  "event_types[] has 256 bytes; the limit is 255");
  CHECK(decoded<Hello>(hello_with("\"event_types\":" + list_of(kMaxEventTypes))).event_types.size() == 256);
  check_bad_frame(hello_with("\"event_types\":" + list_of(kMaxEventTypes + 1)),
                  "event_types has 257 entries; the limit is 256");
  CHECK(decoded<Hello>(hello_with("\"capabilities\":" + list_of(kMaxCapabilities))).capabilities.size() ==
        64);
  check_bad_frame(hello_with("\"capabilities\":" + list_of(kMaxCapabilities + 1)),
                  "capabilities has 65 entries; the limit is 64");
}

TEST_CASE("A hello publishes as many entries as a consumer may ask for, and not one more") {
  CHECK(decoded<Hello>(hello_with("\"publishes\":" + list_of(kMaxPublishes))).publishes.size() == 256);
  check_bad_frame(hello_with("\"publishes\":" + list_of(kMaxPublishes + 1)),
                  "publishes has 257 entries; the limit is 256");
}

TEST_CASE("interest says the entry, and how many listen to it") {
  check_wire(InterestMessage{"weather.*", 2},
             R"({"type":"interest","event_type":"weather.*","consumers":2})");
  check_wire(InterestMessage{"alarm", 0}, R"({"type":"interest","event_type":"alarm","consumers":0})");
  check_bad_frame(R"({"type":"interest","consumers":1})", "event_type is missing");
}

TEST_CASE("hello_ack always says first_for_key") {
  HelloAck ack;
  ack.first_for_key = true;
  ack.capabilities = {"patterns"};
  check_wire(ack,
             R"({"type":"hello_ack","bus_version":"v1","first_for_key":true,"capabilities":["patterns"]})");
  HelloAck rejected;
  rejected.rejected = true;
  rejected.reject_reason = "scope board is held exclusively by pid 42; stop that one, or wait until it ends";
  check_wire(
      rejected,
      R"({"type":"hello_ack","bus_version":"v1","first_for_key":false,"rejected":true,)"
      R"x("reject_reason":"scope board is held exclusively by pid 42; stop that one, or wait until it ends"})x");
  check_bad_frame(R"({"type":"hello_ack","bus_version":"v1"})", "first_for_key is missing");
  check_bad_frame(R"({"type":"hello_ack","first_for_key":0})", "first_for_key must be true or false, not 0");
}

TEST_CASE("event is written in the order of the page, its payload always") {
  Event event;
  event.event_type = "t";
  check_wire(event, R"({"type":"event","event_type":"t","payload":null})");
  event.event_id = "e-1";
  event.source_time = "1700000000000";
  event.seq = 18446744073709551615U;
  event.others = {{"traceparent", "\"00-1\""}, {"\"q\"", "[1, 2]"}};
  event.payload = R"({"n": 1.10})";
  check_wire(event,
             R"({"type":"event","event_type":"t","event_id":"e-1","source_time":"1700000000000",)"
             R"("seq":18446744073709551615,"traceparent":"00-1","\"q\"":[1, 2],"payload":{"n": 1.10}})");
}

TEST_CASE("An event is read in any order, texts decoded and the rest raw") {
  Event event = decoded<Event>(
      R"({"payload": [1.10] ,"z":{"\u0061":1},"event_id":"\u0031","event_type":"a\/b","type":"event"})");
  CHECK(event.event_type == "a/b");
  CHECK(event.event_id == "1");
  CHECK(event.payload == "[1.10]");
  CHECK(event.others == std::vector<std::pair<std::string, std::string>>{{"z", R"({"\u0061":1})"}});
  check_bad_frame(R"({"type":"event"})", "event_type is missing");
}

TEST_CASE("source_status has a source and one of four states") {
  SourceStatus status{"clock", SourceState::reconnecting, "attempt 2"};
  check_wire(status,
             R"({"type":"source_status","source":"clock","state":"reconnecting","detail":"attempt 2"})");
  check_wire(SourceStatus{"c", SourceState::connected, ""},
             R"({"type":"source_status","source":"c","state":"connected"})");
  check_bad_frame(R"({"type":"source_status","state":"connected"})", "source is missing");
  check_bad_frame(R"({"type":"source_status","source":"c"})", "state is missing");
  check_bad_frame(R"({"type":"source_status","source":"c","state":"up"})",
                  "state must be one of connecting, connected, disconnected, reconnecting");
  check_bad_frame(R"({"type":"source_status","source":"c","state":1})", "state must be a string, not 1");
}

TEST_CASE("The detail of a source_status has at most 4096 bytes") {
  auto line = [](size_t bytes) {
    return R"({"type":"source_status","source":"c","state":"connected","detail":")" +
           std::string(bytes, 'x') + "\"}";
  };
  CHECK(decoded<SourceStatus>(line(kMaxDetailBytes)).detail.size() == 4096);
  check_bad_frame(line(kMaxDetailBytes + 1), "detail has 4097 bytes; the limit is 4096");
}

TEST_CASE("The frames of leaving and of the hub's control are as short as they can be") {
  check_wire(PreShutdownCheck{"im.message", ""}, R"({"type":"pre_shutdown_check","event_key":"im.message"})");
  check_wire(PreShutdownCheck{"k", "s"},
             R"({"type":"pre_shutdown_check","event_key":"k","subscription_id":"s"})");
  check_wire(PreShutdownAck{true}, R"({"type":"pre_shutdown_ack","last_for_key":true})");
  check_wire(PreShutdownAck{false}, R"({"type":"pre_shutdown_ack","last_for_key":false})");
  check_wire(StatusQuery{}, R"({"type":"status_query"})");
  check_wire(StatusQuery{StatusFormat::prometheus}, R"({"type":"status_query","format":"prometheus"})");
  check_wire(Bye{}, R"({"type":"bye"})");
  check_wire(Shutdown{}, R"({"type":"shutdown"})");
  check_bad_frame(R"({"type":"status_query","format":"yaml"})", "format must be \"json\" or \"prometheus\"");
  check_bad_frame(R"({"type":"pre_shutdown_ack"})", "last_for_key is missing");
  CHECK(decoded<PreShutdownCheck>(R"({"type":"pre_shutdown_check"})").event_key.empty());
  check_bad_frame(R"({"type":"pre_shutdown_check","event_key":7})", "event_key must be a string, not 7");
}

TEST_CASE("error carries what it answers") {
  check_wire(ErrorMessage{ErrorCode::bad_json, "not JSON", "", 0},
             R"({"type":"error","code":"bad_json","message":"not JSON"})");
  check_wire(ErrorMessage{ErrorCode::bad_frame, "no \"x\"", "e-1", 7},
             R"({"type":"error","code":"bad_frame","message":"no \"x\"","id":"e-1","frame":7})");
  for (int i = 0; i < static_cast<int>(ErrorCode::unknown); ++i) {
    auto code = static_cast<ErrorCode>(i);
    check_wire(ErrorMessage{code, "m", "", 0},
               R"({"type":"error","code":")" + std::string(name_of(code)) + R"(","message":"m"})");
  }
  CHECK(decoded<ErrorMessage>(R"({"type":"error","code":"of_tomorrow","message":"m"})").code ==
        ErrorCode::unknown);
  check_bad_frame(R"({"type":"error","message":"m"})", "code is missing");
}

TEST_CASE("Each kind of bad line has its code") {
  check_fault("{", ErrorCode::bad_json, "not JSON at byte 2: Missing a name for object member");
  check_fault("", ErrorCode::bad_json, "not JSON at byte 1: The document is empty");
  check_bad_frame("[]", "a frame must be an object, not an array");
  check_bad_frame("null", "a frame must be an object, not null");
  check_bad_frame("{}", "type is missing");
  check_bad_frame(R"({"type":null})", "type is missing");
  check_bad_frame(R"({"type":7})", "type must be a string, not 7");
  check_bad_frame(R"({"type":"bye","type":"bye"})", "type is given twice; give it once");
  check_bad_frame(R"({"type":"bye","type":"event"})", "type is given twice; give it once");
  check_fault(R"({"type":"hallo"})", ErrorCode::unknown_type, unknown(R"("hallo")"));
  check_fault(R"({"type":"a\nb"})", ErrorCode::unknown_type, unknown(R"("a\nb")"));
  check_fault(R"({"type":""})", ErrorCode::unknown_type, unknown(R"("")"));
}

TEST_CASE("The message of a fault is one short line whatever the peer sent") {
  Decoded result = decode(R"({"type":")" + std::string(100'000, 'x') + "\"}");
  CHECK(std::get<Fault>(result).message.size() < 250);
  result = decode(R"({"type":"hello","event_key":"k","pid":)" + std::string(100'000, '1') + "}");
  CHECK(std::get<Fault>(result).message.size() < 200);
}

TEST_CASE("A member that differs from one of the frame's own in letter case only is refused by both names") {
  struct Case {
    std::string line;
    std::string written;
    std::string own;
  };
  for (const Case& each : {
           Case{R"({"TYPE":"bye"})", "TYPE", "type"},
           Case{R"({"type":"bye","Type":"bye"})", "Type", "type"},
           Case{R"({"\u0054ype":"shutdown","type":"bye"})", "Type", "type"},
           Case{hello_with(R"("Event_Types":["x"])"), "Event_Types", "event_types"},
           Case{hello_with(R"("capabilitie\u017f":[])"), "capabilitie\u017f", "capabilities"},
           Case{hello_with("\"event_\u212aey\":\"x\""), "event_\u212aey", "event_key"},
           Case{R"({"type":"hello","event_\u212Aey":"x"})", "event_\u212aey", "event_key"},
           Case{R"({"type":"source_status","source":"s","state":"connected","DETAIL":"d"})", "DETAIL",
                "detail"},
           Case{R"({"type":"pre_shutdown_check","SUBSCRIPTION_ID":"d"})", "SUBSCRIPTION_ID",
                "subscription_id"},
           Case{R"({"type":"hello_ack","first_for_key":true,"Rejected":true})", "Rejected", "rejected"},
           Case{R"({"type":"error","code":"busy","message":"m","Message":"n"})", "Message", "message"},
           Case{R"({"type":"event","event_type":"t","SEQ":77})", "SEQ", "seq"},
       }) {
    check_bad_frame(each.line, "the member \"" + each.written + "\" differs from \"" + each.own +
                                   "\" in letter case only; use that name, or one that does not resemble it");
  }
  // What another message defines is no member of this one, and a name that is only like one is any other.
  CHECK(decoded<Bye>(R"({"type":"bye","SEQ":1,"typ":1,"types":1,"\u0130ype":1})") == Bye{});
  CHECK(decoded<Hello>(hello_with(R"("PAYLOAD":1)")).event_key == "k");
}
