// The parts of bus-serve that are pure: requests as environments, output as results, how groups end, back-off.
#include <csignal>
#include <string>

#include "consumer/cli/group_end.h"
#include "consumer/cli/patterns.h"
#include "consumer/cli/restart_delay.h"
#include "consumer/cli/serve_reply.h"
#include "consumer/cli/serve_request.h"
#include "consumer/cli/stderr_tail.h"
#include "consumer/cli/text.h"
#include "tests/support/catch.h"

using namespace bus::cli;
using namespace std::chrono_literals;

namespace {

busd_text busd_text_of(std::string_view text) { return {text.data(), text.size()}; }

std::string value_of(const Variables& variables, std::string_view name) {
  for (const auto& variable : variables) {
    if (variable.first == name) return variable.second;
  }
  return "(none)";
}

// The result, or the code and the message of the error.
std::string said(const ServeReply& reply) {
  return reply.failed() ? reply.code + ": " + reply.message + " " + reply.data : reply.result;
}

constexpr int exit_status(int code) { return code << 8; }

}  // namespace

TEST_CASE("A request is a line and an environment") {
  auto raw = BUSD_INIT(busd_request);
  raw.task = busd_text_of("math.add");
  raw.args = busd_text_of(R"({"a": 1.10})");
  raw.source = busd_text_of("ci");
  raw.pid = 42;
  raw.uid = 1000;
  raw.timeout_ms = 4998;
  raw.stream = 1;
  ServeRequest request = request_of(7, raw);
  CHECK(request.number == 7);
  CHECK(request.args == R"({"a": 1.10})");
  CHECK(request.stream);
  Variables variables = variables_of(request, true);
  CHECK(value_of(variables, "BUSD_TASK") == "math.add");
  CHECK(value_of(variables, "BUSD_CALLER_PID") == "42");
  CHECK(value_of(variables, "BUSD_CALLER_UID") == "1000");
  CHECK(value_of(variables, "BUSD_CALLER_SOURCE") == "ci");
  CHECK(value_of(variables, "BUSD_TIMEOUT_MS") == "4998");
  CHECK(value_of(variables, "BUSD_STREAM") == "1");

  // What there is not is empty, and not inherited.
  raw.source = busd_text_of("");
  raw.timeout_ms = 0;
  variables = variables_of(request_of(8, raw), false);
  CHECK(value_of(variables, "BUSD_CALLER_SOURCE").empty());
  CHECK(value_of(variables, "BUSD_TIMEOUT_MS").empty());
  CHECK(value_of(variables, "BUSD_STREAM").empty());
}

