#include "hub/core/key_registry.h"

#include <algorithm>

#include "protocol/base/check.h"

namespace bus::hub {

namespace {

template <class List>
bool remove_peer(List& list, uint64_t peer) {
  auto at = std::find_if(list.begin(), list.end(), [&](const auto& c) { return c.peer == peer; });
  if (at == list.end()) return false;
  list.erase(at);
  return true;
}

}  // namespace

KeyRegistry::~KeyRegistry() { BUSD_CHECK(scopes_.empty()); }

size_t KeyRegistry::waiting_in(const Scope& scope) { return scope.waiters ? scope.waiters->size() : 0; }

KeyRegistry::Answer KeyRegistry::admit(std::string_view name, Scope& scope, const Candidate& candidate) {
  // An exclusive member is alone, so looking at one is enough.
  if (!scope.members.empty() && (candidate.exclusive || scope.members.front().exclusive)) {
    return {candidate.peer, Verdict::rejected,
            "scope " + std::string(name) + " is held exclusively (pid " +
                std::to_string(scope.members.front().pid) + ")"};
  }
  scope.members.push_back(candidate);
  return {candidate.peer, scope.members.size() == 1 ? Verdict::joined_first : Verdict::joined, {}};
}

KeyRegistry::Answer KeyRegistry::join(std::string_view name, const Candidate& candidate, bool may_wait) {
  auto at = scopes_.find(name);
  if (at == scopes_.end()) at = scopes_.emplace(std::string(name), Scope{}).first;
  Scope& scope = at->second;
  if (scope.holder == 0) return admit(name, scope, candidate);
  if (waiting_in(scope) >= kMaxWaitersPerScope) {
    return {candidate.peer, Verdict::rejected,
            "scope " + std::string(name) + " is being cleaned up, and " +
                std::to_string(kMaxWaitersPerScope) + " others wait already"};
  }
  if (!may_wait) {
    return {candidate.peer, Verdict::rejected,
            "scope " + std::string(name) + " is being cleaned up, and as many hellos wait already as may"};
  }
  if (!scope.waiters) scope.waiters = std::make_unique<std::vector<Candidate>>();
  scope.waiters->push_back(candidate);
  return {candidate.peer, Verdict::waiting, {}};
}

std::vector<KeyRegistry::Answer> KeyRegistry::leave(std::string_view name, uint64_t peer) {
  std::vector<Answer> answers;
  auto at = scopes_.find(name);
  BUSD_CHECK(at != scopes_.end());
  Scope& scope = at->second;
  bool known = remove_peer(scope.members, peer) || (scope.waiters && remove_peer(*scope.waiters, peer));
  BUSD_CHECK(known);
  if (scope.holder == peer) {
    scope.holder = 0;
    if (auto waiters = std::move(scope.waiters); waiters != nullptr) {
      for (const Candidate& waiter : *waiters) answers.push_back(admit(at->first, scope, waiter));
    }
  }
  if (scope.members.empty() && waiting_in(scope) == 0) scopes_.erase(at);
  return answers;
}

bool KeyRegistry::check(std::string_view name, uint64_t peer, TimePoint now) {
  auto at = scopes_.find(name);
  if (at == scopes_.end()) return false;
  Scope& scope = at->second;
  if (scope.members.size() != 1 || scope.members.front().peer != peer) return false;
  if (scope.holder == peer) return true;  // asked again: still its own, and its time goes on
  scope.holder = peer;
  scope.held_since = now;
  return true;
}

TimePoint KeyRegistry::held_since(std::string_view name, uint64_t peer) const {
  auto at = scopes_.find(name);
  return at != scopes_.end() && at->second.holder == peer ? at->second.held_since : kNever;
}

std::vector<KeyRegistry::Lock> KeyRegistry::locks() const {
  std::vector<Lock> out;
  for (const auto& [name, scope] : scopes_) {
    if (scope.holder == 0) continue;
    out.push_back(Lock{name, scope.holder, scope.members.front().pid, scope.held_since, waiting_in(scope)});
  }
  std::sort(out.begin(), out.end(), [](const Lock& a, const Lock& b) { return a.since < b.since; });
  return out;
}

}  // namespace bus::hub
