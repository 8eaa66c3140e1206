// The parts of bus-consume that are pure: values in JSON, templates, batches, and what is said at the end.
#include <string>
#include <vector>

#include "consumer/cli/command_line.h"
#include "consumer/cli/end_report.h"
#include "consumer/cli/event_batch.h"
#include "consumer/cli/event_template.h"
#include "consumer/cli/event_text.h"
#include "consumer/cli/json_lookup.h"
#include "tests/support/catch.h"

using namespace bus::cli;

namespace {

std::string found(std::string_view json, const JsonPath& path) {
  return find_json(json, path).value_or("(none)");
}

busd_text text_of(std::string_view text) { return {text.data(), text.size()}; }

// What a template makes of an event with this payload.
std::string rendered(const std::string& format, std::string_view payload, bool safe = false) {
  std::string frame = R"({"type":"event","event_type":"a.b","event_id":"i","seq":7,"x/y":"~","payload":)";
  frame += std::string(payload) + "}";
  auto item = BUSD_INIT(busd_item);
  item.kind = BUSD_ITEM_EVENT;
  item.event_type = text_of("a.b");
  item.event_id = text_of("i");
  item.seq = 7;
  item.payload = text_of(payload);
  item.frame = text_of(frame);
  std::string fault;
  auto parsed = EventTemplate::parse(format, fault);
  if (!parsed) return "fault: " + fault;
  std::string out;
  parsed->append(out, busd::Event(&item), 1700000000123, "k", safe);
  return out;
}

}  // namespace

TEST_CASE("A value is found beside values that no type holds") {
  std::string json = R"({"n":5,"big":1e400,"long":)" + std::string(500, '9') +
                     R"(,"half":"x\ud800y","pair":"\uD83D\ude00","after":[1.10,-2e-9,{"z":"\\ud800"}]})";
  CHECK(found(json, {"n"}) == "5");
  CHECK(found(json, {"big"}) == "1e400");
  CHECK(found(json, {"long"}) == std::string(500, '9'));
  CHECK(found(json, {"half"}) == "x\xEF\xBF\xBDy");
  CHECK(found(json, {"pair"}) == "\xF0\x9F\x98\x80");
  CHECK(found(json, {"after"}) == R"([1.10,-2e-9,{"z":"\\ud800"}])");
  CHECK(found(json, {"after", "1"}) == "-2e-9");
  CHECK(found(json, {"after", "2", "z"}) == R"(\ud800)");
}

TEST_CASE("A value in JSON is found by its path, with the bytes that it has there") {
  std::string_view json =
      R"({"a":{"b":[10,{"c":1.10},[ 1 , 2 ]],"":"empty"},"s":"x\u0041\n","n":null,"t":true,"f":-0.0e+1})";
  CHECK(found(json, {"a", "b", "0"}) == "10");
  CHECK(found(json, {"a", "b", "1"}) == R"({"c":1.10})");
  CHECK(found(json, {"a", "b", "1", "c"}) == "1.10");
  CHECK(found(json, {"a", "b", "2"}) == "[ 1 , 2 ]");
  CHECK(found(json, {"a", "b", "2", "1"}) == "2");
  CHECK(found(json, {"a", ""}) == "empty");
  CHECK(found(json, {"s"}) == "xA\n");
  CHECK(found(json, {"n"}) == "null");
  CHECK(found(json, {"t"}) == "true");
  CHECK(found(json, {"f"}) == "-0.0e+1");
  CHECK(found(json, {}) == json);
  CHECK(found("\"root\"", {}) == "root");
  CHECK(found("12345678901234567890123", {}) == "12345678901234567890123");
  CHECK(found("[]", {}) == "[]");
  for (const JsonPath& path : std::vector<JsonPath>{{"b"},
                                                    {"a", "c"},
                                                    {"a", "b", "3"},
                                                    {"a", "b", "01"},
                                                    {"a", "b", "-1"},
                                                    {"a", "b", ""},
                                                    {"a", "b", "99999999999999999999999"},
                                                    {"s", "x"},
                                                    {"n", "x"},
                                                    {"c"}}) {
    CHECK(found(json, path) == "(none)");
  }
}

TEST_CASE("A name that occurs twice stands for its last value") {
  CHECK(found(R"({"a":1,"a":2})", {"a"}) == "2");
  CHECK(found(R"({"a":{"b":1},"a":{"c":2}})", {"a", "b"}) == "(none)");
  CHECK(found(R"({"a":{"b":1},"a":3})", {"a", "b"}) == "(none)");
  CHECK(found(R"({"a":3,"a":{"b":1}})", {"a", "b"}) == "1");
  CHECK(found(R"({"x":{"a":1},"a":2})", {"a"}) == "2");
}

