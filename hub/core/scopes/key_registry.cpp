#include "hub/core/scopes/key_registry.h"

#include <algorithm>
#include <utility>

#include "protocol/base/check.h"

namespace bus::hub {

KeyRegistry::~KeyRegistry() { BUSD_CHECK(scopes_.empty()); }

size_t KeyRegistry::waiting_in(const Scope& scope) { return scope.waiters ? scope.waiters->size() : 0; }

// The consumer with this id, or the place where it would be.
std::vector<KeyRegistry::Consumer>::iterator KeyRegistry::find(Scope& scope, uint64_t peer) {
  return std::lower_bound(scope.consumers.begin(), scope.consumers.end(), peer,
                          [](const Consumer& consumer, uint64_t id) { return consumer.peer < id; });
}

KeyRegistry::Answer KeyRegistry::admit(std::string_view name, Scope& scope, const Candidate& candidate) {
  // An exclusive consumer is alone, so looking at one is enough. One that is leaving is in the way, too: it
  // still receives what an exclusive one wants for itself.
  if (!scope.consumers.empty() && (candidate.exclusive || scope.consumers.front().exclusive)) {
    const Consumer& there = scope.consumers.front();
    std::string pid = "pid " + std::to_string(there.pid);
    return {candidate.peer, Outcome::rejected,
            "scope " + std::string(name) +
                (there.exclusive ? " is held exclusively by " + pid + "; stop that one, or wait until it ends"
                                 : " has a consumer already (" + pid +
                                       "), and this one asks for it exclusively; stop that one, or leave "
                                       "out exclusive")};
  }
  auto added = scope.consumers.insert(find(scope, candidate.peer), Consumer{candidate});
  ++scope.members;
  added->first = scope.members == 1;
  return {candidate.peer, scope.members == 1 ? Outcome::joined_first : Outcome::joined, {}};
}

KeyRegistry::Answer KeyRegistry::join(std::string_view name, const Candidate& candidate, bool may_wait) {
  auto at = scopes_.find(name);
  if (at == scopes_.end()) at = scopes_.emplace(std::string(name), Scope{}).first;
  Scope& scope = at->second;
  if (scope.holder == 0) return admit(name, scope, candidate);
  if (waiting_in(scope) >= kMaxWaitersPerScope) {
    return {candidate.peer, Outcome::rejected,
            "scope " + std::string(name) + " is being cleaned up, and " +
                std::to_string(kMaxWaitersPerScope) + " others wait already"};
  }
  if (!may_wait) {
    return {candidate.peer, Outcome::rejected,
            "scope " + std::string(name) + " is being cleaned up, and as many hellos wait already as may"};
  }
  if (!scope.waiters) scope.waiters = std::make_unique<std::vector<Candidate>>();
  scope.waiters->push_back(candidate);
  return {candidate.peer, Outcome::waiting, {}};
}

// Takes the peer out of the consumers, or the waiters.
bool KeyRegistry::remove(Scope& scope, uint64_t peer, Departure& out) {
  auto at = find(scope, peer);
  if (at == scope.consumers.end() || at->peer != peer) {
    return scope.waiters && std::erase_if(*scope.waiters, [&](const auto& c) { return c.peer == peer; }) > 0;
  }
  if (!at->leaving) {
    --scope.members;
    out.was_last = scope.members == 0;
  }
  scope.consumers.erase(at);
  return true;
}

KeyRegistry::Departure KeyRegistry::leave(std::string_view name, uint64_t peer) {
  Departure out;
  auto at = scopes_.find(name);
  BUSD_CHECK(at != scopes_.end());
  Scope& scope = at->second;
  bool known = remove(scope, peer, out);
  BUSD_CHECK(known);
  if (scope.holder == peer) out.answers = release(at->first, scope);
  erase_if_empty(at);
  return out;
}

// The lock is free: those that wait come in.
std::vector<KeyRegistry::Answer> KeyRegistry::release(std::string_view name, Scope& scope) {
  scope.holder = 0;
  std::vector<Answer> answers;
  auto waiters = std::move(scope.waiters);
  if (waiters == nullptr) return answers;
  for (const Candidate& waiter : *waiters) answers.push_back(admit(name, scope, waiter));
  return answers;
}

void KeyRegistry::erase_if_empty(TextMap<Scope>::iterator at) {
  const Scope& scope = at->second;
  if (scope.consumers.empty() && waiting_in(scope) == 0 && scope.holder != kHub) scopes_.erase(at);
}

void KeyRegistry::lock(std::string_view name, TimePoint now) {
  auto at = scopes_.find(name);
  if (at == scopes_.end()) at = scopes_.emplace(std::string(name), Scope{}).first;
  BUSD_CHECK(at->second.holder == 0 && at->second.members == 0);
  at->second.holder = kHub;
  at->second.held_since = now;
}

std::vector<KeyRegistry::Answer> KeyRegistry::unlock(std::string_view name) {
  auto at = scopes_.find(name);
  BUSD_CHECK(at != scopes_.end() && at->second.holder == kHub);
  std::vector<Answer> answers = release(at->first, at->second);
  erase_if_empty(at);
  return answers;
}

bool KeyRegistry::check(std::string_view name, uint64_t peer, TimePoint now) {
  auto at = scopes_.find(name);
  if (at == scopes_.end()) return false;
  Scope& scope = at->second;
  auto asker = find(scope, peer);
  if (asker == scope.consumers.end() || asker->peer != peer) return false;
  if (!std::exchange(asker->leaving, true)) --scope.members;
  if (scope.holder == peer) return true;  // asked again: still its own, and its time goes on
  if (scope.members > 0 || scope.holder != 0) return false;
  scope.holder = peer;
  scope.held_since = now;
  return true;
}

std::vector<KeyRegistry::Lock> KeyRegistry::locks() const {
  std::vector<Lock> out;
  for (const auto& [name, scope] : scopes_) {
    if (scope.holder == 0) continue;
    int64_t pid = 0;
    for (const Consumer& consumer : scope.consumers) {
      if (consumer.peer == scope.holder) pid = consumer.pid;
    }
    out.push_back(Lock{name, scope.holder, pid, scope.held_since, waiting_in(scope)});
  }
  std::sort(out.begin(), out.end(), [](const Lock& a, const Lock& b) { return a.since < b.since; });
  return out;
}

KeyRegistry::View KeyRegistry::look(std::string_view name) const {
  View view;
  auto at = scopes_.find(name);
  if (at == scopes_.end()) return view;
  const Scope& scope = at->second;
  view.holder = scope.holder;
  view.held_since = scope.held_since;
  for (const Consumer& each : scope.consumers)
    view.consumers.push_back({each.peer, each.exclusive, each.leaving, each.first, false});
  if (!scope.waiters) return view;
  for (const Candidate& each : *scope.waiters)
    view.consumers.push_back({each.peer, each.exclusive, false, false, true});
  return view;
}

}  // namespace bus::hub
