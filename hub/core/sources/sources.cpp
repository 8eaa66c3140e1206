#include "hub/core/sources/sources.h"

#include <array>
#include <utility>

#include "hub/core/base/turn_budget.h"
#include "hub/core/delivery/delivery.h"
#include "hub/core/peers/peers.h"
#include "protocol/encode.h"
#include "protocol/json_writer.h"

namespace bus::hub {

namespace {

// What a source that is told to a newcomer costs, in units of the turn.
constexpr size_t kUnitsPerSource = 50;

constexpr std::string_view kKeyPrefix = "bus.source.";

}  // namespace

struct Sources::Bearer final : Part {
  ~Bearer() override { BUSD_CHECK(source == nullptr); }
  NamedSource* source = nullptr;
};

std::span<const MessageRule> Sources::messages() const {
  static constexpr std::array kRules{rule<&Sources::report>(Allowed::first_later)};
  return kRules;
}

void Sources::joined(Peer& peer, TimePoint) {
  if (peer.phase == Phase::consumer) {
    tell_newcomer(peer);
    return;
  }
  if (peer.phase != Phase::source || peer.key.empty()) return;
  NamedSource& source = table_.add(peer.key);
  part<Bearer>(peer).source = &source;
  source.pid = peer.shown_pid();
  source.kernel_pid = peer.kernel_pid;
  source.uid = peer.uid;
  peer.published_as_name = &source.published;
  tell_all({source.name, source.state, {}});
}

void Sources::leave(Peer& peer) {
  Bearer* bearer = find_part<Bearer>(peer);
  if (bearer == nullptr) return;
  NamedSource& source = *std::exchange(bearer->source, nullptr);
  peer.published_as_name = nullptr;
  SourceStatus goodbye{source.name, SourceState::disconnected, {}};
  bool was_last = source.connections == 1;
  table_.drop(source);  // may forget it
  if (was_last) tell_all(goodbye);
}

Answer Sources::report(Peer&, SourceStatus& message, TimePoint) {
  table_.report(message);
  tell_all(message);
  return {};
}

// What does not fit the consumer's queue is left out.
void Sources::tell_newcomer(Peer& consumer) {
  hub_.turn.spend(table_.size() * kUnitsPerSource);
  for (const NamedSource* source : table_.known()) {
    if (source->has_gone()) continue;
    size_t least = source->name.size() + source->detail.size();
    if (!hub_.delivery.has_room_for_notice(consumer, least)) continue;
    hub_.delivery.notice(consumer, encode(SourceStatus{source->name, source->state, source->detail}),
                         hub_.ledger.payers(*consumer.account, Pool::queues));
  }
}

void Sources::tell_all(const SourceStatus& status) {
  keep_state(status);
  const auto& consumers = hub_.peers.consumers();
  if (!consumers.empty()) hub_.delivery.notice_all(consumers, encode(status));
}

// As a value, for those that come later or read slowly.
void Sources::keep_state(const SourceStatus& status) {
  if (hub_.values == nullptr) return;
  std::string value;
  ObjectWriter writer(value);
  writer.text("state", name_of(status.state));
  writer.text_if_any("detail", status.detail);
  writer.number("since_ms", hub_.values->wall_ms());
  writer.end();
  hub_.values->set_own(std::string(kKeyPrefix) + status.source, std::move(value));
}

void Sources::forget_state(const std::string& name) {
  if (hub_.values != nullptr) hub_.values->set_own(std::string(kKeyPrefix) + name, {});
}

void Sources::describe(StatusWriter& out, TimePoint now) const {
  out.begin_list("sources");
  if (describe_named(out, now)) describe_anonymous(out, now);
  out.end_list();
}

// False when there is no room for more.
bool Sources::describe_named(StatusWriter& out, TimePoint now) const {
  for (const NamedSource* source : table_.known()) {
    if (!out.begin_row()) return false;
    out.label("source", source->name);
    out.choice("state", name_of(source->state),
               {"busd_source_state", "The state of a named source, as the label says."});
    out.number("pid", source->pid);
    if (source->kernel_pid != source->pid) out.number("kernel_pid", source->kernel_pid);
    out.number("uid", source->uid);
    out.number("published", source->published.count,
               {"busd_source_events_published_total", "Events accepted from a named source."});
    if (source->published.last != kNever) {
      out.number(
          "last_event_ms_ago", to_ms(now - source->published.last),
          {"busd_source_last_event_age_seconds", "Time since the last event of a named source.", kMilli});
    }
    out.end_row();
  }
  return true;
}

// They are no metrics: each connection would begin series that end with it.
void Sources::describe_anonymous(StatusWriter& out, TimePoint now) const {
  for (const Peer* peer : hub_.peers.oldest_first()) {
    if (!peer->publishes() || peer->published_as_name != nullptr) continue;
    // One that began without a hello and has only called, or told the state of others, is no source.
    if (peer->phase == Phase::anonymous && !peer->published) continue;
    if (!out.begin_row()) return;
    out.text("source", "");
    out.text("state", name_of(SourceState::connected));
    out.number("pid", peer->shown_pid());
    if (peer->kernel_pid != peer->shown_pid()) out.number("kernel_pid", peer->kernel_pid);
    out.number("uid", peer->uid);
    out.number("published", peer->published ? peer->published->count : 0);
    if (peer->published && peer->published->last != kNever)
      out.number("last_event_ms_ago", to_ms(now - peer->published->last));
    out.end_row();
  }
}

}  // namespace bus::hub
