// The pure parts of bus-status --watch: rates from two reports, the last minute as bars, keys, rows that fit.
#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

#include "consumer/cli/fit_rows.h"
#include "consumer/cli/grid.h"
#include "consumer/cli/keys.h"
#include "consumer/cli/program_names.h"
#include "consumer/cli/rates.h"
#include "consumer/cli/sparkline.h"
#include "consumer/cli/text.h"
#include "consumer/cli/watch_table.h"
#include "tests/support/catch.h"

using namespace bus::cli;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

ConsumerReport consumer(const std::string& key, uint64_t delivered, uint64_t dropped, uint64_t age) {
  ConsumerReport out;
  out.pid = 9;
  out.key = key;
  out.delivered = delivered;
  out.dropped = dropped;
  out.connected_sec = age;
  out.delivered_bytes = delivered * 100;
  return out;
}

StatusReport report(uint64_t uptime, uint64_t published, std::vector<ConsumerReport> consumers = {}) {
  StatusReport out;
  out.pid = 7;
  out.uptime_sec = uptime;
  out.published = published;
  out.published_bytes = published * 100;
  for (const ConsumerReport& each : consumers) {
    out.delivered += each.delivered;
    out.dropped += each.dropped;
  }
  out.delivered_bytes = out.delivered * 100;
  out.consumers = std::move(consumers);
  return out;
}

std::string picture_of(const StatusReport& report, const std::optional<Rates>& rates, Viewport viewport,
                       SortOrder order = SortOrder::slowest) {
  LastMinute minute;
  return joined(watch_table({report, rates, minute, {}, order, ""}, viewport), false);
}

}  // namespace

