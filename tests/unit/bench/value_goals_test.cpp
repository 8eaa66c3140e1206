#include "tests/bench/value_goals.h"

#include "tests/bench/shape.h"
#include "tests/support/catch.h"

using namespace bus::bench;

namespace {

ShapeOutcome outcome_of(const std::string& group) {
  GroupFilter filter;
  filter.patterns = {group};
  ShapeOutcome result;
  result.shape = groups_of(filter).at(0).shapes.at(0);
  return result;
}

void add(ShapeOutcome& result, const std::string& name, Role role, double Sample::*member, double figure) {
  Outcome outcome;
  outcome.name = name;
  outcome.role = role;
  outcome.median.*member = figure;
  result.outcomes.push_back(outcome);
}

bool has_line(const std::string& text, const std::vector<std::string>& cells) {
  std::string squeezed;
  for (char c : text) {
    if (c != ' ' || squeezed.empty() || squeezed.back() != ' ') squeezed += c;
  }
  std::string line = "|";
  for (const std::string& cell : cells) line += " " + cell + " |";
  INFO(squeezed);
  return squeezed.find(line) != std::string::npos;
}

}  // namespace

TEST_CASE("Without a busd or without a peer there is nothing to judge") {
  ShapeOutcome puts = outcome_of("values-put");
  CHECK(value_goals_text({}).empty());
  add(puts, "Redis", Role::peer, &Sample::p50_us, 20);
  CHECK(value_goals_text({puts}).empty());
  puts.outcomes.clear();
  add(puts, "busd memory", Role::hub, &Sample::p50_us, 20);
  CHECK(value_goals_text({puts}).empty());
}

TEST_CASE("A time is at most, a rate at least so many times that of the peer") {
  ShapeOutcome puts = outcome_of("values-put");
  add(puts, "busd memory", Role::hub, &Sample::p50_us, 24);
  add(puts, "busd process", Role::hub, &Sample::p50_us, 41);
  add(puts, "Redis", Role::peer, &Sample::p50_us, 20);
  ShapeOutcome writers = outcome_of("values-writers");
  add(writers, "busd memory", Role::hub, &Sample::delivered_per_second, 120);
  add(writers, "Redis", Role::peer, &Sample::delivered_per_second, 100);
  std::string text = value_goals_text({puts, writers});
  CHECK(has_line(text, {"put, memory: p50 µs", "24.0", "1.20 × Redis", "≤ 1.20 × Redis", "yes"}));
  CHECK(has_line(text, {"put, process: p50 µs", "41.0", "2.05 × Redis", "≤ 2.00 × Redis", "no"}));
  CHECK(has_line(text, {"64 writers, memory: puts/s", "120", "1.20 × Redis", "≥ 1.20 × Redis", "yes"}));
}

TEST_CASE("Of two bounds one is enough, and the peer that is missing says nothing") {
  ShapeOutcome followed = outcome_of("values-follower");
  add(followed, "busd process", Role::hub, &Sample::p50_us, 60);
  CHECK(has_line(value_goals_text({followed}),
                 {"put until a follower has it: p50 µs", "60.0", "60.0", "≤ 45.0", "no"}));
  add(followed, "NATS KV", Role::peer, &Sample::p50_us, 240);
  CHECK(has_line(value_goals_text({followed}),
                 {"put until a follower has it: p50 µs", "60.0", "60.0; 0.250 × NATS KV",
                  "≤ 45.0 or ≤ 0.250 × NATS KV", "yes"}));
}

TEST_CASE("Many followers of one key are no put to a follower") {
  ShapeOutcome many = outcome_of("values-followers");
  add(many, "busd process", Role::hub, &Sample::p50_us, 60);
  CHECK(value_goals_text({many}).empty());
}
