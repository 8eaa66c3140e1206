#include "hub/core/values/values.h"

#include <algorithm>
#include <utility>

#include "hub/core/base/config.h"
#include "hub/core/base/turn_budget.h"
#include "hub/core/peers/closing.h"
#include "hub/core/peers/peers.h"
#include "hub/core/values/values_asked.h"
#include "protocol/base/strings.h"
#include "protocol/event_pattern.h"

namespace bus::hub {

namespace {

// In units of the turn: what a key that is listed costs, and a change, with all that becomes of it.
constexpr size_t kUnitsPerKey = 20;
constexpr size_t kUnitsPerChange = 100;

bool is_pattern(std::string_view key) { return parse_event_pattern(key).kind != EventPattern::Kind::exact; }

bool may_match_hubs(const std::vector<std::string>& keys) {
  return std::any_of(keys.begin(), keys.end(),
                     [](std::string_view wanted) { return wanted.starts_with(kHubKeys); });
}

// Whether the value is nested deeper than it may be.
bool is_too_deep(std::string_view json) {
  // Each level takes two bytes.
  if (json.size() < 2 * kMaxValueDepth) return false;
  size_t depth = 0;
  bool is_text = false;
  for (size_t at = 0; at < json.size(); ++at) {
    char c = json[at];
    if (c == '\\') {
      ++at;
    } else if (c == '"') {
      is_text = !is_text;
    } else if (!is_text && (c == '{' || c == '[')) {
      if (++depth > kMaxValueDepth) return true;
    } else if (!is_text && (c == '}' || c == ']')) {
      --depth;
    }
  }
  return false;
}

Fault no_version() {
  return {ErrorCode::bad_frame, "version must be from 1; give the one that the change is to make"};
}

// As an `error`, for a change without an id.
Fault fault_without_id(const ValueFault& fault) {
  ErrorCode code = ErrorCode::busy;
  for (std::string_view each : {"not_allowed", "stale", "exists", "not_found"}) {
    if (fault.code == each) code = ErrorCode::not_allowed;
  }
  for (std::string_view each : {"bad_args", "too_large"}) {
    if (fault.code == each) code = ErrorCode::bad_frame;
  }
  return {code, std::string(fault.code) + ": " + fault.message};
}

}  // namespace

std::span<const MessageRule> Values::messages() const {
  static constexpr std::array kRules{
      rule<&Values::put>(Allowed::first_later),
      rule<&Values::remove>(Allowed::first_later),
      rule<&Values::get>(Allowed::first_later),
      rule<&Values::list>(Allowed::first_later),
      rule<&Values::watch>(Allowed::first_later),
      rule<&Values::unwatch>(Allowed::later),
      sent_by_hub<Value>(),
      sent_by_hub<Synced>(),
  };
  return kRules;
}

ValuePeer& Values::value_peer(Peer& peer) {
  if (auto* found = find_part<ValuePeer>(peer)) return *found;
  return make_part<ValuePeer>(peer, peer, writer_);
}

// ---- what is asked

std::unique_ptr<Values::Asked> Values::asked_by(Peer& peer, std::string id, std::string key, size_t bytes) {
  auto operation = std::make_unique<Asked>();
  operation->from = peer.id;
  operation->bytes = sizeof(Asked) + id.size() + key.size() + bytes;
  operation->key = std::move(key);
  operation->id = std::move(id);
  operation->frame = peer.frames_in;
  // Only what may wait is charged.
  if (operations_.has_store()) operation->charge(hub_.ledger, *peer.account);
  return operation;
}

void Values::take(std::unique_ptr<Asked> operation) {
  PeerId from = operation->from;
  operations_.take(std::move(operation), clock_);
  if (Peer* peer = hub_.peers.find(from)) settle(value_peer(*peer));
}

std::optional<ValueFault> Values::fault_of(const Put& message) const {
  if (message.create && message.version && *message.version != 1)
    return ValueFault{
        "bad_args", "create makes version 1 of a key that does not exist; leave version out", {}};
  if (message.while_connected && message.durable != Durability::usual &&
      message.durable != Durability::memory) {
    return ValueFault{"bad_args", "while_connected values are not stored; leave durable out", {}};
  }
  if (is_too_deep(message.value)) {
    return ValueFault{
        "bad_args", "the value is nested deeper than " + std::to_string(kMaxValueDepth) + " levels", {}};
  }
  return {};
}

std::optional<ValueFault> Values::fault_of_change(const Peer& peer, const std::string& key,
                                                  size_t bytes) const {
  if (key.starts_with(kHubKeys))
    return ValueFault{"not_allowed", "keys below bus. belong to the hub: " + printable(key), {}};
  if (is_pattern(key))
    return ValueFault{"bad_args", "a key cannot be a pattern: " + printable(key) + "; name one key", {}};
  if (bytes > kMaxValueBytes) {
    return ValueFault{
        "too_large",
        "the value has " + std::to_string(bytes) + " bytes; the most is " + std::to_string(kMaxValueBytes),
        {}};
  }
  if (hub_.closing.is_stopping()) return ValueFault{"stopping", "the hub stops", {}};
  if (operations_.has_store() && !hub_.ledger.has_room_for(*peer.account, Pool::unfinished, bytes)) {
    hub_.closing.refused_memory(const_cast<Peer&>(peer), Pool::unfinished);
    return ValueFault{"busy", hub_.ledger.shortage_of(*peer.account, Pool::unfinished, bytes), {}};
  }
  if (keeper_ != nullptr && !keeper_->can_give())
    return ValueFault{"store", "the store's disk has not answered for too long; try again later", {}};
  return {};
}

Answer Values::put(Peer& peer, Put& message, TimePoint now) {
  set_clock(now);
  if (message.version == 0U) return no_version();
  if (message.ttl_ms && (*message.ttl_ms == 0 || *message.ttl_ms > kMaxTtlMs)) {
    return Fault{ErrorCode::bad_frame,
                 "ttl_ms must be from 1 to " + std::to_string(kMaxTtlMs) + ", which is ten years"};
  }
  auto fault = fault_of_change(peer, message.key, message.value.size());
  if (!fault) fault = fault_of(message);
  if (fault) return refuse(peer, message.id, *fault);
  auto operation = asked_by(peer, std::move(message.id), std::move(message.key), message.value.size());
  ValueChange& change = operation->change.emplace();
  change.version = message.version;
  change.create = message.create;
  change.if_changed = message.if_changed;
  change.value = SharedText(message.value);
  change.uid = peer.uid;
  if (message.ttl_ms) change.expires = clock_ + milliseconds(*message.ttl_ms);
  if (message.while_connected) {
    change.owner = peer.id;
  } else if (message.durable == Durability::usual) {
    change.is_stored = !path_.empty();
  } else {
    change.is_stored = message.durable != Durability::memory;
    operation->sync = message.durable == Durability::power;
  }
  hub_.turn.spend(kUnitsPerChange);
  take(std::move(operation));
  return {};
}

Answer Values::remove(Peer& peer, Delete& message, TimePoint now) {
  set_clock(now);
  if (message.version == 0U) return no_version();
  if (auto fault = fault_of_change(peer, message.key, 0)) return refuse(peer, message.id, *fault);
  auto operation = asked_by(peer, std::move(message.id), std::move(message.key), 0);
  ValueChange& change = operation->change.emplace();
  change.version = message.version;
  change.uid = peer.uid;
  hub_.turn.spend(kUnitsPerChange);
  take(std::move(operation));
  return {};
}

Answer Values::get(Peer& peer, Get& message, TimePoint now) {
  set_clock(now);
  if (is_pattern(message.key)) {
    writer_.refuse(value_peer(peer), message.id,
                   {"bad_args", printable(message.key) + " is a pattern; ask for it with list", {}});
    return {};
  }
  auto operation = asked_by(peer, std::move(message.id), std::move(message.key), 0);
  operation->kind = Asked::Kind::get;
  take(std::move(operation));
  return {};
}

Answer Values::list(Peer& peer, List& message, TimePoint now) {
  set_clock(now);
  if (message.keys.empty()) message.keys.emplace_back("*");
  auto operation = asked_by(peer, message.id, {}, 0);
  operation->kind = Asked::Kind::list;
  operation->list = std::make_unique<List>(std::move(message));
  take(std::move(operation));
  return {};
}

Answer Values::watch(Peer& peer, Watch& message, TimePoint now) {
  set_clock(now);
  if (message.keys.empty())
    return Fault{ErrorCode::bad_frame, "keys is missing or empty; name the keys or patterns to watch"};
  auto operation = asked_by(peer, message.id, {}, 0);
  operation->kind = Asked::Kind::watch;
  operation->watch = std::make_unique<Watch>(std::move(message));
  take(std::move(operation));
  return {};
}

Answer Values::unwatch(Peer& peer, Unwatch& message, TimePoint now) {
  set_clock(now);
  auto operation = asked_by(peer, std::move(message.id), {}, 0);
  operation->kind = Asked::Kind::unwatch;
  take(std::move(operation));
  return {};
}

// ---- what became of it

// Something of the peer's waits, or waits no longer.
void Values::settle(ValuePeer& part) {
  ValueOperations::Waiting waiting = operations_.waiting(part.peer.id);
  bool is_much = waiting.operations > kMaxWaitingChanges || waiting.bytes > kMaxWaitingChangeBytes;
  hub_.peers.hold(part.peer, kHeldByValues, is_much || ValueWriter::has_much_to_take(part));
  if (!is_owed(part)) hub_.closing.owes_nothing(part.peer, kHeldByValues, hub_.now);
}

// Whether something is to come for one that says nothing more. What its watches have to tell is written like all else that waits for
// it; one that has not said `bye` may go on watching, as a consumer may.
bool Values::is_owed(const ValuePeer& part) const {
  if (operations_.waiting(part.peer.id).operations > 0) return true;
  return !part.peer.said_bye && !part.watches.empty();
}

std::optional<ValueFault> Values::fault_of_verdict(const Asked& operation,
                                                   const ValueJudgement& judgement) const {
  const auto& [verdict, version, entry] = judgement;
  if (verdict == ValueVerdict::accepted || verdict == ValueVerdict::unchanged) return {};
  const std::string key = printable(operation.key);
  switch (verdict) {
    case ValueVerdict::accepted:
    case ValueVerdict::unchanged:
      break;
    case ValueVerdict::stale: {
      std::string has = version == 0 ? " has no version" : " has version " + std::to_string(version);
      std::string next = version == 0 ? "its first one is made by version 1"
                                      : "the next one is " + std::to_string(version + 1);
      return ValueFault{"stale", key + has + "; " + next, ValueWriter::stale_data(entry)};
    }
    case ValueVerdict::exists:
      return ValueFault{"exists", key + " exists; leave create out to replace it",
                        ValueWriter::stale_data(entry)};
    case ValueVerdict::not_found:
      return ValueFault{"not_found", "there is no key " + key, {}};
    case ValueVerdict::full:
      return ValueFault{"full", accounts_.shortage_of(*operation.change), {}};
  }
  return {};
}

void Values::judged(ValueOperation& operation, const ValueJudgement& judgement) {
  auto& asked = static_cast<Asked&>(operation);
  const auto& [verdict, version, entry] = judgement;
  if (verdict == ValueVerdict::accepted) note_given(*entry, operation.change->expired);
  Peer* peer = hub_.peers.find(operation.from);
  ValuePeer* part = peer == nullptr ? nullptr : &value_peer(*peer);
  if (part == nullptr) return;
  if (auto fault = fault_of_verdict(asked, judgement)) {
    refuse(*part, asked, *fault);
  } else if (!asked.id.empty()) {
    bool is_unchanged = verdict == ValueVerdict::unchanged;
    writer_.respond_to_change(*part, asked.id, version, entry->rev(), is_unchanged);
  }
  settle(*part);
}

void Values::not_stored(ValueOperation& operation) {
  Peer* peer = hub_.peers.find(operation.from);
  if (peer == nullptr) return;
  std::string why = fault_.empty()
                        ? "this hub stores nothing; leave durable out, or start it with --values PATH"
                        : "the store takes no changes: " + fault_;
  ValuePeer& part = value_peer(*peer);
  refuse(part, static_cast<Asked&>(operation), {"store", std::move(why), {}});
  settle(part);
}

void Values::refuse(ValuePeer& part, const Asked& operation, const ValueFault& fault) {
  ++refused_;
  if (!operation.id.empty()) return writer_.refuse(part, operation.id, fault);
  Fault error = fault_without_id(fault);
  hub_.closing.answer_frame(part.peer, error.code, error.message, operation.frame, hub_.now);
}

Answer Values::refuse(Peer& peer, const std::string& id, const ValueFault& fault) {
  ++refused_;
  if (id.empty()) return fault_without_id(fault);
  writer_.refuse(value_peer(peer), id, fault);
  return {};
}

void Values::look(ValueOperation& operation) {
  auto& asked = static_cast<Asked&>(operation);
  if (asked.kind == Asked::Kind::leave) end_owned(asked.leaver);
  Peer* peer = hub_.peers.find(operation.from);
  if (peer == nullptr) return;
  ValuePeer& part = value_peer(*peer);
  switch (asked.kind) {
    case Asked::Kind::get:
      answer_get(part, asked);
      break;
    case Asked::Kind::list:
      answer_list(part, asked);
      break;
    case Asked::Kind::watch:
      begin_watch(part, asked);
      break;
    case Asked::Kind::unwatch:
      end_watch(part, asked);
      break;
    case Asked::Kind::change:
    case Asked::Kind::leave:
      break;
  }
  settle(part);
}

// Its end may wait for the disk; nobody is told of it any more.
bool Values::is_over(const ValueEntry& entry) const { return entry.visible().expires <= clock_; }

void Values::answer_get(ValuePeer& part, const Asked& operation) {
  const ValueEntry* entry = table_.find(operation.key);
  if (entry == nullptr || !entry->visible().exists() || is_over(*entry)) {
    return writer_.refuse(part, operation.id,
                          {"not_found", "there is no key " + printable(operation.key), {}});
  }
  std::string state;
  writer_.append_state(state, *entry, true);
  writer_.respond(part, operation.id, state);
}

void Values::answer_list(ValuePeer& part, const Asked& operation) {
  const List& asked = *operation.list;
  std::string result = R"({"keys":[)";
  size_t count = 0;
  const ValueEntry* last = nullptr;
  const ValueEntry* next = keys_.first(asked.keys, asked.after);
  std::string state;
  for (; next != nullptr && count < asked.limit; next = keys_.first(asked.keys, next->key())) {
    if (is_over(*next)) continue;
    state.clear();
    writer_.append_state(state, *next, asked.values);
    if (count > 0 && result.size() + state.size() + kValueEnvelopeBytes > kMaxFrameBytes) break;
    if (count++ > 0) result += ',';
    result += state;
    last = next;
  }
  result += ']';
  if (next != nullptr && last != nullptr) {
    result += R"(,"next":)";
    append_json_string(result, last->key());
  }
  result += '}';
  hub_.turn.spend(count * kUnitsPerKey);
  writer_.respond(part, operation.id, result);
}

void Values::begin_watch(ValuePeer& part, Asked& operation) {
  Watch& asked = *operation.watch;
  if (hub_.closing.is_stopping()) return writer_.refuse(part, asked.id, {"stopping", "the hub stops", {}});
  if (part.watches.count(asked.id) > 0) {
    return hub_.closing.answer_frame(part.peer, ErrorCode::bad_frame,
                                     "a watch with the id " + printable(asked.id) +
                                         " is open on this connection; give each an id of its own",
                                     operation.frame, hub_.now, asked.id);
  }
  if (part.watches.size() >= kMaxWatches) {
    return writer_.refuse(
        part, asked.id,
        {"busy", "this connection has " + std::to_string(kMaxWatches) + " watches; end one first", {}});
  }
  size_t bytes = sizeof(PeerWatch) + asked.id.size();
  for (const std::string& key : asked.keys) bytes += kWatchedKeyBytes + key.size();
  if (!hub_.ledger.has_room_for(*part.peer.account, Pool::subscriptions, bytes)) {
    hub_.closing.refused_memory(part.peer, Pool::subscriptions);
    return writer_.refuse(
        part, asked.id,
        {"busy", hub_.ledger.shortage_of(*part.peer.account, Pool::subscriptions, bytes), {}});
  }
  WatchOrder order;
  order.keys = std::move(asked.keys);
  if (asked.since) {
    // What the hub knows of its own keys begins with it.
    bool is_known = asked.epoch == writer_.epoch() &&
                    (*asked.since == 0 || *asked.since >= first_rev_ || !may_match_hubs(order.keys));
    order.since = is_known ? *asked.since : 0;
    order.reset = !is_known;
  } else if (!asked.snapshot) {
    order.since = table_.counters().rev;
  }
  auto watch = std::make_unique<PeerWatch>(std::move(order), part, asked.id, asked.values);
  watch->charge.set(*part.peer.account, Pool::subscriptions, bytes);
  PeerWatch& added = *watch;
  part.watches.emplace(asked.id, std::move(watch));
  watches_.add(added);
  writer_.wake(added);
}

void Values::end_watch(ValuePeer& part, const Asked& operation) {
  auto at = part.watches.find(operation.id);
  if (at == part.watches.end()) {
    return hub_.closing.answer_frame(
        part.peer, ErrorCode::bad_frame,
        "no watch with the id " + printable(operation.id) + " is open on this connection", operation.frame,
        hub_.now, operation.id);
  }
  remove_watch(part, *at->second);
  writer_.respond(part, operation.id, {});
}

void Values::remove_watch(ValuePeer& part, PeerWatch& watch) {
  watches_.remove(watch);
  ValueWriter::forget(watch);
  part.watches.erase(part.watches.find(watch.id));
}

void Values::remove_watches(ValuePeer& part) {
  while (!part.watches.empty()) remove_watch(part, *part.watches.begin()->second);
}

void Values::watch_woken(ValueWatch& watch) { writer_.wake(static_cast<PeerWatch&>(watch)); }

// ---- who goes

void Values::leave(Peer& peer) {
  ValuePeer* part = find_part<ValuePeer>(peer);
  if (part == nullptr) return;
  part->has_left = true;
  auto operation = asked_by(peer, {}, {}, 0);
  operation->kind = Asked::Kind::leave;
  operation->leaver = peer.id;
  operation->stays = true;
  set_clock(hub_.now);
  operations_.take(std::move(operation), clock_);
  hub_.closing.owe(peer, kHeldByValues, is_owed(*part));
}

void Values::gone(Peer& peer) {
  ValuePeer* part = find_part<ValuePeer>(peer);
  if (part == nullptr) return;
  operations_.forget(peer.id);
  remove_watches(*part);
}

void Values::stop() {
  hub_.peers.for_each([&](Peer& peer) {
    ValuePeer* part = find_part<ValuePeer>(peer);
    if (part == nullptr) return;
    while (!part->watches.empty()) {
      PeerWatch& watch = *part->watches.begin()->second;
      std::string id = watch.id;
      remove_watch(*part, watch);
      writer_.refuse(*part, id, {"stopping", "the hub stops", {}});
    }
    hub_.closing.owe(peer, kHeldByValues, operations_.waiting(peer.id).operations > 0);
  });
}

}  // namespace bus::hub
