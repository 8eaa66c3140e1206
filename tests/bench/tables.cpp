#include "tests/bench/tables.h"

namespace bus::bench {

namespace {

const Outcome* null_hub_of(const ShapeOutcome& result) {
  for (const Outcome& outcome : result.outcomes) {
    if (outcome.role == Role::null_hub && outcome.fault.empty()) return &outcome;
  }
  return nullptr;
}

const Outcome* first_hub_of(const ShapeOutcome& result) {
  for (const Outcome& outcome : result.outcomes) {
    if (outcome.role == Role::hub && outcome.fault.empty()) return &outcome;
  }
  return nullptr;
}

const Outcome* outcome_of(const ShapeOutcome& result, const std::string& name) {
  for (const Outcome& outcome : result.outcomes) {
    if (outcome.name == name) return &outcome;
  }
  return nullptr;
}

double member_of(const Outcome* outcome, double Sample::*member) {
  return outcome == nullptr ? 0 : outcome->median.*member;
}

std::string name_of(const Outcome* outcome) { return outcome == nullptr ? "-" : outcome->name; }

std::vector<std::string> failed_cells(const Outcome& outcome, size_t columns) {
  std::vector<std::string> cells(columns, "-");
  cells[0] = outcome.name;
  cells[1] = "FAILED";
  return cells;
}

TextTable flood_table(const ShapeOutcome& result) {
  TextTable table({"contender", "delivered k/s", "CPU s per million", "memory MiB", "rate ÷ best peer",
                   "best peer's CPU ÷ its", "rate ÷ null hub", "null hub's CPU ÷ its"});
  constexpr size_t kColumns = 8;
  BestPeers best = best_peers(result);
  const Outcome* null_hub = null_hub_of(result);
  for (const Outcome& outcome : result.outcomes) {
    if (!outcome.fault.empty()) {
      table.add(failed_cells(outcome, kColumns));
      continue;
    }
    double rate = outcome.median.delivered_per_second;
    double cpu = outcome.median.cpu_us_per_delivery;
    table.add({outcome.name, figure(rate / 1000), figure(cpu), figure(outcome.memory_mib),
               ratio(rate, member_of(best.by_rate, &Sample::delivered_per_second)),
               ratio(member_of(best.by_cpu, &Sample::cpu_us_per_delivery), cpu),
               ratio(rate, member_of(null_hub, &Sample::delivered_per_second)),
               ratio(member_of(null_hub, &Sample::cpu_us_per_delivery), cpu)});
  }
  return table;
}

TextTable latency_table(const ShapeOutcome& result) {
  TextTable table({"contender", "p50 µs", "p99 µs", "CPU s per million", "memory MiB", "p50 ÷ best peer",
                   "p50 ÷ null hub"});
  constexpr size_t kColumns = 7;
  BestPeers best = best_peers(result);
  const Outcome* null_hub = null_hub_of(result);
  for (const Outcome& outcome : result.outcomes) {
    if (!outcome.fault.empty()) {
      table.add(failed_cells(outcome, kColumns));
      continue;
    }
    const Sample& median = outcome.median;
    table.add({outcome.name, figure(median.p50_us), figure(median.p99_us), figure(median.cpu_us_per_delivery),
               figure(outcome.memory_mib), ratio(median.p50_us, member_of(best.by_p50, &Sample::p50_us)),
               ratio(median.p50_us, member_of(null_hub, &Sample::p50_us))});
  }
  return table;
}

// Ratios are those of the first hub to each contender: what it makes of the peer's figure.
TextTable call_table(const ShapeOutcome& result) {
  TextTable table({"contender", "p50 µs", "p99 µs", "calls k/s", "CPU s per million", "memory MiB",
                   "busd's p50 ÷ its", "busd's rate ÷ its", "busd's CPU ÷ its"});
  constexpr size_t kColumns = 9;
  const Outcome* hub = first_hub_of(result);
  for (const Outcome& outcome : result.outcomes) {
    if (!outcome.fault.empty()) {
      table.add(failed_cells(outcome, kColumns));
      continue;
    }
    const Sample& median = outcome.median;
    table.add({outcome.name, figure(median.p50_us), figure(median.p99_us),
               figure(median.delivered_per_second / 1000), figure(median.cpu_us_per_delivery),
               figure(outcome.memory_mib), ratio(member_of(hub, &Sample::p50_us), median.p50_us),
               ratio(member_of(hub, &Sample::delivered_per_second), median.delivered_per_second),
               ratio(member_of(hub, &Sample::cpu_us_per_delivery), median.cpu_us_per_delivery)});
  }
  return table;
}

// Of each put, get, delivery to a follower or key of a snapshot. The ratios are of values to those peers.
TextTable value_table(const ShapeOutcome& result) {
  TextTable table({"store", "p50 µs", "p99 µs", "k/s", "CPU s per million", "memory MiB", "p50 ÷ Redis",
                   "÷ Redis AOF always", "÷ NATS KV", "rate ÷ Redis", "÷ Redis AOF always", "÷ NATS KV"});
  constexpr size_t kColumns = 12;
  for (const Outcome& outcome : result.outcomes) {
    if (!outcome.fault.empty()) {
      table.add(failed_cells(outcome, kColumns));
      continue;
    }
    const Sample& median = outcome.median;
    std::vector<std::string> cells = {outcome.name,
                                      figure(median.p50_us),
                                      figure(median.p99_us),
                                      figure(median.delivered_per_second / 1000),
                                      figure(median.cpu_us_per_delivery),
                                      figure(outcome.memory_mib)};
    for (double Sample::*member : {&Sample::p50_us, &Sample::delivered_per_second}) {
      for (const char* peer : {"Redis", "Redis AOF always", "NATS KV"})
        cells.push_back(ratio(median.*member, member_of(outcome_of(result, peer), member)));
    }
    table.add(std::move(cells));
  }
  return table;
}

TextTable table_of(const ShapeOutcome& result) {
  if (result.shape.calls) return call_table(result);
  if (result.shape.values) return value_table(result);
  return result.shape.rate_per_second > 0 ? latency_table(result) : flood_table(result);
}

}  // namespace

BestPeers best_peers(const ShapeOutcome& result) {
  BestPeers best;
  for (const Outcome& outcome : result.outcomes) {
    if (outcome.role != Role::peer || !outcome.fault.empty()) continue;
    const Sample& median = outcome.median;
    if (median.delivered_per_second > member_of(best.by_rate, &Sample::delivered_per_second)) {
      best.by_rate = &outcome;
    }
    if (best.by_cpu == nullptr || median.cpu_us_per_delivery < best.by_cpu->median.cpu_us_per_delivery) {
      best.by_cpu = &outcome;
    }
    if (best.by_p50 == nullptr || median.p50_us < best.by_p50->median.p50_us) best.by_p50 = &outcome;
  }
  return best;
}

std::string shape_text(const ShapeOutcome& result) {
  std::string text = "### " + result.shape.title + "\n\n";
  text += table_of(result).text();
  for (const Outcome& outcome : result.outcomes) {
    if (!outcome.fault.empty()) text += "\n" + outcome.name + " FAILED: " + outcome.fault + "\n";
  }
  return text;
}

TextTable new_summary() {
  return TextTable({"shape", "hub", "÷ best peer", "by", "best peer's CPU ÷ hub's", "by", "÷ null hub"});
}

void add_to_summary(TextTable& summary, const ShapeOutcome& result) {
  BestPeers best = best_peers(result);
  const Outcome* null_hub = null_hub_of(result);
  bool is_latency = result.shape.rate_per_second > 0;
  double Sample::*main = is_latency ? &Sample::p50_us : &Sample::delivered_per_second;
  const Outcome* best_by_main = is_latency ? best.by_p50 : best.by_rate;
  for (const Outcome& hub : result.outcomes) {
    if (hub.role != Role::hub) continue;
    bool has_others = best_by_main != nullptr || null_hub != nullptr;
    if (hub.fault.empty() && !has_others) continue;
    std::string title = result.shape.title + (is_latency ? " (p50)" : "");
    if (!hub.fault.empty()) {
      summary.add({title, hub.name, "FAILED", "-", "-", "-", "-"});
      continue;
    }
    summary.add({title, hub.name, ratio(hub.median.*main, member_of(best_by_main, main)),
                 name_of(best_by_main),
                 ratio(member_of(best.by_cpu, &Sample::cpu_us_per_delivery), hub.median.cpu_us_per_delivery),
                 name_of(best.by_cpu), ratio(hub.median.*main, member_of(null_hub, main))});
  }
}

TextTable new_comparison() {
  return TextTable({"shape", "against", "contender", "rate ÷", "CPU per delivery ÷"});
}

void add_to_comparison(TextTable& comparison, const std::vector<ShapeOutcome>& results) {
  const ShapeOutcome& first = results.front();
  for (size_t i = 1; i < results.size(); ++i) {
    for (const Outcome& outcome : results[i].outcomes) {
      const Outcome* base = outcome_of(first, outcome.name);
      if (base == nullptr || !base->fault.empty() || !outcome.fault.empty()) continue;
      comparison.add({results[i].shape.title, first.shape.title, outcome.name,
                      ratio(outcome.median.delivered_per_second, base->median.delivered_per_second),
                      ratio(outcome.median.cpu_us_per_delivery, base->median.cpu_us_per_delivery)});
    }
  }
}

}  // namespace bus::bench