TEST_CASE("Rates are what changed between two reports, per second") {
  StatusReport before = report(10, 100, {consumer("k", 50, 1, 5)});
  StatusReport after = report(12, 400, {consumer("k", 150, 21, 7), consumer("new", 7, 0, 0)});
  before.sources.push_back({"clock", "connected", 11, 0, 4, 250, ""});
  after.sources.push_back({"clock", "connected", 11, 0, 14, 250, ""});
  after.delivered = 150;
  after.delivered_bytes = 15'000;
  auto rates = rates_between(before, after, seconds(2));
  REQUIRE(rates.has_value());
  CHECK(rates->published == 150);
  CHECK(rates->published_bytes == 15'000);
  CHECK(rates->delivered == 50);
  CHECK(rates->delivered_bytes == 5'000);
  CHECK(rates->dropped == 10);
  REQUIRE(rates->consumers.size() == 2);
  REQUIRE(rates->consumers[0].has_value());
  CHECK(rates->consumers[0]->events == 50);
  CHECK(rates->consumers[0]->bytes == 5'000);
  CHECK(rates->consumers[0]->drops == 10);
  CHECK_FALSE(rates->consumers[1].has_value());
  CHECK(rates->sources == std::vector<std::optional<double>>{5});
}

TEST_CASE("A hub that does not count bytes has rates without bytes") {
  StatusReport before = report(10, 100);
  StatusReport after = report(11, 200);
  before.published_bytes.reset();
  after.published_bytes.reset();
  auto rates = rates_between(before, after, seconds(1));
  REQUIRE(rates.has_value());
  CHECK(rates->published == 100);
  CHECK_FALSE(rates->published_bytes.has_value());
}

TEST_CASE("There are no rates without time, and none from one hub to another") {
  StatusReport before = report(10, 100, {consumer("k", 50, 1, 5)});
  CHECK_FALSE(rates_between(before, before, seconds(0)).has_value());
  StatusReport other = before;
  other.pid = 8;
  CHECK_FALSE(rates_between(before, other, seconds(1)).has_value());
  // The pid may be the same by chance, or in another container.
  CHECK_FALSE(rates_between(before, report(3, 100, before.consumers), seconds(1)).has_value());
  CHECK_FALSE(rates_between(before, report(11, 99, before.consumers), seconds(1)).has_value());
}

TEST_CASE("A consumer that took the place of another has no rates, and never negative ones") {
  StatusReport before = report(10, 100, {consumer("k", 50, 0, 5), consumer("k", 10, 0, 5)});
  // The first one left, and one that looks the same came.
  StatusReport after = report(12, 200, {consumer("k", 90, 0, 7), consumer("k", 12, 0, 0)});
  auto rates = rates_between(before, after, seconds(2));
  REQUIRE(rates.has_value());
  CHECK(rates->consumers[0].has_value());
  CHECK_FALSE(rates->consumers[1].has_value());
  StatusReport less = report(12, 200, {consumer("k", 40, 0, 7), consumer("x", 90, 0, 1)});
  rates = rates_between(before, less, seconds(2));
  REQUIRE(rates.has_value());
  CHECK_FALSE(rates->consumers[0].has_value());
}

TEST_CASE("The meter spans about a second, however often it is fed, and begins again with a new hub") {
  RateMeter meter;
  SteadyTime start{};
  CHECK_FALSE(meter.add(report(10, 0), start));
  CHECK_FALSE(meter.rates().has_value());
  for (int i = 1; i <= 40; ++i) {
    // Ten events come at once every half second.
    auto published = static_cast<uint64_t>(i / 10 * 10);
    CHECK_FALSE(meter.add(report(10, published), start + milliseconds(50 * i)));
    REQUIRE(meter.rates().has_value());
    if (i >= 20) {
      CHECK(meter.rates()->published >= 10);
      CHECK(meter.rates()->published <= 20);
    }
  }
  CHECK(meter.add(report(0, 5), start + seconds(3)));
  CHECK_FALSE(meter.rates().has_value());
  CHECK_FALSE(meter.add(report(1, 7), start + seconds(4)));
  CHECK(meter.rates()->published == 2);
}

TEST_CASE("Who loses events now is told from who lost some earlier") {
  CHECK(loss_of(consumer("k", 1, 0, 1), nullptr) == Loss::none);
  CHECK(loss_of(consumer("k", 1, 5, 1), nullptr) == Loss::earlier);
  ConsumerRates fine{1, {}, 0};
  ConsumerRates losing{1, {}, 2};
  CHECK(loss_of(consumer("k", 1, 5, 1), &fine) == Loss::earlier);
  CHECK(loss_of(consumer("k", 1, 5, 1), &losing) == Loss::now);
}

TEST_CASE("The last minute is cut into equal parts, and what nobody saw is blank") {
  LastMinute minute;
  LastMinute::Time start{};
  minute.add(start, start + seconds(30), 300);
  minute.add(start + seconds(30), start + seconds(45), 0);
  auto rates = minute.rates(start + seconds(60), 4);
  REQUIRE(rates.size() == 4);
  CHECK(rates[0] == 10);
  CHECK(rates[1] == 10);
  CHECK(rates[2] == 0);
  CHECK_FALSE(rates[3].has_value());
  CHECK(sparkline(rates, true) == "██▁ ");
  CHECK(sparkline(rates, false) == "##_ ");
  // What is older than a minute is forgotten.
  minute.add(start + seconds(100), start + seconds(101), 5);
  CHECK(minute.rates(start + seconds(101), 2) == std::vector<std::optional<double>>{0, 5});
}

TEST_CASE("The lowest bar is for nothing, and whatever came has a higher one") {
  CHECK(sparkline({0, 1, 1000}, true) == "▁▂█");
  CHECK(sparkline({0, 0}, true) == "▁▁");
  CHECK(sparkline({}, true).empty());
}

TEST_CASE("Keys are single characters, and those inside escape sequences are none") {
  CHECK(keys_in("spq\x0c") == std::vector<Key>{Key::sort, Key::pause, Key::quit, Key::redraw});
  CHECK(keys_in("x\x1b[1;5q\x1bOs\x1bps") == std::vector<Key>{Key::sort});
  for (const char* rest : {"\x1b", "\x1b[", "\x1bO", "\x1b[12", "Q", ""}) CHECK(keys_in(rest).empty());
}

TEST_CASE("Rows that do not fit are counted, and the first table is cut last") {
  std::vector<TableLine> head{{"head", Emphasis::none}};
  std::vector<TableLine> first{{"FIRST", Emphasis::heading}};
  std::vector<TableLine> second{{"SECOND", Emphasis::heading}};
  for (int i = 1; i <= 6; ++i) {
    first.push_back({"a" + std::to_string(i), Emphasis::none});
    second.push_back({"b" + std::to_string(i), Emphasis::none});
  }
  CHECK(joined(fit_rows(head, {first, {}, second}, 17, "…"), false) ==
        "head\n\nFIRST\na1\na2\na3\na4\na5\na6\n\nSECOND\nb1\nb2\nb3\nb4\nb5\nb6\n");
  CHECK(joined(fit_rows(head, {first, second}, 14, "…"), false) ==
        "head\n\nFIRST\na1\na2\na3\na4\na5\na6\n\nSECOND\nb1\nb2\n… 4 more\n");
  for (size_t rows = 0; rows <= 17; ++rows) {
    CAPTURE(rows);
    auto lines = fit_rows(head, {first, second}, rows, "...");
    CHECK(lines.size() <= rows);
    // No row is lost without being counted, as long as the heading of its table is there.
    size_t shown = 0;
    size_t counted = 0;
    size_t headings = 0;
    for (const TableLine& line : lines) {
      if (line.text.size() == 2) ++shown;
      if (line.text == "FIRST" || line.text == "SECOND") ++headings;
      if (line.text.ends_with(" more")) counted += std::stoul(line.text.substr(4));
    }
    CHECK(shown + counted == 6 * headings);
  }
}

TEST_CASE("The live view shows rates, losses now and earlier, and the slowest consumer first") {
  StatusReport before =
      report(10, 0, {consumer("fine", 0, 0, 5), consumer("once", 0, 3, 5), consumer("slow", 0, 0, 5)});
  StatusReport after = report(
      12, 40'000, {consumer("fine", 5'000, 0, 7), consumer("once", 5'000, 3, 7), consumer("slow", 20, 9, 7)});
  after.consumers[2].queued = 1024;
  after.consumers[2].program = "evil\x1b[m";
  after.consumers[2].event_types = {"a.*"};
  after.unmatched_types = {{"x.y", 12'345}};
  after.version = "1.2.3";
  after.socket = "/run/x.sock";
  auto rates = rates_between(before, after, seconds(2));
  std::string minute = "minute  " + std::string(40, ' ') + "  at most 0 events/s\n";
  CHECK(
      picture_of(after, rates, {}) ==
      "hub     pid 7  version 1.2.3  up 12s  /run/x.sock\n"
      "in      20000 events/s  1.9 MiB/s\n"
      "out     5010 events/s  489.3 KiB/s\n"
      "loss    1 consumer loses 4.5 events/s now; 1 consumer lost events earlier\n" +
          minute +
          "\n"
          "CONSUMER KEY  PID  PROGRAM     LOSS     EVENTS/S    BYTES/S   LAG  DROPS/S  DROPPED  QUEUE  "
          "TYPES\n"
          "slow            9  evil\\x1b[m  now            10     1000 B  1024      4.5        9    0 B  a.*\n"
          "once            9  -           earlier      2500  244.1 KiB     0        0        3    0 B  "
          "(none)\n"
          "fine            9  -           -            2500  244.1 KiB     0        0        0    0 B  "
          "(none)\n"
          "\n"
          "no sources\n"
          "\n"
          "UNMATCHED TYPE  EVENTS\n"
          "x.y              12345\n");
  // Digits are grouped on a terminal, whose size is kept to.
  std::string narrow = picture_of(after, rates, {40, 12, false});
  CHECK(narrow.find("in      20 000 events/s") != std::string::npos);
  CHECK(narrow.find("CONSUMER KEY  LOSS     EVENTS/S") != std::string::npos);
  CHECK(std::count(narrow.begin(), narrow.end(), '\n') <= 12);
  for (size_t columns : std::vector<size_t>{1, 10, 40, 60, 200}) {
    StatusReport wide = after;
    wide.consumers[0].key = "日本語日本語日本語日本語";
    LastMinute none;
    for (const TableLine& line :
         watch_table({wide, rates, none, {}, SortOrder::key, ""}, {columns, 30, true}))
      CHECK(columns_of(line.text) <= columns);
  }
}

TEST_CASE("Without an earlier report no rate is shown, and no loss is claimed to be going on") {
  std::string text = picture_of(report(12, 5, {consumer("once", 1, 3, 7)}), std::nullopt, {});
  CHECK(text.find("in      -\nout     -\nloss    not known yet; 1 consumer lost events earlier\n") !=
        std::string::npos);
  CHECK(text.find("once            9  -        earlier         -        -    0        -        3") !=
        std::string::npos);
}

TEST_CASE("Every order of the consumers is reached, and each puts another first") {
  StatusReport before = report(
      10, 0,
      {consumer("c", 0, 0, 5), consumer("b", 0, 9, 5), consumer("a", 0, 0, 5), consumer("d", 0, 0, 5)});
  StatusReport after = report(
      11, 0,
      {consumer("c", 0, 2, 6), consumer("b", 0, 9, 6), consumer("a", 1, 0, 6), consumer("d", 50, 0, 6)});
  auto rates = rates_between(before, after, seconds(1));
  std::string first;
  SortOrder order = SortOrder::slowest;
  for (int i = 0; i < 4; ++i, order = next_order(order)) {
    std::string text = picture_of(after, rates, {}, order);
    first += text.substr(text.find('\n', text.find("CONSUMER KEY")) + 1, 1);
  }
  CHECK(first == "cdba");
  CHECK(order == SortOrder::slowest);
}

TEST_CASE("A process is named as the kernel knows it, and one that is not there has no name") {
  CHECK(program_name(getpid()) == "cli_parts_test");
  CHECK(program_name(0).empty());
  CHECK(program_name(-1).empty());
  CHECK(program_name(INT64_MAX).empty());
}