TEST_CASE("What a command printed is one JSON value, else a string, else null") {
  CHECK(said(reply_of_output("{\"a\": 1.10}\n")) == "{\"a\": 1.10}");
  CHECK(said(reply_of_output("{\n  \"a\": \"x\\ny\"\n}\n")) == "{   \"a\": \"x\\ny\" }");
  CHECK(said(reply_of_output("")) == "null");
  CHECK(said(reply_of_output("\n")) == "null");
  CHECK(said(reply_of_output("\r\n")) == "null");
  CHECK(said(reply_of_output("\n\n")) == R"("\n")");
  CHECK(said(reply_of_output("two\nlines\n")) == R"("two\nlines")");
  CHECK(said(reply_of_output("text\r\n")) == R"("text")");
  CHECK(said(reply_of_output("1 2\n")) == R"("1 2")");
  CHECK(said(reply_of_output("{\"a\":1}\n{\"a\":2}\n")) == R"("{\"a\":1}\n{\"a\":2}")");
  CHECK(said(reply_of_output("a\xFF")) == "bad_result: byte 2 of what the command printed is not UTF-8 ");
  CHECK(said(reply_of_output(std::string("a\0b", 3))) == R"("a\u0000b")");
  CHECK(said(reply_of_output(std::string("1\0", 2))) == R"("1\u0000")");
}

TEST_CASE("A line that is empty is the empty string") {
  CHECK(said(reply_of_line("")) == R"("")");
  CHECK(said(reply_of_line("null")) == "null");
  CHECK(said(reply_of_line("text")) == R"("text")");
  CHECK(said(reply_of_line("\xFF")) == "bad_result: byte 1 of what the command printed is not UTF-8 ");
}

TEST_CASE("How a command ended is in the data of its error, and its last words are the message") {
  CHECK(said(reply_of_end(exit_status(3), "why")) == R"(failed: why {"exit":3})");
  CHECK(said(reply_of_end(exit_status(3), "")) == R"(failed: the command ended with status 3 {"exit":3})");
  CHECK(said(reply_of_end(SIGKILL, "")) == R"(failed: the command was ended by signal 9 {"signal":9})");
  CHECK(said(reply_of_end(exit_status(1), "a\x1b[1m\xFF")) == R"(failed: a\x1b[1m\xff {"exit":1})");
  CHECK(said(reply_of_early_end(exit_status(0), "")) ==
        R"(failed: the command ended with status 0 before it answered {"exit":0})");
  CHECK(said(reply_of_early_end(SIGSEGV, "")) ==
        R"(failed: the command was ended by signal 11 before it answered {"signal":11})");
}

TEST_CASE("One JSON value is told from text that only begins like it") {
  for (std::string_view json : {"1", "-0", "1e400", "-1.5E+10", " [1, {\"a\": null}] ", "\"\\ud800\"", "true",
                                "{}", "\"\"", "12345678901234567890123"}) {
    INFO(json);
    CHECK(said(reply_of_line(json)) == json);
  }
  for (std::string_view text :
       {"",    " ",  "01",   "-",          "1.",  ".5",   "1e",  "1e+", "+1",       "2026-11-30", "10.0.0.1",
        "1 2", "[1", "[1,]", "{\"a\":01}", "nul", "True", "NaN", "'a'", "\"a\nb\"", "\"a",        "1 //"}) {
    INFO(text);
    std::string as_string;
    append_json_string(as_string, text);
    CHECK(said(reply_of_line(text)) == as_string);
  }
}

TEST_CASE("A group ends step by step, with a grace between, and each step comes once") {
  using Step = GroupEnd::Step;
  GroupEnd::Clock::time_point start{};
  GroupEnd end(100ms);
  CHECK(end.due(start) == Step::none);
  CHECK_FALSE(end.deadline());
  CHECK_FALSE(end.begun());

  SECTION("from the end of its input") {
    end.begin_with_input(start);
    CHECK(end.begun());
    CHECK(end.due(start) == Step::close_input);
    CHECK(end.due(start + 99ms) == Step::none);
    CHECK_FALSE(end.signaled());
    CHECK(end.deadline() == start + 100ms);
    CHECK(end.due(start + 100ms) == Step::terminate);
    CHECK(end.signaled());
    CHECK(end.due(start + 100ms) == Step::none);
    CHECK(end.due(start + 200ms) == Step::kill);
    CHECK(end.killed());
    CHECK_FALSE(end.deadline());
    CHECK(end.due(start + 300ms) == Step::none);
  }
  SECTION("from SIGTERM") {
    end.begin(start);
    CHECK(end.due(start) == Step::terminate);
    end.begin(start + 50ms);
    end.begin_with_input(start + 50ms);
    CHECK(end.due(start + 99ms) == Step::none);
    CHECK(end.due(start + 100ms) == Step::kill);
    end.begin(start + 100ms);
    CHECK(end.due(start + 300ms) == Step::none);
    CHECK(end.killed());
  }
  SECTION("a signal does not wait for the grace of the input") {
    end.begin_with_input(start);
    CHECK(end.due(start) == Step::close_input);
    end.begin(start + 10ms);
    CHECK(end.due(start + 10ms) == Step::terminate);
    CHECK(end.deadline() == start + 110ms);
  }
}

TEST_CASE("A co-process that dies again and again is started ever later, until it has worked") {
  RestartDelay::Clock::time_point now{};
  RestartDelay delay;
  CHECK(delay.not_before() <= now);
  delay.ended(now);
  CHECK(delay.not_before() == now);
  for (auto wanted : {100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 6400ms, 10000ms, 10000ms}) {
    delay.ended(now);
    CHECK(delay.not_before() == now + wanted);
  }
  delay.worked();
  delay.ended(now);
  CHECK(delay.not_before() == now);
  delay.ended(now);
  CHECK(delay.not_before() == now + 100ms);
}

TEST_CASE("stderr passes on by whole lines, and the last one that says something is remembered") {
  StderrTail tail;
  std::string out;
  tail.take("one\ntw", out);
  CHECK(out == "one\n");
  CHECK(tail.last_line() == "one");
  tail.take("o\n  \n", out);
  CHECK(out == "one\ntwo\n  \n");
  CHECK(tail.last_line() == "two");
  tail.take("10 %\r20 %\r", out);
  CHECK(out == "one\ntwo\n  \n10 %\r20 %\r");
  tail.take("  rest\t", out);
  CHECK(out == "one\ntwo\n  \n10 %\r20 %\r");
  tail.finish(out);
  CHECK(out == "one\ntwo\n  \n10 %\r20 %\r  rest\t\n");
  CHECK(tail.last_line() == "rest");
  tail.finish(out);
  CHECK(out.ends_with("rest\t\n"));
  tail.forget();
  CHECK(tail.last_line().empty());
}

TEST_CASE("A line of stderr passes whole, and is remembered up to a limit") {
  StderrTail tail;
  std::string out;
  std::string line(3 * StderrTail::kMostLineBytes, 'x');
  for (char c : line) tail.take({&c, 1}, out);
  CHECK(out == line);
  tail.take("\nnext", out);
  CHECK(out == line + "\n");
  CHECK(tail.last_line() == line.substr(0, StderrTail::kMostLineBytes));
  tail.finish(out);
  CHECK(out == line + "\nnext\n");
  std::string exact(StderrTail::kMostLineBytes, 'y');
  out.clear();
  tail.take(exact + "\n", out);
  CHECK(out == exact + "\n");
  CHECK(tail.last_line() == exact);
}

TEST_CASE("A task that is provided is a name or a pattern of the hub") {
  for (std::string_view task : {"a", "math.add", "math.*", "*", "c++", "items[0]", "a b"}) {
    INFO(task);
    CHECK(task_fault(task).empty());
  }
  CHECK(
      task_fault("math*") ==
      R"("math*" would be asked for by nobody; "math.*" is every task below "math" (--literal takes it as it is))");
  CHECK(task_fault("*.add") ==
        R"("*.add" would be asked for by nobody; "*" is every task (--literal takes it as it is))");
  CHECK(task_fault("a,b").starts_with("\"a,b\" reads as a list of tasks; name them one after the other"));
  CHECK(task_fault(" a").starts_with("\" a\" begins or ends with a space"));
  CHECK(task_fault("math.").starts_with("\"math.\" would be asked for by nobody; \"math.*\""));
}
