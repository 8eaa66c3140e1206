// The parts of bus-call that are pure: the args that -a puts together, lines of --lines, and what is said of
// answers.
#include <string>
#include <vector>

#include "consumer/cli/call_args.h"
#include "consumer/cli/call_error.h"
#include "consumer/cli/call_line.h"
#include "consumer/cli/call_lines.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/one_call.h"
#include "consumer/cli/progress_line.h"
#include "tests/support/catch.h"

using namespace bus::cli;

namespace {

using Words = std::vector<std::string>;

// What ARGS and -a make, or what is wrong with them.
std::string args(std::string_view base, const Words& assignments) {
  for (const std::string& each : assignments) {
    if (!assignment_fault(each).empty()) return "fault: " + assignment_fault(each);
  }
  std::string out;
  if (auto error = build_args(base, assignments, out)) return "error: " + error->message;
  return out;
}

busd_text text(std::string_view from) { return {from.data(), from.size()}; }

busd_answer failed(std::string_view code, std::string_view by, std::string_view data = {}) {
  auto answer = BUSD_INIT(busd_answer);
  answer.code = text(code);
  answer.message = text("what happened");
  answer.by = text(by);
  answer.data = text(data);
  return answer;
}

std::string fault_of(std::string_view line) { return CallLineParser({}).parse(line).fault; }

}  // namespace

TEST_CASE("Members of the args: integers, booleans and null are typed, all else is a string") {
  CHECK(args("", {}).empty());
  CHECK(args("", {"a=1", "b=-20", "c=0", "d=-0"}) == R"({"a":1,"b":-20,"c":0,"d":-0})");
  CHECK(args("", {"a=true", "b=false", "c=null"}) == R"({"a":true,"b":false,"c":null})");
  for (const char* value :
       {"01", "+1", "1.5", "1e2", "-", "", " 1", "1 ", "True", "nul", "0x1", "--1", "[1]", "{}"}) {
    CHECK(args("", {std::string("a=") + value}) == R"({"a":")" + std::string(value) + "\"}");
  }
  CHECK(args("", {"a=123456789012345678901234567890"}) == R"({"a":123456789012345678901234567890})");
  CHECK(args("", {"a=say \"x\"\\\n\t\x01"}) == R"({"a":"say \"x\"\\\n\t\u0001"})");
  CHECK(args("", {"a=b=c", "d=:=e"}) == R"({"a":"b=c","d":":=e"})");
}

TEST_CASE("A member with a colon takes any JSON as it is") {
  CHECK(args("", {"a:=1.50", "b:= [1, 2] ", R"(c:="5")"}) == R"({"a":1.50,"b": [1, 2] ,"c":"5"})");
  CHECK(args("", {"a:=1e400", R"(b:="\ud800")"}) == R"({"a":1e400,"b":"\ud800"})");
  CHECK(args("", {"a:="}).starts_with("fault: \"a:=\": the value is not JSON at byte 1"));
  CHECK(args("", {"a:=1,2"}).starts_with("fault: \"a:=1,2\": the value is not JSON at byte 2"));
  CHECK(args("", {"a:=1-2"}).find("not JSON") != std::string::npos);
}

TEST_CASE("A dot in the name of a member leads into an object") {
  CHECK(args("", {"user.name=tony", "n=1", "user.age=30"}) == R"({"user":{"name":"tony","age":30},"n":1})");
  CHECK(args("", {"a.b.c.d=1", "a.b.x=2"}) == R"({"a":{"b":{"c":{"d":1},"x":2}}})");
  CHECK(args(R"( {"a": 1.10, "u" : {"x":[ ]} } )", {"u.y=2", "z.q=3"}) ==
        R"({"a":1.10,"u":{"x":[ ],"y":2},"z":{"q":3}})");
  CHECK(args("", {R"(a:={"x":1})", "a.y=2"}) == R"({"a":{"x":1,"y":2}})");
  CHECK(args(R"({"\u0061":{}})", {"a.b=1"}) == R"({"\u0061":{"b":1}})");
  CHECK(args("{}", {"a=1"}) == R"({"a":1})");
  CHECK(args(R"({"a":1,"a":2})", {"b=1"}) == R"({"a":1,"a":2,"b":1})");
}

