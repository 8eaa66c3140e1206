// What the room of scopes says to `bus.explain`: the scopes of a key, who is in them, and who holds their locks.
#include <algorithm>
#include <set>
#include <string>

#include "hub/core/base/row_list.h"
#include "hub/core/base/turn_budget.h"
#include "hub/core/peers/peers.h"
#include "hub/core/scopes/scopes.h"
#include "protocol/json_writer.h"

namespace bus::hub {

namespace {

using View = KeyRegistry::View;

// What a consumer would be told that asked for the scope now.
std::string_view fate_of_newcomer(const View& view) {
  if (view.holder != 0) return "waits";
  bool excluded = std::any_of(view.consumers.begin(), view.consumers.end(),
                              [](const auto& each) { return each.exclusive; });
  if (excluded) return "rejected";
  bool first = std::all_of(view.consumers.begin(), view.consumers.end(),
                           [](const auto& each) { return each.leaving; });
  return first ? "first" : "joins";
}

std::string_view state_of(const KeyRegistry::Presence& one, const View& view) {
  if (one.waiting) return "waiting";
  if (one.peer == view.holder) return "cleaning_up";
  return one.leaving ? "leaving" : "member";
}

bool is_member(const KeyRegistry::Presence& one) { return !one.waiting && !one.leaving; }

// Whether it would be told that it is the last, if it asked now. `members`: how many are not leaving.
bool would_be_last(const KeyRegistry::Presence& one, const View& view, size_t members) {
  if (one.waiting || (view.holder != 0 && view.holder != one.peer)) return false;
  return members == (is_member(one) ? 1 : 0);
}

std::string row_of(const Peer& peer, const KeyRegistry::Presence& one, const View& view, size_t members) {
  std::string row;
  ObjectWriter writer(row);
  writer.number("pid", peer.pid);
  if (peer.kernel_pid != 0 && peer.kernel_pid != peer.pid) writer.number("kernel_pid", peer.kernel_pid);
  writer.number("uid", peer.uid);
  writer.text("event_key", peer.key);
  writer.text_if_any("subscription_id", peer.subscription_id);
  writer.text("state", state_of(one, view));
  writer.flag_if_set("exclusive", one.exclusive);
  writer.flag_if_set("first", one.first);
  writer.flag_if_set("last", would_be_last(one, view, members));
  if (peer.cleanup_task) writer.text("cleanup_task", *peer.cleanup_task);
  writer.end();
  return row;
}

}  // namespace

std::string Scopes::scope_row(const std::string& scope, size_t most, TimePoint now) const {
  View view = registry_.look(scope);
  auto members = static_cast<size_t>(std::count_if(view.consumers.begin(), view.consumers.end(), is_member));
  RowList consumers(most);
  for (const KeyRegistry::Presence& each : view.consumers) {
    if (const Peer* peer = hub_.peers.find(each.peer)) consumers.add(row_of(*peer, each, view, members));
  }
  std::string row;
  ObjectWriter writer(row);
  writer.text("scope", scope);
  writer.text("newcomer", fate_of_newcomer(view));
  if (view.holder != 0) {
    auto cleanup = cleanups_.find(scope);
    ObjectWriter lock(writer.member("lock"));
    const Peer* holder = hub_.peers.find(view.holder);
    lock.number("pid", cleanup != cleanups_.end() ? cleanup->second.pid : holder->shown_pid());
    lock.number("held_ms", to_ms(now - view.held_since));
    if (cleanup != cleanups_.end()) lock.text("task", cleanup->second.task);
    lock.end();
  }
  consumers.write(writer, "consumers");
  writer.end();
  return row;
}

std::string Scopes::explain(const Question& question, TimePoint now) const {
  if (question.about != Question::About::key) return {};
  // The scope of that name, and those of consumers that have the key and another scope.
  std::set<std::string> others;
  hub_.peers.for_each([&](const Peer& peer) {
    bool of_it = (peer.phase == Phase::consumer || peer.phase == Phase::waiting) && peer.key == question.name;
    if (of_it && !peer.subscription_id.empty()) others.insert(peer.subscription_id);
  });
  hub_.turn.spend(hub_.peers.size());
  others.erase(question.name);
  RowList scopes(question.most);
  size_t most = question.most - RowList::kBeside;
  scopes.add(scope_row(question.name, most, now));
  for (const std::string& scope : others) scopes.add(scope_row(scope, most, now));
  std::string out;
  ObjectWriter writer(out);
  writer.text("key", question.name);
  scopes.write(writer, "scopes");
  writer.end();
  return out;
}

}  // namespace bus::hub
