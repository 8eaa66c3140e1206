#include "tests/bench/tables.h"

#include "tests/support/catch.h"

using namespace bus::bench;

namespace {

Outcome outcome(const std::string& name, Role role, double rate, double cpu) {
  Outcome made;
  made.name = name;
  made.role = role;
  made.median.delivered_per_second = rate;
  made.median.cpu_us_per_delivery = cpu;
  made.memory_mib = 1;
  return made;
}

ShapeOutcome example() {
  ShapeOutcome result;
  result.shape.title = "1→1";
  result.outcomes = {
      outcome("busd", Role::hub, 3'000'000, 0.25), outcome("null hub", Role::null_hub, 6'000'000, 0.05),
      outcome("NATS", Role::peer, 2'000'000, 0.5), outcome("Redis", Role::peer, 1'000'000, 0.4)};
  return result;
}

}  // namespace

TEST_CASE("The best peer is another one by rate than by cpu time, and never the null hub") {
  ShapeOutcome result = example();
  BestPeers best = best_peers(result);
  CHECK(best.by_rate->name == "NATS");
  CHECK(best.by_cpu->name == "Redis");
}

TEST_CASE("A table is Markdown with aligned columns, and its ratios are to the best peer and the null hub") {
  CHECK(shape_text(example()) ==
        "### 1→1\n\n"
        "| contender | delivered k/s | CPU s per million | memory MiB | rate ÷ best peer | best peer's CPU ÷ "
        "its | rate ÷ "
        "null hub | null hub's CPU ÷ its |\n"
        "|-----------|--------------:|------------------:|-----------:|-----------------:|-------------------"
        "---:|-------"
        "---------:|---------------------:|\n"
        "| busd      |          3000 |             0.250 |       1.00 |             1.50 |                  "
        "1.60 |       "
        "     0.50 |                 0.20 |\n"
        "| null hub  |          6000 |             0.050 |       1.00 |             3.00 |                  "
        "8.00 |       "
        "     1.00 |                 1.00 |\n"
        "| NATS      |          2000 |             0.500 |       1.00 |             1.00 |                  "
        "0.80 |       "
        "     0.33 |                 0.10 |\n"
        "| Redis     |          1000 |             0.400 |       1.00 |             0.50 |                  "
        "1.00 |       "
        "     0.17 |                 0.12 |\n");
}

TEST_CASE("A contender that failed has no rate, is nobody's best peer, and its reason is told") {
  ShapeOutcome result = example();
  result.outcomes[2].fault = "subscriber 0 got message 3 where 2 was due";
  CHECK(best_peers(result).by_rate->name == "Redis");
  std::string text = shape_text(result);
  CHECK(text.find("| NATS      |        FAILED |") != std::string::npos);
  CHECK(text.find("\nNATS FAILED: subscriber 0 got message 3 where 2 was due\n") != std::string::npos);
}

TEST_CASE("The summary has a line for each hub") {
  ShapeOutcome result = example();
  result.outcomes.push_back(outcome("busd new", Role::hub, 4'000'000, 0.2));
  TextTable summary = new_summary();
  add_to_summary(summary, result);
  std::string text = summary.text();
  CHECK(
      text.find("| 1→1   |     busd |        1.50 | NATS |                    1.60 | Redis |       0.50 |") !=
      std::string::npos);
  CHECK(
      text.find("| 1→1   | busd new |        2.00 | NATS |                    2.00 | Redis |       0.67 |") !=
      std::string::npos);
}

TEST_CASE("Shapes that belong together are compared contender by contender") {
  ShapeOutcome second = example();
  second.shape.title = "more";
  second.outcomes[0].median.delivered_per_second = 1'500'000;
  second.outcomes[2].fault = "stuck";
  TextTable comparison = new_comparison();
  add_to_comparison(comparison, {example(), second});
  std::string text = comparison.text();
  CHECK(text.find("| more  |     1→1 |      busd |   0.50 |               1.00 |") != std::string::npos);
  CHECK(text.find("NATS") == std::string::npos);
}

TEST_CASE("Figures have three significant digits or more, and no ratio is made of nothing") {
  CHECK(figure(4186.4) == "4186");
  CHECK(figure(12.34) == "12.3");
  CHECK(figure(1.234) == "1.23");
  CHECK(figure(0.2984) == "0.298");
  CHECK(ratio(3, 2) == "1.50");
  CHECK(ratio(3, 0) == "-");
  CHECK(ratio(0, 3) == "-");
}

TEST_CASE("The median of an even count is the mean of the middle two") {
  CHECK(median_of({3}) == 3);
  CHECK(median_of({5, 1, 3}) == 3);
  CHECK(median_of({4, 1, 3, 2}) == 2.5);
}

TEST_CASE("The table of calls says what the first hub makes of each contender's figures") {
  ShapeOutcome result = example();
  result.shape.calls.emplace();
  result.outcomes.resize(3);
  for (Outcome& each : result.outcomes) {
    each.median.p50_us = each.name == "NATS" ? 40 : 10;
    each.median.p99_us = 50;
  }
  std::string text = shape_text(result);
  INFO(text);
  CHECK(text.find("busd's p50 ÷ its | busd's rate ÷ its | busd's CPU ÷ its |") != std::string::npos);
  CHECK(text.find(
            "| NATS      |   40.0 |   50.0 |      2000 |             0.500 |       1.00 |             0.25 "
            "|              1.50 |             0.50 |") != std::string::npos);
}
