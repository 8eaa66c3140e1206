// Everybody who judges JSON here, over the categories of the public JSON parsing test suite.
#include <cstring>

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "protocol/frame.h"
#include "tests/support/catch.h"
#include "tests/support/messages.h"
#include "tests/unit/protocol/json_suite/json_suite_cases.h"
#include "tests/unit/protocol/scan/panel.h"

using namespace bus;
using namespace bus::test;

namespace {

std::vector<SuiteCase> all_cases() {
  std::vector<SuiteCase> out;
  for (auto cases : {array_cases, number_cases, object_cases, string_cases, structure_cases}) {
    for (SuiteCase& one : cases()) out.push_back(std::move(one));
  }
  return out;
}

// RapidJSON with the flags of raw_json.cpp, and nothing of what is done there before and after it.
bool plain_rapidjson_accepts(const std::string& text) {
  constexpr unsigned flags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
  rapidjson::BaseReaderHandler<> deaf;
  rapidjson::MemoryStream stream(text.data(), text.size());
  return !rapidjson::Reader().Parse<flags>(stream, deaf).IsError();
}

bool is_category(const SuiteCase& one, char category) { return one.name[0] == category; }

std::string trimmed(const std::string& text) {
  const char* spaces = " \t\r\n";
  size_t first = text.find_first_not_of(spaces);
  return text.substr(first, text.find_last_not_of(spaces) + 1 - first);
}

}  // namespace

TEST_CASE("The suite has cases of all kinds, and the RFC's verdict on them") {
  std::vector<SuiteCase> cases = all_cases();
  CHECK(cases.size() >= 150);
  size_t free = 0;
  for (const SuiteCase& one : cases) {
    CAPTURE(one.name);
    REQUIRE(std::strchr("yni", one.name[0]) != nullptr);
    if (is_category(one, 'i')) {
      ++free;
    } else {
      CHECK(one.accepted == is_category(one, 'y'));
    }
  }
  CHECK(free >= 20);
}

TEST_CASE("RawJson and json_fault judge every value of the suite") {
  RawJson json;
  for (const SuiteCase& one : all_cases()) {
    CAPTURE(one.name);
    CHECK(!json.scan(one.text) == one.accepted);
    CHECK(!json_fault(one.text) == one.accepted);
  }
}

TEST_CASE("Every body judges every value of the suite as a member of an object") {
  Panel panel;
  for (const SuiteCase& one : all_cases()) {
    CAPTURE(one.name);
    CHECK(panel.complaint(R"({"v":)" + one.text + "}", one.accepted) == "");
    CHECK(panel.complaint(R"({"v":[)" + one.text + R"(,""],"w":0})", one.accepted) == "");
  }
}

TEST_CASE("Every value of the suite is a payload or makes its event a fault, whichever body looks") {
  for (const scan::Body& body : scan::bodies()) {
    FrameScanner scanner(body.scan);
    EventLine event;
    for (const SuiteCase& one : all_cases()) {
      CAPTURE(body.name, one.name);
      std::string line = R"({"type":"event","event_type":"t","payload":)" + one.text + "}";
      FrameKind verdict = scanner.scan(line, event);
      if (one.accepted) {
        REQUIRE(verdict == FrameKind::event);
        CHECK(event.payload_token == trimmed(one.text));
      } else {
        REQUIRE(verdict == FrameKind::fault);
        CHECK(scanner.fault().code == ErrorCode::bad_json);
      }
    }
  }
}

TEST_CASE("Every value of the suite as a whole frame is no event, and bad_json only when it is no JSON") {
  for (const scan::Body& body : scan::bodies()) {
    FrameScanner scanner(body.scan);
    EventLine event;
    for (const SuiteCase& one : all_cases()) {
      CAPTURE(body.name, one.name);
      FrameKind verdict = scanner.scan(one.text, event);
      if (one.accepted && trimmed(one.text).starts_with('{')) {
        CHECK(verdict == FrameKind::other);
      } else {
        REQUIRE(verdict == FrameKind::fault);
        CHECK(scanner.fault().code == (one.accepted ? ErrorCode::bad_frame : ErrorCode::bad_json));
      }
    }
  }
}

TEST_CASE("The codec judges every value of the suite as the scanner does, as a frame and inside one") {
  size_t refused = 0;
  for (const SuiteCase& one : all_cases()) {
    CAPTURE(one.name);
    std::string value = one.accepted ? trimmed(one.text) : one.text;
    Decoded whole = decode(one.text);
    // No case is a message: what is JSON lacks the type, or is no object.
    REQUIRE(std::holds_alternative<Fault>(whole));
    CHECK(std::get<Fault>(whole).code == (one.accepted ? ErrorCode::bad_frame : ErrorCode::bad_json));
    Decoded event = decode(R"({"type":"event","event_type":"t","payload":)" + one.text + "}");
    Decoded beside = decode(R"({"x":)" + one.text + R"(,"type":"status_query"})");
    if (one.accepted) {
      REQUIRE(std::holds_alternative<Message>(event));
      CHECK(std::get<Event>(std::get<Message>(event)).payload == value);
      CHECK(std::holds_alternative<StatusQuery>(std::get<Message>(beside)));
      continue;
    }
    ++refused;
    REQUIRE(std::holds_alternative<Fault>(event));
    CHECK(std::get<Fault>(event).code == ErrorCode::bad_json);
    REQUIRE(std::holds_alternative<Fault>(beside));
    CHECK(std::get<Fault>(beside).code == ErrorCode::bad_json);
  }
  CHECK(refused >= 100);
}

TEST_CASE("Plain RapidJSON differs from our verdict where the suite says so, and nowhere else") {
  for (const SuiteCase& one : all_cases()) {
    CAPTURE(one.name);
    bool expected = one.rapid == Rapid::agrees ? one.accepted : !one.accepted;
    CHECK(plain_rapidjson_accepts(one.text) == expected);
  }
}

TEST_CASE("Where plain RapidJSON is laxer we refuse, and where it is stricter than the RFC we accept") {
  for (const SuiteCase& one : all_cases()) {
    CAPTURE(one.name);
    bool lax = one.rapid == Rapid::lax_ends_at_nul || one.rapid == Rapid::lax_has_no_depth_limit;
    if (one.rapid != Rapid::agrees) CHECK(one.accepted == !lax);
  }
}