TEST_CASE("Members that do not go together are refused, and it is said which") {
  CHECK(args("", {"a=1", "a=2"}) == R"(error: -a a=2: "a" is 1 already)");
  CHECK(args("", {"a=x", "a.b=2"}) == R"(error: -a a.b=2: "a" is "x" already, and no object)");
  CHECK(args("", {"a.b.c=1", "a.b.c.d=2"}) == R"(error: -a a.b.c.d=2: "a.b.c" is 1 already, and no object)");
  CHECK(args("", {"a.b=1", "a=2"}) == R"(error: -a a=2: "a" has members already)");
  CHECK(args(R"({"a":[1]})", {"a.b=1"}) == R"(error: -a a.b=1: "a" is [1] already, and no object)");
  CHECK(args(R"({"\u0061":1})", {"a=2"}) == R"(error: -a a=2: "a" is 1 already)");
  CHECK(args("[1]", {"a=1"}).starts_with("error: ARGS is no object"));
  CHECK(args("7", {}) == "7");
  CHECK(args("{x", {}).starts_with("error: ARGS: not JSON at byte 2"));
  CHECK(args("a=1", {"b=1"}).starts_with("error: ARGS: not JSON at byte 1"));
}

TEST_CASE("What is wrong with one member is said before it is put in its place") {
  for (const char* each : {"", "a", "a:1", "=1", ":=1", ".a=1", "a.=1", "a..b=1", "a=\xff", "\xff=1"}) {
    INFO(each);
    CHECK_FALSE(assignment_fault(each).empty());
  }
  std::string deep = "a";
  for (int i = 0; i < 499; ++i) deep += ".a";
  CHECK(assignment_fault(deep + "=1").empty());
  CHECK_FALSE(assignment_fault(deep + ".a=1").empty());
  // Long text is shown in part, and no character is cut.
  std::string fault = assignment_fault(std::string(39, 'x') + "\xC3\xA4 and more");
  CHECK(fault.starts_with("\"" + std::string(39, 'x') + "…\" has no"));
}

TEST_CASE("A line is a call with the members of a request") {
  CallRequest defaults;
  defaults.timeout_ms = 7;
  defaults.stream = true;
  CallLineParser parser(defaults);
  CallLine line = parser.parse(
      R"({"id":"\u0061","task":"a\u002eb","args":{"n":1.10},"x":[1],"timeout_ms":0,"wait":true})");
  CHECK(line.fault.empty());
  CHECK(line.id == R"("\u0061")");
  CHECK(line.request.task == "a.b");
  CHECK(line.request.args == R"({"n":1.10})");
  CHECK(line.request.timeout_ms == BUSD_FOREVER);
  CHECK(line.request.wait);
  CHECK(line.request.stream);
  CHECK(line.request.members == R"("x":[1])");

  line = parser.parse(
      R"({"task":"t","id":1e2,"args":null,"stream":false,"to":"s","reply_event":"e","idempotent":true,"y":1,"z":2,"from":1})");
  CHECK(line.fault.empty());
  CHECK(line.id == "1e2");
  CHECK(line.request.args == "null");
  CHECK(line.request.timeout_ms == 7);
  CHECK_FALSE(line.request.wait);
  CHECK_FALSE(line.request.stream);
  CHECK(line.request.idempotent);
  CHECK(line.request.to == "s");
  CHECK(line.request.reply_event == "e");
  CHECK(line.request.members == R"("y":1,"z":2)");
  CHECK(parser.parse(R"({"id":1,"task":"t","timeout_ms":86400000})").request.timeout_ms == 86400000);
  CHECK(parser.parse(R"({"id":1,"task":"t","timeout_ms":null,"to":null})").fault.empty());
}

TEST_CASE("A line that is no call keeps its id where it has one") {
  CHECK(CallLineParser({}).parse(R"({"id":4})").id == "4");
  CHECK(CallLineParser({}).parse(R"({"task":7,"id":"x"})").id == "\"x\"");
  CHECK(CallLineParser({}).parse("{").id == "null");
  CHECK(fault_of(R"({"id":4,"task":""})").starts_with("it has no task"));
  CHECK(fault_of(R"({"id":null,"task":"t"})").starts_with("it has no id"));
  CHECK(fault_of(R"({"id":true,"task":"t"})") == "id must be a string or a number, not true");
  CHECK(fault_of(R"({"id":1,"task":"t","timeout_ms":1.0})") ==
        "timeout_ms must be a whole number from 0 to 86400000, not 1.0");
  CHECK(fault_of(R"({"id":1,"task":"t","timeout_ms":"1"})").starts_with("timeout_ms must be"));
  CHECK(fault_of(R"({"id":1,"task":"t","x":1,"\u0078":2})") == "\"x\" is given twice");
  CHECK(fault_of("\xFF\xFE{").starts_with("the text is UTF-16"));
  CHECK(fault_of("").starts_with("not JSON"));
}

