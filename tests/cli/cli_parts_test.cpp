// The parts of the command-line programs that are pure: text, lines, numbers of lines, names of files, near
// misses, tables.
#include <string>
#include <unistd.h>
#include <vector>

#include "consumer/cli/bad_input.h"
#include "consumer/cli/command_line.h"
#include "consumer/cli/event_files.h"
#include "consumer/cli/explanation.h"
#include "consumer/cli/line_reader.h"
#include "consumer/cli/patterns.h"
#include "consumer/cli/publish_session.h"
#include "consumer/cli/readable.h"
#include "consumer/cli/source_text.h"
#include "consumer/cli/split_value.h"
#include "consumer/cli/status_report.h"
#include "consumer/cli/status_table.h"
#include "consumer/cli/text.h"
#include "tests/support/catch.h"

using namespace bus::cli;

TEST_CASE("Durations are a whole number and a unit") {
  using std::chrono::milliseconds;
  CHECK(parse_duration("500ms") == milliseconds(500));
  CHECK(parse_duration("2s") == milliseconds(2000));
  CHECK(parse_duration("10m") == milliseconds(600'000));
  CHECK(parse_duration("1h") == milliseconds(3'600'000));
  CHECK(parse_duration("0s") == milliseconds(0));
  for (const char* bad :
       {"", "5", "s", "-1s", "+1s", "1.5s", " 1s", "1 s", "1d", "1S", "99999999999999999999s", "9000h"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_duration(bad).has_value());
  }
  CHECK(parse_duration("8784h").has_value());
  CHECK_FALSE(parse_duration("8785h").has_value());
  CHECK(parse_long_duration("7d") == std::chrono::hours(168));
  CHECK(parse_long_duration("500ms") == milliseconds(500));
  CHECK(parse_long_duration("3650d") == milliseconds(315'360'000'000));
  CHECK_FALSE(parse_long_duration("3651d").has_value());
  CHECK(long_duration_fault("87601h") == "\"87601h\" is longer than ten years, which are 3650d");
  CHECK(long_duration_fault("1w").find("ms, s, m, h or d") != std::string::npos);
}

TEST_CASE("Text is cut at columns, not inside characters") {
  CHECK(cut_to_columns("abcdef", 6) == "abcdef");
  CHECK(cut_to_columns("abcdef", 5) == "abcd…");
  CHECK(cut_to_columns("äöüäöü", 4) == "äöü…");
  CHECK(cut_to_columns("abc", 0).empty());
}

TEST_CASE("Text is wrapped at spaces, and a longer word has a line of its own") {
  using Lines = std::vector<std::string>;
  CHECK(wrapped("a bc def", 4) == Lines{"a bc", "def"});
  CHECK(wrapped("a bc def", 5) == Lines{"a bc", "def"});
  CHECK(wrapped("ä öü", 4) == Lines{"ä öü"});
  CHECK(wrapped("a longest b", 3) == Lines{"a", "longest", "b"});
  CHECK(wrapped("a  b", 80) == Lines{"a  b"});
  CHECK(wrapped("", 80) == Lines{""});
}

TEST_CASE("The list of sources fits a narrow terminal: it does without columns, and the last has its room") {
  const std::string list =
      R"({"sources":[{"name":"a-source-with-quite-a-long-name","state":"backoff","run":4,"restarts":3,"up_ms":0,)"
      R"("rss_bytes":1048576,"published":12345,"wanted_by":{"events":true,"requests":0},"next_try_ms":2000,)"
      R"("exit":{"code":3,"seconds":1,"reason":"exit status 3","stderr":"no such device"}}]})";
  auto text_of = [&](std::optional<size_t> columns) { return joined(*source_table(list, columns), false); };
  CHECK(text_of(std::nullopt) ==
        "NAME                             STATE    PID  UP  RESTARTS      RSS  PUBLISHED  WANTED  LAST\n"
        "a-source-with-quite-a-long-name  backoff    -   -         3  1.0 MiB      12345  events  "
        "again in 2.0s: exit status 3: no such device\n");
  CHECK(text_of(100) ==
        "NAME                      STATE    PID  UP  RESTARTS  PUBLISHED  WANTED  LAST\n"
        "a-source-with-quite-a-l…  backoff    -   -         3     12 345  events  again in 2.0s: exit "
        "status…\n");
  CHECK(text_of(80) ==
        "NAME                      STATE    UP  PUBLISHED  WANTED  LAST\n"
        "a-source-with-quite-a-l…  backoff   -     12 345  events  again in 2.0s: exit s…\n");
  CHECK(text_of(60) ==
        "NAME                STATE    WANTED  LAST\n"
        "a-source-with-qui…  backoff  events  again in 2.0s: exit st…\n");
}

TEST_CASE("The time of a line of a log has its date, unless that is today's") {
  constexpr uint64_t kNoon = 1'700'049'600'123;  // 2023-11-15 12:00:00.123 UTC
  constexpr uint64_t kDay = 86'400'000;
  std::string today = time_text(kNoon, kNoon + 1000);
  CHECK(today.size() == 12);
  CHECK(today.substr(8) == ".123");
  CHECK(time_text(kNoon, kNoon + kDay).substr(0, 8) == "2023-11-");
  CHECK(time_text(kNoon, kNoon + kDay).substr(11) == today);
  CHECK(time_text(kNoon, kNoon + 366 * kDay).size() == 23);
  CHECK(log_text(R"({"n":1,"time_ms":1700049600123,"stream":"stderr","run":2,"line":"x"})", kNoon) ==
        today + " 2 stderr| x");
}

TEST_CASE("A JSON string escapes what must be escaped and nothing else") {
  std::string out;
  append_json_string(out, std::string_view("a\"b\\c\n\t\r\x01\x1f/ä\0z", 15));
  CHECK(out == "\"a\\\"b\\\\c\\n\\t\\r\\u0001\\u001f/ä\\u0000z\"");
}

TEST_CASE("Line ends between tokens are joined, those in strings are left as the faults they are") {
  std::string json = "{\n\"a\\\"\n\":\r\n1}";
  join_json_lines(json);
  CHECK(json == "{ \"a\\\"\n\":  1}");
}

TEST_CASE("Numbers are grouped by thousands") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1 000");
  CHECK(grouped(18446744073709551615ULL) == "18 446 744 073 709 551 615");
}

TEST_CASE("One thing is not several") {
  CHECK(counted(0, "line") == "0 lines");
  CHECK(counted(1, "line") == "1 line");
  CHECK(counted(2, "line") == "2 lines");
}

TEST_CASE("Bytes and times are readable") {
  CHECK(readable_bytes(1023) == "1023 B");
  CHECK(readable_bytes(1024) == "1.0 KiB");
  CHECK(readable_bytes(1048575) == "1.0 MiB");
  CHECK(readable_bytes(8388608) == "8.0 MiB");
  CHECK(readable_seconds(59) == "59s");
  CHECK(readable_seconds(60) == "1m 00s");
  CHECK(readable_seconds(3600) == "1h 00m");
  CHECK(readable_seconds(86400) == "1d 00h");
}

namespace {

// Feeds `text` through a pipe in pieces of `piece` bytes; lines as "number:text", too long ones as "number!".
std::vector<std::string> lines_of(const std::string& text, size_t piece, size_t max_bytes) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  LineReader reader(max_bytes);
  std::vector<std::string> lines;
  auto take = [&] {
    while (auto line = reader.next()) {
      lines.push_back(std::to_string(line->number) + (line->too_long ? "!" : ":" + std::string(line->text)));
    }
  };
  for (size_t at = 0; at < text.size(); at += piece) {
    std::string part = text.substr(at, piece);
    REQUIRE(write(ends[1], part.data(), part.size()) == static_cast<ssize_t>(part.size()));
    REQUIRE(reader.fill(ends[0]) == LineReader::Read::data);
    take();
  }
  close(ends[1]);
  REQUIRE(reader.fill(ends[0]) == LineReader::Read::end);
  take();
  close(ends[0]);
  return lines;
}

}  // namespace

TEST_CASE("Lines are the same however they arrive") {
  std::string text = "one\n\ntwo\r\n1234567\n12345678\r\n123456789\n" + std::string(40, 'x') + "\nend";
  std::vector<std::string> wanted{"1:one", "2:", "3:two", "4:1234567", "5:12345678", "6!", "7!", "8:end"};
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    CAPTURE(piece);
    CHECK(lines_of(text, piece, 8) == wanted);
  }
  CHECK(lines_of("", 1, 8).empty());
  CHECK(lines_of("a\n", 1, 8) == std::vector<std::string>{"1:a"});
  CHECK(lines_of(std::string(20, 'x'), 3, 8) == std::vector<std::string>{"1!"});
}

TEST_CASE("Publications are traced back to lines across skipped ones") {
  LineMap map;
  // Lines 3 and 4 were skipped, and line 7.
  uint64_t publication = 0;
  for (uint64_t line : std::vector<uint64_t>{1, 2, 5, 6, 8, 9}) map.add(++publication, line);
  CHECK(map.line_of(1) == 1);
  CHECK(map.line_of(2) == 2);
  CHECK(map.line_of(3) == 5);
  CHECK(map.line_of(4) == 6);
  CHECK(map.line_of(5) == 8);
  CHECK(map.line_of(6) == 9);
  map.forget_up_to(4);
  map.add(7, 10);
  CHECK(map.line_of(5) == 8);
  CHECK(map.line_of(7) == 10);
}

TEST_CASE("File names hold nothing of an id but plain characters") {
  CHECK(event_file_stem(1763713317123, 42, "e-1.x_y") == "1763713317123-00000042-e-1.x_y");
  CHECK(event_file_stem(1, 123456789, "../a b/\n\xc3\xa4") == "0000000000001-123456789-.._a_b____");
  CHECK(event_file_stem(1, 1, std::string(300, 'a')).size() == 13 + 1 + 8 + 1 + 64);
}

TEST_CASE("Entries match as the hub matches them") {
  CHECK(entry_matches("*", "a"));
  CHECK(entry_matches("a.b", "a.b"));
  CHECK(entry_matches("a.*", "a.b.c"));
  CHECK_FALSE(entry_matches("a.*", "a."));
  CHECK_FALSE(entry_matches("a.*", "a"));
  CHECK_FALSE(entry_matches("a.*", "ab.c"));
  CHECK_FALSE(entry_matches("a*", "ab"));
  CHECK(entry_matches("a*", "a*"));
}

TEST_CASE("Entries in the syntax of other systems are refused, with the pattern that would match") {
  struct Case {
    const char* entry;
    const char* named;
  };
  for (const Case& each : std::vector<Case>{{"build*", "\"build.*\""},
                                            {"build**", "\"build.*\""},
                                            {"build.**", "\"build.*\""},
                                            {"*.done", "\"*\""},
                                            {"a.*.c", "\"a.*\""},
                                            {"a.*.*", "\"a.*\""},
                                            {".*", "\"*\""},
                                            {"build.>", "\"build.*\""},
                                            {">", "\"*\""},
                                            {"build/#", "\"build.*\""},
                                            {"a.#", "\"a.*\""},
                                            {"#", "\"*\""},
                                            {"+", "\"*\""},
                                            {"a/+/c", "\"a.*\""},
                                            {"build?", "\"build.*\""},
                                            {"build.[ab]", "\"build.*\""},
                                            {"a.{b}", "\"a.*\""},
                                            {"^build", "\"*\""},
                                            {"build$", "\"build.*\""},
                                            {"build\\.done", "\"build.*\""},
                                            {"build.", "\"build.*\""},
                                            {"build.%", "\"build.*\""},
                                            {"build:*", "no event; \"*\" matches"},
                                            {"build..*", "\"build.*\""},
                                            {"a,b", "once for each"},
                                            {"a|b", "once for each"},
                                            {" build", "space"},
                                            {"build ", "space"}}) {
    CAPTURE(each.entry);
    CHECK(entry_fault(each.entry).find(each.named) != std::string::npos);
    CHECK(entry_fault(each.entry).find("--literal") != std::string::npos);
    CHECK_FALSE(type_fault(each.entry).empty());
    for (const std::string& declared : {declared_entry_fault(each.entry), declared_task_fault(each.entry),
                                        declared_type_fault(each.entry)}) {
      CHECK(declared.find("--") == std::string::npos);
      CHECK(declared.find("no event") == std::string::npos);
    }
  }
}

TEST_CASE("Names that are only unusual are types, and the hub's patterns are entries") {
  for (const char* type : {"build",       "im.message.receive_v1",
                           "a:b",         "a/b",
                           "a/b.c",       "a->b",
                           "a.>b",        "c++",
                           "c#",          "issue#12",
                           "items[0]",    "50%",
                           "$HOME",       "a^b",
                           "empty space", "käse.日本",
                           "a-b_c",       ".hidden",
                           "a..b",        "a=b@c",
                           "x(y)",        "what!",
                           "~",           "&",
                           "it's"}) {
    CAPTURE(type);
    CHECK(entry_fault(type).empty());
    CHECK(type_fault(type).empty());
  }
  for (const char* pattern : {"*", "a.*", "a.b.*", "items[0].*", "c++.*"}) {
    CAPTURE(pattern);
    CHECK(entry_fault(pattern).empty());
    CHECK_FALSE(type_fault(pattern).empty());
  }
}

TEST_CASE("JSON that does not end on its line is told from other bad lines") {
  for (const char* text : {"{", "[", "  {\"a\":", "{\"a\": \"}", "\"text", "[{}", "\xEF\xBB\xBF{"}) {
    CAPTURE(text);
    CHECK(is_unfinished_json(text));
  }
  for (const char* text :
       {"", " ", "{}", "[1]", "}", "]", "1", "nope", "say \"hi", "\"a\"", "{\"a\":\"[\"}", "}{"}) {
    CAPTURE(text);
    CHECK_FALSE(is_unfinished_json(text));
  }
  for (const char* text :
       {"garbage \033[31m", "see [", "[31m red", "{not json", "\"a\": {", "[1 2", "{\"a\" ["}) {
    CAPTURE(text);
    CHECK_FALSE(is_unfinished_json(text));
  }
}

TEST_CASE("Pieces of a value over several lines are told from values of their own") {
  struct Case {
    std::vector<const char*> lines;
    size_t pieces;
  };
  for (const Case& each : std::vector<Case>{{{"{", "  \"a\": 1", "}", "{}"}, 3},
                                            {{"{", "", "\"a\": {", "}", "}", "1"}, 5},
                                            {{"[", "{\"a\":1},", "{\"b\":2}", "]", "3"}, 4},
                                            {{"{\"n\":1,", "{\"n\":2}"}, 1},
                                            {{"{\"n\":", "{\"n\":2}"}, 1},
                                            {{"[1,", "2", "3"}, 2},
                                            {{"[1", "2"}, 1},
                                            {{"[", "}"}, 1},
                                            {{"{\"a\": \"cut", "1"}, 0},
                                            {{"nope", "1"}, 0},
                                            {{"[1]", "2"}, 0}}) {
    SplitValue value;
    size_t pieces = 0;
    for (const char* line : each.lines) {
      if (value.open() ? !value.take(line) : pieces > 0 || !value.begin(line)) break;
      ++pieces;
    }
    CAPTURE(each.lines.front(), each.lines.back());
    CHECK(pieces == each.pieces);
    CHECK_FALSE(value.open());
  }
  SplitValue deep;
  CHECK_FALSE(deep.begin(std::string(100'000, '[')));
}

TEST_CASE("UTF-16 is told from text with a zero byte") {
  CHECK(is_utf16(std::string_view("{\0\"\0a\0", 6)));
  CHECK(is_utf16(std::string_view("\0{\0}\0", 5)));
  CHECK(is_utf16("\xFF\xFE"));
  CHECK_FALSE(is_utf16(std::string_view("\"one zero\0\"", 11)));
  CHECK_FALSE(is_utf16(""));
}

TEST_CASE("An explanation is read and shown, whatever names and reasons hold") {
  auto event = parse_event_explanation(
      R"({"event_type":"a\u001b","reached":1,"connected":3,"unmatched":[{"event_type":"b","count":2}],)"
      R"("consumers":[{"pid":1,"kernel_pid":2,"event_key":"k","gets":true,"why":"subscribed to it"},)"
      R"({"pid":3,"event_key":"l\n","nearly":true,"why":"entry \"b\u001b\" …"}],"left_out":1})");
  REQUIRE(event.has_value());
  std::string text = joined(explanation_table(*event, std::nullopt), false);
  CHECK(text.find("\x1b") == std::string::npos);
  CHECK(text.find(" would reach 1 of 3 consumers\n") != std::string::npos);
  CHECK(text.find("yes      k") != std::string::npos);
  CHECK(text.find("1 (2)") != std::string::npos);
  CHECK(text.find("2 events of type \"b\" matched no consumer so far; is that the type you meant?\n") !=
        std::string::npos);
  CHECK(text.find("The list is incomplete: 1 more did not fit") != std::string::npos);

  auto task = parse_task_explanation(
      R"({"task":"t","outcome":"given","waiting":2,"providers":[{"pid":5,"provides":"t","slots":4,"open":1,)"
      R"("chosen":true,"why":"it would be given the call now"}]})");
  REQUIRE(task.has_value());
  text = joined(explanation_table(*task, std::nullopt), false);
  CHECK(text.find("a call of \"t\" would go to pid 5; 2 calls wait\n") == 0);
  CHECK(text.find("it would be given the call now\n") != std::string::npos);
  for (const auto& [outcome, said] :
       {std::pair<std::string, std::string>{"waits", "a call of \"t\" would wait for a free slot"},
        {"hub", "the hub itself serves \"t\""},
        {"no_provider", "a call of \"t\" would end with no_provider: m"}}) {
    auto other = parse_task_explanation(R"({"task":"t","outcome":")" + outcome + R"(","message":"m"})");
    REQUIRE(other.has_value());
    CHECK(joined(explanation_table(*other, std::nullopt), false) == said + "\n");
    CHECK(other->has_provider() == (outcome != "no_provider"));
  }
  auto full = parse_task_explanation(R"({"task":"t","outcome":"waits","waiting":2,"full":true})");
  REQUIRE(full.has_value());
  CHECK(joined(explanation_table(*full, std::nullopt), false) ==
        "a call of \"t\" would wait for a free slot, or end with busy, as many calls of one user wait as "
        "may; 2 calls "
        "wait\n");
  CHECK_FALSE(parse_event_explanation("null").has_value());
  CHECK_FALSE(parse_event_explanation("{}").has_value());
  CHECK_FALSE(parse_task_explanation("[]").has_value());
  CHECK(explain_args("task", "a\"b") == R"({"task":"a\"b"})");
}

TEST_CASE("A status response is read with what it lacks as zero, and anything else is refused") {
  CHECK_FALSE(parse_status("").has_value());
  CHECK_FALSE(parse_status("[]").has_value());
  CHECK_FALSE(parse_status(R"({"type":"hello_ack"})").has_value());
  CHECK_FALSE(parse_status(std::string(300'000, '[')).has_value());
  auto old = parse_status(R"({"type":"status_response","pid":7,"uptime_sec":120,"active_conns":1,)"
                          R"("consumers":[{"pid":9,"event_key":"k","received":3,"dropped":0}]})");
  REQUIRE(old.has_value());
  CHECK(old->pid == 7);
  REQUIRE(old->consumers.size() == 1);
  CHECK(old->consumers[0].key == "k");
  CHECK(old->consumers[0].queued == 0);
  auto odd = parse_status(
      R"({"type":"status_response","pid":"7","consumers":[1,{"pid":1.5,"event_types":[1,"t"]}],"sources":{}})");
  REQUIRE(odd.has_value());
  CHECK(odd->pid == 0);
  REQUIRE(odd->consumers.size() == 1);
  CHECK(odd->consumers[0].event_types == std::vector<std::string>{"t"});
}

TEST_CASE("Keys and types are listed sorted and once each, whoever names them") {
  StatusReport report;
  CHECK(keys_of(report).empty());
  CHECK(types_of(report).empty());
  for (const char* key : {"b", "a", "b"}) {
    ConsumerReport consumer;
    consumer.key = key;
    consumer.event_types = {"z.*", "m"};
    report.consumers.push_back(consumer);
  }
  report.unmatched_types = {{"m", 1}, {"c", 2}};
  CHECK(keys_of(report) == std::set<std::string>{"a", "b"});
  CHECK(types_of(report) == std::set<std::string>{"c", "m", "z.*"});
}

TEST_CASE("The table shows every part, and is cut to the terminal") {
  StatusReport report;
  report.pid = 7;
  report.version = "1.2.3";
  report.socket = "/run/x.sock";
  report.uptime_sec = 61;
  report.published = 12345;
  ConsumerReport slow;
  slow.pid = 9;
  slow.kernel_pid = 10;
  slow.key = "key";
  slow.event_types = {"a", "b.*"};
  slow.received = 30;
  slow.dropped = 5;
  slow.queued = 20;
  slow.queued_bytes = 2048;
  slow.program = "evil\x1b[m";
  report.consumers.push_back(slow);
  report.sources.push_back({"clock", "connected", 11, 13, 4, 250, "ticker"});
  report.locks.push_back({"scope", 12, 1500, 2, "", ""});
  report.unmatched_types.push_back({"x.y", 3});
  report.memory_bytes = 9 << 20U;
  report.memory_limit_bytes = 512 << 20U;
  report.longest_callback_us = 1234;
  report.pools.push_back({"queues", 1 << 20U, 2 << 20U, 3});
  report.pools.push_back({"replies", 1, 2, 0});
  report.truncated = true;
  CHECK(joined(status_table(report, std::nullopt), false) ==
        "hub     pid 7  version 1.2.3  up 1m 01s  /run/x.sock\n"
        "events  12345 published  0 delivered  0 dropped  0 duplicates  0 unmatched  0 refused\n"
        "memory  9.0 MiB of 512.0 MiB  event loop busy for at most 1.2 ms\n"
        "        the pool \"queues\" was full 3 times; it now uses 1.0 MiB of 2.0 MiB\n"
        "\n"
        "SOURCE  STATE          PID  PROGRAM  PUBLISHED  LAST EVENT\n"
        "clock   connected  11 (13)  ticker           4    0.2s ago\n"
        "\n"
        "CONSUMER KEY     PID  PROGRAM     RECEIVED  DROPPED  LAG    QUEUE  UP  TYPES\n"
        "key           9 (10)  evil\\x1b[m        30        5   20  2.0 KiB  0s  a b.*\n"
        "\n"
        "CLEAN-UP LOCK  PID  PROGRAM  HELD FOR  WAITING  TASK\n"
        "scope           12  -            1.5s        2  -\n"
        "\n"
        "UNMATCHED TYPE  EVENTS\n"
        "x.y                  3\n"
        "The lists are incomplete: the hub's answer did not fit one frame.\n");
  for (const TableLine& line : status_table(report, 30)) CHECK(columns_of(line.text) <= 30);
  // Digits are grouped for people alone: programs read a pipe.
  CHECK(joined(status_table(report, 200), false).find("events  12 345 published") != std::string::npos);
  std::string painted = joined(status_table(report, std::nullopt), true);
  CHECK(painted.find("\x1b[33mkey ") != std::string::npos);
}

TEST_CASE("The list of sources says why one does not run, and not how many events pass elsewhere") {
  auto last_of = [](const std::string& members) {
    auto lines = source_table(R"({"sources":[{"name":"s",)" + members + "}]}", std::nullopt);
    REQUIRE(lines);
    REQUIRE(lines->size() == 2);
    std::string heading = lines->front().text;
    return lines->back().text.substr(heading.find("LAST"));
  };
  CHECK(last_of(R"("state":"idle")") == "-");
  CHECK(last_of(R"("why":"stopped by name","exit":{"signal":15,"reason":"stopped"})") == "stopped by name");
  CHECK(last_of(R"("why":"stopped by name","exit":{"signal":9,"reason":"stopped: killed by SIGKILL"})") ==
        "stopped by name: killed by SIGKILL");
  CHECK(last_of(R"("why":"asked to stay down","exit":{"code":125,"reason":"exit status 125"})") ==
        "asked to stay down: exit status 125");
  CHECK(last_of(R"("why":"start = manual")") == "start = manual");
  CHECK(last_of(R"("exit":{"code":0})") == "ended in order");
  auto lines = source_table(R"({"sources":[{"name":"s","state":"running","restarts":0}]})", std::nullopt);
  REQUIRE(lines);
  size_t column = lines->front().text.find("PUBLISHED") + std::string("PUBLISHED").size() - 1;
  CHECK(lines->back().text[column] == '-');
}

TEST_CASE("A long line of a log is cut in the status of its source") {
  auto lines = source_details(R"({"name":"s","log":[{"time_ms":0,"run":1,"stream":"stderr","line":")" +
                                  std::string(4000, 'x') + R"("}]})",
                              std::nullopt, 0);
  REQUIRE(lines);
  std::string text = joined(*lines, false);
  CHECK(text.size() < 1000);
  CHECK(text.find("xxx…\n") != std::string::npos);
}

