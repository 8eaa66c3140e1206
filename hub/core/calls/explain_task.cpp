// What the room of calls says to `bus.explain`: which provider would be given a request of a task now, and why the others
// would not (PROTOCOL.md 10, choosing).
#include <set>
#include <string>

#include "hub/core/base/row_list.h"
#include "hub/core/base/turn_budget.h"
#include "hub/core/calls/calls.h"
#include "protocol/base/strings.h"
#include "protocol/json_writer.h"

namespace bus::hub {

namespace {

std::string provider_name(const CallPeer& peer) { return "pid " + std::to_string(peer.peer.shown_pid()); }

std::string than(size_t its, size_t chosen_ones, const CallPeer& chosen) {
  return std::to_string(its) + " than " + std::to_string(chosen_ones) + " of " + provider_name(chosen);
}

// Why a provider that could take the call does not, and `chosen` does: by the first rule that tells them apart.
std::string why_not(const CallPeer& peer, const Task& task, const Choice& choice) {
  const CallPeer& chosen = *choice.provider;
  if (peer.is_silent() && !chosen.is_silent())
    return "it has sent nothing since it let a call time out, and is asked last";
  if (&task != choice.task)
    return printable(task.name) + " matches less closely than " + printable(choice.task->name);
  const Provider& its = *peer.provider;
  if (its.priority != chosen.provider->priority) {
    return "its priority " + std::to_string(its.priority) + " is lower than " +
           std::to_string(chosen.provider->priority) + " of " + provider_name(chosen);
  }
  if (peer.free_slots() != chosen.free_slots())
    return "it has fewer free slots: " + than(peer.free_slots(), chosen.free_slots(), chosen);
  return "its last call ended later than that of " + provider_name(chosen);
}

std::string why(const CallPeer& peer, const Task& task, const Choice& choice, std::string_view to) {
  const Provider& its = *peer.provider;
  if (!TaskTable::takes(peer, to)) return "it is not the source " + printable(to);
  if (&peer == choice.provider)
    return peer.is_silent() ? "it is the only one with a free slot, though it has sent nothing "
                              "since it let a call time out"
                            : "it would be given the call now";
  if (its.given.size() >= its.slots) {
    return "it has no free slot: " + std::to_string(its.given.size()) + " of " + std::to_string(its.slots) +
           " calls are open";
  }
  if (!peer.has_free_slot())
    return "it has left " + std::to_string(its.unwritten_bytes) + " bytes of requests unread";
  return why_not(peer, task, choice);
}

std::string row_of(const CallPeer& peer, const Task& task, const Choice& choice, std::string_view to) {
  const Provider& its = *peer.provider;
  GivenRequest::From who = origin_of(peer.peer);
  std::string row;
  ObjectWriter writer(row);
  writer.number("pid", who.pid);
  writer.number("uid", who.uid);
  writer.text_if_any("source", who.source);
  writer.text("provides", task.name);
  writer.number("slots", its.slots);
  writer.number("open", its.given.size());
  if (its.priority != 0) writer.number("priority", its.priority);
  writer.flag_if_set("silent", peer.is_silent());
  writer.flag_if_set("chosen", &peer == choice.provider);
  writer.text("why", why(peer, task, choice, to));
  writer.end();
  return row;
}

}  // namespace

std::string Calls::explain(const Question& question, TimePoint) const {
  if (question.about != Question::About::task) return {};
  const std::string& task = question.name;
  std::string out;
  ObjectWriter writer(out);
  writer.text("task", task);
  writer.text_if_any("to", question.to);
  if (is_of_hub(task)) {
    bool served = served_.contains(task);
    writer.text("outcome", served ? "hub" : "no_provider");
    if (!served) writer.text("message", "the hub has no task " + printable(task));
    writer.number("waiting", 0);
    writer.raw("providers", "[]");
    writer.end();
    return out;
  }
  Call call;
  call.text.set({}, task, {});
  if (!question.to.empty()) call.more().to = question.to;
  const Exchange& exchange = tracker_.exchange();
  Choice choice = exchange.choose(call);
  writer.text("outcome", choice.provider != nullptr ? "given" : choice.any ? "waits" : "no_provider");
  if (!choice.any) writer.text("message", exchange.nobody_provides(call));
  const Line* line = exchange.lines().find(task, question.to);
  writer.number("waiting", line == nullptr ? 0 : line->size);
  writer.flag_if_set("full", line != nullptr && WaitingLines::is_full(*line, hub_.config.waiting_calls));

  RowList rows(question.most);
  RowList others(question.most);
  std::set<const CallPeer*> seen;  // by a closer name
  exchange.tasks().visit_matching(task, [&](const Task& each) {
    for (const CallPeer* peer : each.providers) {
      if (!seen.insert(peer).second) continue;
      (peer == choice.provider ? rows : others).add(row_of(*peer, each, choice, question.to));
    }
    return true;
  });
  hub_.turn.spend(seen.size());
  rows.append(others);
  rows.write(writer, "providers");
  writer.end();
  return out;
}

}  // namespace bus::hub
