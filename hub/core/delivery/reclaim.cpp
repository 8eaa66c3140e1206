#include "hub/core/delivery/reclaim.h"

#include <algorithm>

#include "protocol/base/check.h"

namespace bus::hub {

namespace {

// A queue is cut by an eighth of the longest at a time.
constexpr size_t kCutPart = 8;

}  // namespace

void Reclaim::run() {
  if (ledger_.debtor(Pool::queues) == nullptr) return;
  owner_.for_each([](Outgoing& peer) { update_charges(peer); });
  while (const Account* debtor = ledger_.debtor(Pool::queues)) {
    ++ledger_.total(Pool::queues).refused;
    cut_longest(*debtor);
  }
}

void Reclaim::cut_longest(const Account& account) {
  size_t longest = 0;
  owner_.for_each([&](Outgoing& peer) {
    if (peer.account == &account) longest = std::max(longest, peer.outbox.droppable_bytes());
  });
  if (longest == 0) {
    release_partial(account);
    return;
  }
  size_t level = longest - longest / kCutPart - 1;
  bool enough = false;
  owner_.for_each([&](Outgoing& peer) {
    if (enough || peer.account != &account || peer.outbox.droppable_bytes() <= level) return;
    // Nothing is dropped that its socket would take.
    writer_.ask_socket(peer, [&] { return peer.outbox.droppable_bytes() <= level; });
    if (peer.outbox.drop_to(level) > 0) owner_.lost_events(peer);
    update_charges(peer);
    owner_.output_changed(peer);
    enough = ledger_.debtor(Pool::queues) != &account;
  });
}

// All that this user's queues still hold is events that were partly written. These cannot be dropped; but
// each may keep much more than itself from others. When that does not help, the connection that holds the
// most goes.
void Reclaim::release_partial(const Account& account) {
  Outgoing* most = nullptr;
  owner_.for_each([&](Outgoing& peer) {
    if (peer.account != &account) return;
    if (most == nullptr || peer.outbox.partial_holds() > most->outbox.partial_holds()) most = &peer;
  });
  BUSD_CHECK(most != nullptr && most->outbox.partial_bytes() > 0);
  size_t event = most->outbox.partial_bytes();
  if (most->outbox.partial_holds() > 2 * event) {
    most->outbox.isolate_partial(ledger_.payers(*most->account, Pool::queues));
    return;
  }
  if (!most->abandoned) {
    owner_.give_up(*most, Notice::Kind::evicted,
                   "had read only a part of an event of " + std::to_string(event) +
                       " bytes, and the hub's memory for queues is used up by such events");
  }
  most->outbox.forget();
  update_charges(*most);
}

}  // namespace bus::hub