TEST_CASE("The status of a source has its settings, and says which limits are not in force") {
  auto text_of_status = [](const std::string& members) {
    auto lines = source_details(R"({"name":"s",)" + members + "}", std::nullopt, 0);
    REQUIRE(lines);
    return joined(*lines, false);
  };
  auto has = [](const std::string& text, const std::string& line) {
    CAPTURE(text);
    CHECK(("\n" + text).find("\n" + line + "\n") != std::string::npos);
  };
  std::string text = text_of_status(
      R"("state":"idle","why":"stopped by name","run":2,"restarts":1,"up_ms":0,"wish":"down","start":"demand",)"
      R"("restart":"never","every_ms":5000,"format":"text","connection":"socket","log_file":"/l",)"
      R"("limits":{"linger_ms":10000,"stop_timeout_ms":5000,"log_bytes":262144,"memory_max":1048576,"nice":3},)"
      R"("complaints":["memory-max is not in force: cgroups are off"])");
  has(text, "state       idle, stopped by name");
  has(text, "run         2, restarts 1");
  has(text, "start       demand, restart never");
  has(text, "settings    every 5.0s, format text, connection socket, log-file /l");
  has(text,
      "limits      linger 10.0s, stop-timeout 5.0s, log-bytes 256.0 KiB, memory-max 1.0 MiB "
      "(not in force: cgroups are off), nice 3");
  has(text, "lines       published -, refused 0, skipped 0, log 0");
  has(text_of_status(
          R"("state":"running","wish":"up","start":"demand","restart":"on-failure","run":1,"up_ms":1500)"),
      "start       demand, runs until it is stopped by name, restart on-failure");
}
