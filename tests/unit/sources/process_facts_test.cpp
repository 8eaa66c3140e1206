#include "consumer/sources/process_facts.h"

#include <unistd.h>

#include "tests/support/catch.h"

using namespace bus::sources;

namespace {

std::string stat_line(const std::string& name) {
  return "4711 (" + name +
         ") S 12 4700 4600 34816 4711 4194304 100 200 3 4 11 22 33 44 20 0 1 0 987654 1000000 500 "
         "18446744073709551615\n";
}

}  // namespace

TEST_CASE("A process' parent, group, session and times are read, whatever its name holds", "[facts]") {
  for (const char* name : {"sh", "", "a b", ") (", ") S 1 1 1", "(((", "))) R 0", "tab\tand\nnewline"}) {
    CAPTURE(name);
    auto facts = parse_stat(stat_line(name));
    REQUIRE(facts);
    CHECK(facts->pid == 4711);
    CHECK(facts->state == 'S');
    CHECK(facts->parent == 12);
    CHECK(facts->group == 4700);
    CHECK(facts->session == 4600);
    CHECK(facts->cpu_ticks == 11 + 22 + 33 + 44);
    CHECK(facts->start_ticks == 987654);
  }
}

TEST_CASE("A line of stat that is cut anywhere is no process", "[facts]") {
  std::string line = stat_line("sh");
  size_t whole = line.find(" 1000000");
  for (size_t length = 0; length < whole - 6; ++length) CHECK_FALSE(parse_stat(line.substr(0, length)));
  CHECK(parse_stat(line.substr(0, whole)));
  CHECK_FALSE(parse_stat("x (sh) S 1 2 3"));
  CHECK_FALSE(parse_stat(stat_line("sh").replace(12, 2, "no")));
}

TEST_CASE("A mark says of which bus-sources and of which run it is", "[facts]") {
  uint64_t mark = make_mark(0xFFFFFFFF, 7);
  CHECK(serial_of(mark) == 7);
  CHECK(is_mark_of(mark, 0xFFFFFFFF));
  CHECK_FALSE(is_mark_of(mark, 0xFFFFFFFE));
  CHECK_FALSE(is_mark_of(0, 0));
  CHECK(is_mark_of(make_mark(0, 0), 0));
  // What is no limit is never one, and neither is one that somebody could mean.
  CHECK(mark < UINT64_MAX);
  CHECK(make_mark(0, 0) > 100ULL * 365 * 24 * 3600 * 1'000'000);
}

TEST_CASE("A mark is found among the limits of a process", "[facts]") {
  std::string mark = std::to_string(make_mark(1, 2));
  std::string before =
      "Limit                     Soft Limit           Hard Limit           Units     \n"
      "Max cpu time              unlimited            unlimited            seconds   \n";
  std::string label = "Max realtime timeout      ";
  CHECK(mark_in_limits(before + label + mark + "  " + mark + "  us        \n") == make_mark(1, 2));
  // The soft one may be lowered.
  CHECK(mark_in_limits(before + label + "200000               " + mark + "  us\n") == make_mark(1, 2));
  CHECK(mark_in_limits(before + label + "unlimited            unlimited            us        \n") == 0);
  CHECK(mark_in_limits(before + label + "200000               200000               us        \n") == 0);
  CHECK(mark_in_limits(before) == 0);
  CHECK(mark_in_limits(before + label) == 0);
  CHECK(mark_in_limits("") == 0);
}

TEST_CASE("A mark is found in the environment of a process", "[facts]") {
  std::string mark = std::to_string(make_mark(1, 2));
  std::string entry = "BUSD_SOURCE_RUN=" + mark;
  std::string nul(1, '\0');
  CHECK(mark_in_environment(entry + nul) == make_mark(1, 2));
  CHECK(mark_in_environment("A=b" + nul + nul + entry + nul + "C=d" + nul) == make_mark(1, 2));
  CHECK(mark_in_environment("A=b" + nul + entry) == make_mark(1, 2));
  CHECK(mark_in_environment("X" + entry + nul) == 0);
  CHECK(mark_in_environment("A=" + entry + nul) == 0);
  CHECK(mark_in_environment("BUSD_SOURCE_RUN=" + nul) == 0);
  CHECK(mark_in_environment("BUSD_SOURCE_RUN" + nul) == 0);
  CHECK(mark_in_environment("BUSD_SOURCE_RUN=12" + nul) == 0);
  CHECK(mark_in_environment(entry + "0" + nul) == 0);
  CHECK(mark_in_environment("") == 0);
}

TEST_CASE("What is resident is read in pages", "[facts]") {
  CHECK(resident_in("1000 25 10 5 0 100 0\n", 4096) == 25 * 4096);
  CHECK(resident_in("1000", 4096) == 0);
  CHECK(resident_in("", 4096) == 0);
}

TEST_CASE("Children are read as numbers between blanks", "[facts]") {
  std::vector<int64_t> found = {1};
  add_numbers("12 345 6 ", found);
  add_numbers("", found);
  CHECK(found == std::vector<int64_t>{1, 12, 345, 6});
}

TEST_CASE("The facts of a process that is not there are none", "[facts]") {
  auto own = facts_of(::getpid());
  REQUIRE(own);
  CHECK(own->parent == ::getppid());
  CHECK(own->session == ::getsid(0));
  CHECK(resident_bytes_of(::getpid()) > 100'000);
  CHECK_FALSE(facts_of(0));
  CHECK_FALSE(facts_of(INT32_MAX));
  CHECK(resident_bytes_of(INT32_MAX) == 0);
  CHECK(*mark_of(INT32_MAX, 1) == 0);
}
