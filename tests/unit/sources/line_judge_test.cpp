#include "consumer/sources/core/line_judge.h"

#include "tests/support/catch.h"

using namespace bus;
using namespace bus::sources;
using Kind = Judged::Kind;

namespace {

struct Judge {
  explicit Judge(Format format, std::vector<std::string> types = {"clock", "clock.*"})
      : definition(plain_definition("clock", "/d/clock")),
        judge(with(definition, format, std::move(types))) {}
  static const Definition& with(Definition& definition, Format format, std::vector<std::string> types) {
    definition.format = format;
    definition.types = std::move(types);
    return definition;
  }
  Kind operator()(std::string_view line) {
    last = judge.judge(line);
    text = last.text;
    return last.kind;
  }
  Definition definition;
  LineJudge judge;
  Judged last;
  std::string text;
};

constexpr std::string_view kTick = R"({"type":"event","event_type":"clock.tick","payload":1})";

}  // namespace

TEST_CASE("auto takes frames for frames, other JSON for payloads, and the rest for the log") {
  Judge judge(Format::automatic);
  CHECK(judge(kTick) == Kind::frame);
  CHECK(judge(std::string(kTick) + "\r") == Kind::frame);
  CHECK(judge.text == kTick);
  CHECK(judge(R"({"load":0.5})") == Kind::payload);
  CHECK(judge(R"({"type":"whatever"})") == Kind::payload);
  CHECK(judge("[1, 2]") == Kind::payload);
  CHECK(judge("17") == Kind::payload);
  CHECK(judge("starting up") == Kind::log);
  CHECK(judge("{\"unfinished\":") == Kind::log);
  CHECK(judge(R"({"type":"source_status","source":"x","state":"connected"})") == Kind::message);
  CHECK(judge.last.type == "source_status");
  CHECK(judge("") == Kind::blank);
  CHECK(judge(" \t\r") == Kind::blank);
}

TEST_CASE("An event of a type that is not declared is refused, and so is one that is no frame") {
  Judge judge(Format::automatic);
  CHECK(judge(R"({"type":"event","event_type":"alarm","payload":1})") == Kind::refused);
  CHECK(judge.last.reason == "its type \"alarm\" is none of those that `types` declares");
  CHECK(judge(R"({"type":"event","event_type":7,"payload":1})") == Kind::refused);
  CHECK(judge.last.reason.find("event_type") != std::string::npos);
}

TEST_CASE("An event that does not say its type is of the one that the file says") {
  for (Format format : {Format::automatic, Format::frames}) {
    Judge judge(format);
    CHECK(judge(" {\"type\":\"event\",\"payload\":1} \r") == Kind::frame);
    CHECK(judge.last.type == "clock");
    CHECK(judge.text == R"({"event_type":"clock","type":"event","payload":1} )");
    CHECK(judge(R"({"type":"event"})") == Kind::frame);
    judge.definition.event_type = "other";
    CHECK(judge(R"({"type":"event","payload":1})") == Kind::refused);
    CHECK(judge.last.reason == "its type \"other\" is none of those that `types` declares");
    // What else is wrong with it is said.
    CHECK(judge(R"({"type":"event","event_id":7})") == Kind::refused);
    CHECK(judge.last.reason.find("event_id") != std::string::npos);
    CHECK(judge(R"({"type":"event","event_type":null})") == Kind::refused);
  }
  Judge json(Format::json);
  CHECK(json(R"({"type":"event","payload":1})") == Kind::payload);
}

TEST_CASE("A last line without its end is no event, and what would have been one is told why") {
  Judge judge(Format::automatic);
  for (std::string_view line : {kTick, std::string_view("{\"n\":1}"), std::string_view("17\r")}) {
    judge.last = judge.judge.judge_cut(line);
    CHECK(judge.last.kind == Kind::refused);
    CHECK(judge.last.reason == "the line has no end");
  }
  CHECK(judge.last.text == "17");
  CHECK(judge.judge.judge_cut("no JSON").kind == Kind::log);
  CHECK(judge.judge.judge_cut("{\"cut\":").kind == Kind::log);
}

TEST_CASE("frames takes nothing else for an event") {
  Judge judge(Format::frames);
  CHECK(judge(kTick) == Kind::frame);
  CHECK(judge(R"({"load":0.5})") == Kind::log);
  CHECK(judge("17") == Kind::log);
}

TEST_CASE("A source of all types is none of those below bus., which say what other sources are") {
  Judge judge(Format::automatic, {"*"});
  CHECK(judge(R"({"type":"event","event_type":"any","payload":1})") == Kind::frame);
  CHECK(judge(R"({"type":"event","event_type":"bus.source.failed","payload":1})") == Kind::refused);
}

TEST_CASE("json takes each value for a payload, frames too") {
  Judge judge(Format::json);
  CHECK(judge(kTick) == Kind::payload);
  CHECK(judge(R"({"type":"response","id":"1"})") == Kind::payload);
  CHECK(judge("\"text\"") == Kind::payload);
  CHECK(judge("text") == Kind::log);
}

TEST_CASE("text makes each line a string") {
  Judge judge(Format::text);
  CHECK(judge("say \"hello\"\t\x1b") == Kind::payload);
  CHECK(judge.text == R"("say \"hello\"\t\u001b")");
  CHECK(judge("17") == Kind::payload);
  CHECK(judge.text == "\"17\"");
}

TEST_CASE("A line with a NUL, bad UTF-8 or a CR inside is one of the log") {
  for (Format format : {Format::automatic, Format::json, Format::text, Format::frames}) {
    Judge judge(format);
    CHECK(judge(std::string_view("\"a\0b\"", 5)) == Kind::log);
    CHECK(judge("\"a\xFF\"") == Kind::log);
    CHECK(judge("1\r\r") == Kind::log);
    CHECK(judge("50 %\r100 %") == Kind::log);
  }
}
