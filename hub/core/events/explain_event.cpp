// What the room of events says to `bus.explain`: who would get an event, who nearly, and why not.
#include <array>
#include <string>
#include <vector>

#include "hub/core/base/row_list.h"
#include "hub/core/base/turn_budget.h"
#include "hub/core/events/events.h"
#include "hub/core/events/judge_entries.h"
#include "hub/core/peers/peers.h"
#include "protocol/json_writer.h"

namespace bus::hub {

namespace {

// Entries that are looked at closely; of those behind them it is only said what they are.
constexpr size_t kMaxLookedAt = 10'000;

// Types that nobody takes, of those that may be meant.
constexpr size_t kMaxUnmatched = 4;

std::string row_of(const Peer& peer, const Verdict& verdict) {
  std::string row;
  ObjectWriter writer(row);
  writer.number("pid", peer.pid);
  if (peer.kernel_pid != 0 && peer.kernel_pid != peer.pid) writer.number("kernel_pid", peer.kernel_pid);
  writer.number("uid", peer.uid);
  writer.text("event_key", peer.key);
  writer.text_if_any("subscription_id", peer.subscription_id);
  writer.flag_if_set("gets", verdict.kind == Verdict::Kind::gets);
  writer.flag_if_set("nearly", verdict.kind == Verdict::Kind::nearly);
  writer.text("why", verdict.why);
  writer.end();
  return row;
}

}  // namespace

std::string Events::explain(const Question& question, TimePoint) const {
  if (question.about != Question::About::event_type) return {};
  // In each the oldest connection comes first.
  std::array<RowList, 3> rows{RowList(question.most), RowList(question.most), RowList(question.most)};
  size_t looked_at = 0;
  for (const Peer* peer : hub_.peers.oldest_first()) {
    if (peer->phase != Phase::consumer) continue;
    bool closely = looked_at < kMaxLookedAt;
    looked_at += peer->event_types.size() + 1;
    Verdict verdict = judge_entries(peer->event_types, question.name, closely);
    rows[static_cast<size_t>(verdict.kind)].add(row_of(*peer, verdict));
  }
  hub_.turn.spend(looked_at);

  std::vector<TypeCount> unmatched = unmatched_.top(UnmatchedTypes::kMaxTypes);
  std::erase_if(unmatched, [&](const TypeCount& each) { return !is_nearly(each.event_type, question.name); });
  if (unmatched.size() > kMaxUnmatched) unmatched.resize(kMaxUnmatched);

  std::string out;
  ObjectWriter writer(out);
  writer.text("event_type", question.name);
  writer.number("reached", rows[0].size());
  writer.number("connected", rows[0].size() + rows[1].size() + rows[2].size());
  writer.list("unmatched", unmatched, [](std::string& to, const TypeCount& each) {
    ObjectWriter one(to);
    one.text("event_type", each.event_type);
    one.number("count", each.count);
    one.end();
  });
  for (size_t i = 1; i < rows.size(); ++i) rows[0].append(rows[i]);
  rows[0].write(writer, "consumers");
  writer.end();
  return out;
}

}  // namespace bus::hub
