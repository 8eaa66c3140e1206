#include "hub/core/scopes/scopes.h"

#include <array>
#include <utility>

#include "hub/core/base/config.h"
#include "hub/core/base/turn_budget.h"
#include "hub/core/peers/closing.h"
#include "hub/core/peers/handshake.h"
#include "hub/core/peers/input.h"
#include "protocol/base/strings.h"
#include "protocol/json_writer.h"
#include "protocol/limits.h"

namespace bus::hub {

struct Scopes::Member final : Part {
  ~Member() override { BUSD_CHECK(scope.empty() && !waits); }

  std::string_view scope;          // the peer's subscription id or key; empty: it is in none
  bool waits = false;              // for a clean-up lock
  RareDeadline<Peer> holds_until;  // armed while it holds the scope's lock
};

std::span<const MessageRule> Scopes::messages() const {
  static constexpr std::array kRules{rule<&Scopes::check>(Allowed::later), sent_by_hub<PreShutdownAck>()};
  return kRules;
}

Welcome Scopes::admit(Peer& peer, TimePoint) {
  Member& member = part<Member>(peer);
  member.scope = peer.subscription_id.empty() ? peer.key : peer.subscription_id;
  bool may_wait = waiting_ < kMaxWaitingHellos && peer.account->waiting < peer.account->max_waiting;
  KeyRegistry::Answer answer =
      registry_.join(member.scope, {peer.id, peer.shown_pid(), peer.exclusive}, may_wait);
  switch (answer.outcome) {
    case KeyRegistry::Outcome::waiting:
      member.waits = true;
      ++waiting_;
      ++peer.account->waiting;
      return {Welcome::Kind::waits, false, {}};
    case KeyRegistry::Outcome::rejected:
      member.scope = {};
      return {Welcome::Kind::rejected, false, std::move(answer.reason)};
    case KeyRegistry::Outcome::joined:
    case KeyRegistry::Outcome::joined_first:
      break;
  }
  return {Welcome::Kind::welcome, answer.outcome == KeyRegistry::Outcome::joined_first, {}};
}

void Scopes::stop_waiting(Peer& peer, Member& member) {
  if (!std::exchange(member.waits, false)) return;
  --waiting_;
  --peer.account->waiting;
}

bool Scopes::has_work() const { return !answers_.empty() && !hub_.closing.is_stopping(); }

void Scopes::end_of_turn(TimePoint now) {
  // A peer that is let in may have sent frames after its hello, and these may release another lock.
  while (has_work() && !hub_.turn.is_spent()) {
    KeyRegistry::Answer answer = std::move(answers_.front());
    answers_.pop_front();
    Peer* waiter = hub_.peers.find(answer.peer);
    Member* member = waiter == nullptr ? nullptr : find_part<Member>(*waiter);
    if (member == nullptr || !member->waits) continue;
    stop_waiting(*waiter, *member);
    bool rejected = answer.outcome == KeyRegistry::Outcome::rejected;
    hub_.handshake.decide(*waiter,
                          {rejected ? Welcome::Kind::rejected : Welcome::Kind::welcome,
                           answer.outcome == KeyRegistry::Outcome::joined_first, std::move(answer.reason)},
                          now);
    hub_.input.resume(*waiter, now);
  }
}

Answer Scopes::check(Peer& peer, PreShutdownCheck& message, TimePoint now) {
  Member* member = find_part<Member>(peer);
  std::string_view own = member == nullptr ? std::string_view() : member->scope;
  std::string_view scope = message.subscription_id.empty() ? message.event_key : message.subscription_id;
  if (scope.empty()) scope = own;
  bool last = peer.phase == Phase::consumer && scope == own && registry_.check(scope, peer.id, now);
  if (last && member->holds_until.at() == kNever)
    member->holds_until.arm(hub_.deadlines, *this, now + hub_.config.cleanup_timeout, peer, peer.id);
  hub_.closing.reply(peer, PreShutdownAck{last}, now + kWriteTimeout);
  return {};
}

void Scopes::expired(Deadline& deadline, TimePoint) {
  Peer& peer = RareDeadline<Peer>::whose(deadline);
  hub_.closing.close_now(peer, Notice::Kind::cleanup_timeout,
                         "held the clean-up lock of scope " + printable(find_part<Member>(peer)->scope) +
                             " for more than " + format_duration(hub_.config.cleanup_timeout));
}

void Scopes::leave(Peer& peer) {
  Member* member = find_part<Member>(peer);
  if (member == nullptr) return;
  stop_waiting(peer, *member);
  member->holds_until.disarm();
  std::string_view scope = std::exchange(member->scope, {});
  if (scope.empty()) return;
  KeyRegistry::Departure departure = registry_.leave(scope, peer.id);
  take(std::move(departure.answers));
  if (departure.was_last && !peer.said_bye && !hub_.closing.is_stopping())
    nobody_cleaned(peer, std::string(scope));
}

// The peer was the last of the scope.
void Scopes::nobody_cleaned(Peer& peer, const std::string& scope) {
  hub_.peers.notice(Notice::Kind::uncleaned, peer, "nobody cleaned up " + scope);
  if (!peer.cleanup_task) return;
  registry_.lock(scope, hub_.now);
  cleanups_[scope] = {peer.id, peer.shown_pid(), *peer.cleanup_task};
  std::string args;
  ObjectWriter writer(args);
  writer.text("scope", scope);
  writer.text("reason", peer.hung_up ? "gone" : "closed");
  writer.end();
  hub_.calls->call_for(peer, *peer.cleanup_task, args, hub_.config.cleanup_timeout,
                       [this, scope](const std::optional<TaskFault>& fault) { end_cleanup(scope, fault); });
}

void Scopes::end_cleanup(const std::string& scope, const std::optional<TaskFault>& fault) {
  auto at = cleanups_.find(scope);
  Cleanup cleanup = std::move(at->second);
  cleanups_.erase(at);
  std::string text =
      "task " + printable(cleanup.task) + (fault ? " did not clean up " : " cleaned up ") + scope;
  if (fault) text += ": " + fault->code + ": " + fault->message;
  hub_.peers.notice({fault ? Notice::Kind::not_cleaned : Notice::Kind::cleaned_up, cleanup.peer, cleanup.pid,
                     std::move(text)});
  take(registry_.unlock(scope));
}

// What those that have waited are to be told.
void Scopes::take(std::vector<KeyRegistry::Answer> answers) {
  for (KeyRegistry::Answer& answer : answers) {
    // A peer that is rejected is in no scope from here on, though it may be told later.
    if (answer.outcome == KeyRegistry::Outcome::rejected)
      find_part<Member>(hub_.peers.get(answer.peer))->scope = {};
    answers_.push_back(std::move(answer));
  }
}

void Scopes::describe(StatusWriter& out, TimePoint now) const {
  out.begin_list("cleanup_locks");
  for (const KeyRegistry::Lock& lock : registry_.locks()) {
    if (!out.begin_row()) break;
    auto cleanup = cleanups_.find(lock.scope);
    bool of_hub = cleanup != cleanups_.end();
    out.label("scope", lock.scope);
    out.number("pid", of_hub ? cleanup->second.pid : lock.pid);
    out.number("held_ms", to_ms(now - lock.since),
               {"busd_cleanup_lock_held_seconds", "Age of the clean-up lock of a scope.", kMilli});
    out.number("waiting", lock.waiting,
               {"busd_cleanup_lock_waiting_hellos", "Consumers that wait for the clean-up lock."});
    if (of_hub) out.text("task", cleanup->second.task);
    out.end_row();
  }
  out.end_list();
}

}  // namespace bus::hub
