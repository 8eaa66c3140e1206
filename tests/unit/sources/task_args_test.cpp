#include "consumer/sources/task_args.h"

#include "tests/support/catch.h"

using namespace bus::sources;

namespace {

std::string fault_of(Takes takes, const char* args) { return args_fault("bus.source.x", takes, args); }

}  // namespace

TEST_CASE("Each argument of a task of sources has its kind, and another one is named") {
  Takes logs = Takes::log_query;
  CHECK(fault_of(logs, R"({"name":"s","stream":"stderr","lines":2,"since_ms":0,"follow":true})").empty());
  CHECK(fault_of(logs, R"({"name":5})") == "name must be the name of a source, not 5");
  CHECK(fault_of(logs, R"({"follow":"yes"})") == "follow must be true or false, not \"yes\"");
  CHECK(fault_of(logs, R"({"lines":"2"})") == "lines must be a whole number, not \"2\"");
  CHECK(fault_of(logs, R"({"lines":-1})") == "lines must be a whole number, not -1");
  CHECK(fault_of(logs, R"({"lines":1.5})") == "lines must be a whole number, not 1.5");
  CHECK(fault_of(logs, R"({"since_ms":[1]})") == "since_ms must be a whole number, not an array");
  CHECK(fault_of(logs, R"({"stream":"stdin"})") == "stream must be stdout or stderr, not \"stdin\"");
  CHECK(fault_of(logs, R"({"stream":true})") == "stream must be stdout or stderr, not true");
  CHECK(fault_of(Takes::name, R"(["s"])") == "args must be an object, not an array");
  CHECK(fault_of(Takes::nothing, R"("s")") == "args must be an object, not a string");
}

TEST_CASE("An argument that a task does not take is named, and the one that was meant") {
  CHECK(fault_of(Takes::log_query, R"({"name":"s","folow":true})") ==
        "bus.source.x takes no \"folow\"; did you mean follow?");
  CHECK(fault_of(Takes::log_query, R"({"tail":3})") ==
        "bus.source.x takes no \"tail\"; it takes name, stream, lines, since_ms, follow");
  CHECK(fault_of(Takes::name, R"({"follow":true})") == "bus.source.x takes no \"follow\"; it takes name");
  CHECK(fault_of(Takes::nothing, R"({"name":"s"})") == "bus.source.x takes no \"name\"");
}

TEST_CASE("What is null is left out") {
  for (Takes takes : {Takes::nothing, Takes::name, Takes::log_query}) {
    CHECK(fault_of(takes, "null").empty());
    CHECK(fault_of(takes, "{}").empty());
    CHECK(fault_of(takes, "").empty());
  }
  CHECK(fault_of(Takes::log_query, R"({"name":"s","lines":null,"stream":null,"follow":null})").empty());
  LogQuery query = log_query(R"({"name":"s","lines":null,"stream":null,"follow":null})");
  CHECK_FALSE(query.lines);
  CHECK_FALSE(query.stream);
  CHECK_FALSE(query.follow);
}
