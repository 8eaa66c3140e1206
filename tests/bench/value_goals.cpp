#include "tests/bench/value_goals.h"

#include <functional>

#include "tests/bench/text_table.h"

namespace bus::bench {

namespace {

using Work = ValueLoad::Work;

// One way to reach a goal: a bound of a figure, or of its ratio to that of a peer.
struct Bound {
  const char* peer = nullptr;  // none: of the figure itself
  double most = 0;
  double least = 0;
};

struct Goal {
  const char* what;
  Work work;
  size_t clients;
  const char* store;  // how the busd's store is called
  double Sample::*member;
  std::vector<Bound> bounds;  // one of them is enough
};

const std::vector<Goal>& goals() {
  static const std::vector<Goal> all = {
      {"put, memory: p50 µs", Work::put, 1, "memory", &Sample::p50_us, {{.peer = "Redis", .most = 1.2}}},
      {"get: p50 µs", Work::get, 1, "memory", &Sample::p50_us, {{.peer = "Redis", .most = 1.2}}},
      {"put, process: p50 µs", Work::put, 1, "process", &Sample::p50_us, {{.peer = "Redis", .most = 2}}},
      {"put, process: p50 µs", Work::put, 1, "process", &Sample::p50_us, {{.peer = "NATS KV", .most = 0.35}}},
      {"put, power: p50 µs",
       Work::put,
       1,
       "power",
       &Sample::p50_us,
       {{.peer = "Redis AOF always", .most = 1.3}}},
      {"64 writers, memory: puts/s",
       Work::put,
       64,
       "memory",
       &Sample::delivered_per_second,
       {{.peer = "Redis", .least = 1.2}}},
      {"64 writers, process: puts/s",
       Work::put,
       64,
       "process",
       &Sample::delivered_per_second,
       {{.peer = "Redis", .least = 0.8}}},
      {"64 writers, process: puts/s",
       Work::put,
       64,
       "process",
       &Sample::delivered_per_second,
       {{.peer = "NATS KV", .least = 3}}},
      {"64 writers, process: CPU µs a put",
       Work::put,
       64,
       "process",
       &Sample::cpu_us_per_delivery,
       {{.most = 3}}},
      {"64 writers, power: puts/s",
       Work::put,
       64,
       "power",
       &Sample::delivered_per_second,
       {{.peer = "Redis AOF always", .least = 1}}},
      {"put until a follower has it: p50 µs",
       Work::follow,
       1,
       "process",
       &Sample::p50_us,
       {{.most = 45}, {.peer = "NATS KV", .most = 0.25}}},
      {"snapshot of 20 000 keys: p50 µs",
       Work::snapshot,
       1,
       "process",
       &Sample::p50_us,
       {{.most = 15'000}, {.peer = "NATS KV", .most = 0.4}}},
  };
  return all;
}

bool is_of(const Goal& goal, const Shape& shape) {
  bool is_alike = shape.values && shape.values->work == goal.work && shape.values->clients == goal.clients;
  return is_alike && shape.values->followers <= 1;
}

const Outcome* find(const ShapeOutcome& result, const std::function<bool(const Outcome&)>& is_it) {
  for (const Outcome& outcome : result.outcomes) {
    if (outcome.fault.empty() && is_it(outcome)) return &outcome;
  }
  return nullptr;
}

struct Judged {
  std::string figures;
  std::string goal;
  bool is_met = false;
  bool is_known = false;
};

void judge(const Goal& goal, const Bound& bound, const ShapeOutcome& result, double figure_of_hub,
           Judged& judged) {
  double value = figure_of_hub;
  std::string of;
  if (bound.peer != nullptr) {
    const Outcome* peer = find(result, [&](const Outcome& each) { return each.name == bound.peer; });
    if (peer == nullptr || peer->median.*(goal.member) <= 0) return;
    value /= peer->median.*(goal.member);
    of = std::string(" × ") + bound.peer;
  }
  bool is_most = bound.most > 0;
  if (judged.is_known) {
    judged.figures += "; ";
    judged.goal += " or ";
  }
  judged.figures += figure(value) + of;
  judged.goal += (is_most ? "≤ " + figure(bound.most) : "≥ " + figure(bound.least)) + of;
  judged.is_met = judged.is_met || (is_most ? value <= bound.most : value >= bound.least);
  judged.is_known = true;
}

}  // namespace

std::string value_goals_text(const std::vector<ShapeOutcome>& results) {
  TextTable table({"values", "busd's", "in this run", "aimed at", "reached"});
  for (const Goal& goal : goals()) {
    for (const ShapeOutcome& result : results) {
      if (!is_of(goal, result.shape)) continue;
      const Outcome* hub = find(result, [&](const Outcome& each) {
        return each.role == Role::hub && each.name.ends_with(std::string(" ") + goal.store);
      });
      if (hub == nullptr) continue;
      double figure_of_hub = hub->median.*(goal.member);
      Judged judged;
      for (const Bound& bound : goal.bounds) judge(goal, bound, result, figure_of_hub, judged);
      if (!judged.is_known) continue;
      table.add(
          {goal.what, figure(figure_of_hub), judged.figures, judged.goal, judged.is_met ? "yes" : "no"});
    }
  }
  return table.empty() ? "" : "### Values, beside what is aimed at\n\n" + table.text();
}

}  // namespace bus::bench
