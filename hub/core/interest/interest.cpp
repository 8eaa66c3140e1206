#include "hub/core/interest/interest.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/core/base/turn_budget.h"
#include "hub/core/delivery/delivery.h"
#include "hub/core/peers/closing.h"
#include "protocol/encode.h"
#include "protocol/messages/interest.h"

namespace bus::hub {

namespace {

// What is made at a time, and then is not replaced any more. Part of what a hello with `publishes` is charged
// for.
constexpr size_t kBytesAtATime = 4096;

bool counts_for_interest(const Peer& peer) { return peer.phase == Phase::consumer && !peer.observer; }

}  // namespace

// What one peer publishes, by its hello.
struct Interest::Announced final : Part, Feed, Audience::Watcher {
  struct Entry : Audience::Watch {
    std::string event_type;
    std::optional<bool> told;  // that somebody listens, or nobody
    bool waits = false;
    Entry* next = nullptr;  // among those that wait
  };

  ~Announced() override { BUSD_CHECK(count == 0); }

  void announce(Peer& publisher, Hub& core, Audience& tree);
  void withdraw();
  void may_have_changed(Audience::Watch& watch) override;
  std::optional<Pool> pool() const override { return Pool::subscriptions; }
  bool render(std::string& out, size_t want) override;
  void add_waiting(Entry& entry);

  Peer* peer = nullptr;
  Hub* hub = nullptr;
  Audience* audience = nullptr;
  std::unique_ptr<Entry[]> entries;
  size_t count = 0;
  Entry* first = nullptr;  // of those that wait
  Entry* last = nullptr;
  bool is_fed = false;  // delivery asks for more
};

void Interest::Announced::announce(Peer& publisher, Hub& core, Audience& tree) {
  peer = &publisher;
  hub = &core;
  audience = &tree;
  std::vector<std::string> announces = std::exchange(publisher.announces, {});
  std::set<std::string_view> seen;
  entries = std::make_unique<Entry[]>(announces.size());
  for (const std::string& event_type : announces) {
    if (!seen.insert(event_type).second) continue;
    Entry& entry = entries[count++];
    entry.event_type = event_type;
    tree.watch(entry, event_type, *this);
    add_waiting(entry);
  }
}

void Interest::Announced::withdraw() {
  for (size_t i = 0; i < count; ++i) audience->unwatch(entries[i]);
  count = 0;
  first = last = nullptr;
}

void Interest::Announced::may_have_changed(Audience::Watch& watch) {
  // All connections end: what a source would learn from that is not worth a byte.
  if (hub->closing.is_stopping()) return;
  add_waiting(static_cast<Entry&>(watch));
}

void Interest::Announced::add_waiting(Entry& entry) {
  if (std::exchange(entry.waits, true)) return;
  entry.next = nullptr;
  (first == nullptr ? first : last->next) = &entry;
  last = &entry;
  if (!std::exchange(is_fed, true)) hub->delivery.feed(*peer, *this);
}

bool Interest::Announced::render(std::string& out, size_t want) {
  size_t enough = out.size() + std::min(want, kBytesAtATime);
  while (first != nullptr && out.size() < enough) {
    Entry& entry = *std::exchange(first, first->next);
    entry.waits = false;
    uint64_t number = audience->consumers(entry);
    // Some more or less, or it went and came back before it was told.
    if (std::exchange(entry.told, number > 0) == (number > 0)) continue;
    out += encode(InterestMessage{entry.event_type, number});
  }
  is_fed = first != nullptr;
  return is_fed;
}

std::span<const MessageRule> Interest::messages() const {
  static constexpr std::array kRules{sent_by_hub<InterestMessage>()};
  return kRules;
}

void Interest::joined(Peer& peer, TimePoint) {
  if (counts_for_interest(peer)) hub_.turn.spend(audience_.join(peer.event_types));
  if (peer.announces.empty()) return;
  hub_.turn.spend(peer.announces.size());
  part<Announced>(peer).announce(peer, hub_, audience_);
}

void Interest::leave(Peer& peer) {
  // First what it is told, so that it is not told that it goes itself.
  if (Announced* announced = find_part<Announced>(peer)) announced->withdraw();
  if (counts_for_interest(peer)) hub_.turn.spend(audience_.leave(peer.event_types));
}

}  // namespace bus::hub