TEST_CASE("Text that is no JSON holds no value, however deep it is") {
  CHECK(found("", {}) == "(none)");
  CHECK(found("{\"a\":1", {"a"}) == "(none)");
  CHECK(found("1 2", {}) == "(none)");
  CHECK(found(std::string(300'000, '['), {"0"}) == "(none)");
  std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  bool same = found(deep, {"0", "0"}) == deep.substr(2, deep.size() - 4);
  CHECK(same);
}

TEST_CASE("A template writes strings as they are, other values as JSON, and nothing for what is missing") {
  CHECK(rendered("{event_type} {event_id} {seq} {key} <{source_time}>", "1") == "a.b i 7 k <>");
  CHECK(rendered("{payload}", R"("a\"b")") == "a\"b");
  CHECK(rendered("{payload}", R"({ "a" : 1.0 })") == R"({ "a" : 1.0 })");
  CHECK(rendered("{payload.a}-{payload.b.0}-{payload.c}", R"({"a":"x","b":[null]})") == "x-null-");
  CHECK(rendered("{/payload/a~1b}{/x~1y}{/seq}", R"({"a/b":2})") == "2~7");
  CHECK(rendered("{received} {received_utc}", "1") == "1700000000123 2023-11-14T22:13:20.123Z");
  CHECK(rendered("{event}", "1").starts_with(R"({"type":"event",)"));
  CHECK(rendered("{{{seq}}} \\\\ \\t\\n", "1") == "{7} \\ \t\n");
  CHECK(rendered("none", "1") == "none");
}

TEST_CASE("On a terminal a template's values are harmless, and its own text is what was asked for") {
  CHECK(rendered("\\t{payload}", R"("\u001b[31m\n")", true) == "\t\\x1b[31m\\x0a");
  CHECK(rendered("\\t{payload}", R"("\u001b[31m\n")", false) == "\t\x1b[31m\n");
}

TEST_CASE("What is wrong with a template is said by name") {
  CHECK(template_fault("{seq}").empty());
  CHECK(template_fault("") == "must not be empty");
  CHECK(template_fault("{job}").find("\"job\" is no field; write event_type, ") == 0);
  CHECK(template_fault("{ seq}").find("\" seq\" is no field") == 0);
  CHECK(template_fault("{payloads.a}").find("\"payloads.a\" is no field") == 0);
  CHECK(template_fault("ab{seq") == "the \"{\" at byte 3 is not closed; write {{ for a brace");
  CHECK(template_fault("{seq}}") == "the \"}\" at byte 6 closes nothing; write }} for a brace");
  CHECK(template_fault("{payload.a.}") == "\"payload.a.\" has an empty name between dots");
  CHECK(template_fault("{/~}") == "\"/~\" is no JSON pointer; \"~\" needs a 0 or 1 behind it");
  CHECK(template_fault("\\q").find("the \"\\\" at byte 1 begins no escape") == 0);
}

TEST_CASE("The time of arrival is the last member of an event") {
  std::string out;
  append_with_received(out, "{\"a\":{}} ", 5);
  CHECK(out == "{\"a\":{},\"received\":5}");
}

TEST_CASE("A batch is due a while after its first event, and is never empty") {
  using std::chrono::milliseconds;
  EventBatch batch(milliseconds(100));
  EventBatch::Clock::time_point start{};
  CHECK(batch.empty());
  CHECK_FALSE(batch.due().has_value());
  batch.add("1", start);
  batch.add("{}", start + milliseconds(60));
  CHECK(batch.due() == start + milliseconds(100));
  CHECK(batch.take() == "[1,{}]");
  CHECK(batch.empty());
  CHECK_FALSE(batch.due().has_value());
  batch.add("2", start + milliseconds(500));
  CHECK(batch.due() == start + milliseconds(600));
}

TEST_CASE("A batch takes events up to its bound, and one that is longer alone") {
  EventBatch batch(std::chrono::milliseconds(1));
  std::string half((kMostBatchBytes - 3) / 2, 'x');
  batch.add(half, {});
  // "[" + half + "," + rest + "]" is the bound exactly.
  std::string rest(kMostBatchBytes - half.size() - 3, 'x');
  CHECK(batch.has_room(rest));
  CHECK_FALSE(batch.has_room(rest + "x"));
  batch.add(rest, {});
  CHECK(batch.take().size() == kMostBatchBytes);
  CHECK(batch.has_room(std::string(2 * kMostBatchBytes, 'x')));
}

TEST_CASE("The end line has the counts that are not zero, the record has all") {
  EndReport report;
  report.key = "k \"q\"";
  report.counts.events = 3;
  report.spent = std::chrono::milliseconds(1500);
  report.reason = Reason::limit;
  CHECK(end_line(report) == "[bus] end event_key=\"k \\\"q\\\"\" events=3 lost=0 seconds=1.500 reason=limit");
  CHECK(end_record(report) ==
        R"({"type":"end","event_key":"k \"q\"","events":3,"lost":0,"resets":0,"excluded":0,"failed":0,)"
        R"("seconds":1.500,"reason":"limit","exit":0})");
  report.counts = {1, 2, 3, 4};
  report.failed = 5;
  report.exit_code = 75;
  report.reason = Reason::output_closed;
  CHECK(end_line(report) ==
        "[bus] end event_key=\"k \\\"q\\\"\" events=1 lost=3 resets=4 excluded=2 failed=5 seconds=1.500 "
        "reason=output-closed");
  CHECK(end_record(report).find(R"("events":1,"lost":3,"resets":4,"excluded":2,"failed":5,)") !=
        std::string::npos);
  CHECK(end_record(report).find(R"("reason":"output-closed","exit":75})") != std::string::npos);
}
