// When the memory for queues is used up: whose events are dropped, and how many.
//
// The longest queues of the user that has the most are cut, so that what is lost is lost evenly. Delivery
// calls this at the end of a turn in which something was queued.
#pragma once

#include "hub/core/base/budget.h"
#include "hub/core/delivery/outgoing_owner.h"
#include "hub/core/delivery/writer.h"

namespace bus::hub {

class Reclaim {
 public:
  Reclaim(Ledger& ledger, Writer& writer, OutgoingOwner& owner)
      : ledger_(ledger), writer_(writer), owner_(owner) {}

  // Until every user has what it may have of the queues' pool, and all together have it.
  void run();

 private:
  void cut_longest(const Account& account);
  void release_partial(const Account& account);

  Ledger& ledger_;
  Writer& writer_;
  OutgoingOwner& owner_;
};

}  // namespace bus::hub