TEST_CASE("What the hub says of a call leads to an exit status of its own, what a provider says does not") {
  struct Case {
    std::string_view code;
    int exit;
  };
  for (auto [code, exit] :
       {Case{"no_provider", kUnreachable}, Case{"busy", kTryAgain}, Case{"timeout", kTimeRanOut},
        Case{"stopping", kTryAgain}, Case{"not_allowed", kPermission}, Case{"lost", kTryAgain},
        Case{"provider_gone", kInternal}, Case{"declined", kInternal}, Case{"deadlock", kInternal},
        Case{"canceled", kInternal}, Case{"too_large", kInternal}, Case{"slow_reader", kInternal}}) {
    INFO(code);
    CHECK(error_of(failed(code, "hub")).exit == exit);
    CHECK(error_of(failed(code, "library")).exit == exit);
    CHECK(error_of(failed(code, "")).exit == kInternal);
    CHECK(error_of(failed(code, "")).code == ErrorCode::call_failed);
  }
  CHECK(error_of(failed("busy", "hub")).message == "busy: what happened");
}

TEST_CASE("The error of a call stands in the JSON of the program's error, and does nothing to a terminal") {
  CHECK(call_error_json(failed("a", "hub")) == R"({"code":"a","message":"what happened","by":"hub"})");
  CHECK(call_error_json(failed("a", "", "[1]")) == R"({"code":"a","message":"what happened","data":[1]})");
  CHECK(
      json_of(error_of(failed("a", ""))) ==
      R"({"code":"call_failed","exit":70,"message":"a: what happened","hint":"","error":{"code":"a","message":"what happened"}})");
  CHECK(harmless_json("{\"a\":\t\"\xC2\x9B\xE2\x80\xAE\x7F\xC3\xA4\"}") ==
        "{\"a\": \"\\u009b\\u202e\\u007f\xC3\xA4\"}");
}

TEST_CASE("Answers of --lines carry their id as it came") {
  auto answer = BUSD_INIT(busd_answer);
  answer.result = text("[1.10]");
  CHECK(answer_line("\"\\u0061\"", answer) == R"({"id":"\u0061","result":[1.10]})");
  CHECK(answer_line("1", failed("a", "hub", "2")) ==
        R"({"id":1,"error":{"code":"a","message":"what happened","by":"hub","data":2}})");
  CHECK(part_line("1", "null", 3) == R"({"id":1,"chunk":null,"seq":3})");
  CHECK(
      bad_line("null", 2, "it has \"x\"") ==
      R"({"id":null,"error":{"code":"bad_line","message":"line 2: it has \"x\"","by":"bus-call","data":{"line":2}}})");
}

TEST_CASE("Raw text of a string has no quotes and escapes; a terminal gets no control characters") {
  CHECK(raw_text(R"("a\"b\n\u00e4")", false) == "a\"b\n\xC3\xA4");
  CHECK(raw_text(R"("\u001b[1m\n\tx\u009b\r")", true) == "\\x1b[1m\n\tx\\x9b\\x0d");
  CHECK(raw_text(R"("")", true).empty());
  CHECK(raw_text(R"(["a"])", false) == R"(["a"])");
  CHECK(raw_text("1.10", true) == "1.10");
}

TEST_CASE("How far a call has come is told without what is unknown") {
  CHECK(progress_text(3, 9, "linking") == "3 of 9 (33 %): linking");
  CHECK(progress_text(0, 9, "") == "0 of 9 (0 %)");
  CHECK(progress_text(1234567, 0, "") == "1 234 567");
  CHECK(progress_text(10, 9, "") == "10 of 9");
  CHECK(progress_text(0, 0, "a\x1b[2J") == "a\\x1b[2J");
  CHECK(progress_text(UINT64_MAX, UINT64_MAX, "").ends_with("(100 %)"));
}
