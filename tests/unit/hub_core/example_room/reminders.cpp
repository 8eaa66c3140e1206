#include "tests/unit/hub_core/example_room/reminders.h"

#include <array>
#include <utility>

#include "hub/core/delivery/delivery.h"
#include "hub/core/peers/closing.h"
#include "protocol/encode.h"

namespace bus::example {

using hub::Allowed;
using hub::Answer;
using hub::Deadline;
using hub::MessageRule;
using hub::Peer;
using hub::Pool;

namespace {

constexpr int64_t kMaxAfterMs = 60'000;
// Many, because they cost nothing while they wait: a feed makes each when the socket has room for it.
constexpr int64_t kMaxTimes = 1'000'000;

}  // namespace

// What one peer has asked for. Until the time has come it is a deadline, from then on a feed.
struct Reminders::Plan final : hub::Part, hub::Feed {
  ~Plan() override { BUSD_CHECK(!waits); }

  bool render(std::string& out, size_t want) override {
    for (; left > 0 && out.size() < want; --left) out += encode(Reminder{about, ++made});
    if (left == 0) charge.release();
    return left > 0;
  }
  std::optional<hub::Pool> pool() const override { return hub::Pool::replies; }

  std::string about;
  int64_t left = 0;  // reminders that are still to be made; 0: another plan may be made
  int64_t made = 0;
  bool waits = false;  // for its time
  hub::PoolCharge charge;
  struct Due : Deadline {
    Peer* peer = nullptr;
  } due;
};

std::span<const MessageRule> Reminders::messages() const {
  static constexpr std::array kRules{hub::rule<&Reminders::remind>(Allowed::later),
                                     hub::sent_by_hub<Reminder>()};
  return kRules;
}

Answer Reminders::remind(Peer& peer, Remind& message, TimePoint now) {
  if (message.after_ms < 0 || message.after_ms > kMaxAfterMs)
    return Fault{ErrorCode::bad_frame, "after_ms must be 0 to " + std::to_string(kMaxAfterMs)};
  if (message.times < 1 || message.times > kMaxTimes)
    return Fault{ErrorCode::bad_frame, "times must be 1 to " + std::to_string(kMaxTimes)};
  Plan& plan = part<Plan>(peer);
  if (plan.left > 0)
    return Fault{ErrorCode::not_allowed, "ask again when all reminders of the remind before have come"};
  size_t bytes = message.about.size();
  if (!hub_.ledger.has_room_for(*peer.account, Pool::subscriptions, bytes)) {
    hub_.closing.refused_memory(peer, Pool::subscriptions);
    return Fault{ErrorCode::busy, hub_.ledger.shortage_of(*peer.account, Pool::subscriptions, bytes)};
  }
  plan.charge.set(*peer.account, Pool::subscriptions, bytes);
  plan.about = std::move(message.about);
  plan.left = message.times;
  plan.made = 0;
  plan.waits = true;
  plan.due.peer = &peer;
  plan.due.arm(hub_.deadlines, *this, now + std::chrono::milliseconds(message.after_ms));
  ++waiting_;
  return {};
}

void Reminders::expired(Deadline& deadline, TimePoint) {
  Peer& peer = *static_cast<Plan::Due&>(deadline).peer;
  Plan& plan = *find_part<Plan>(peer);
  plan.waits = false;
  --waiting_;
  ++due_;
  hub_.delivery.feed(peer, plan);
}

// What waits for its time is dropped; a feed goes on until the connection is closed.
void Reminders::leave(Peer& peer) {
  Plan* plan = find_part<Plan>(peer);
  if (plan == nullptr || !std::exchange(plan->waits, false)) return;
  plan->due.disarm();
  --waiting_;
}

void Reminders::describe(hub::StatusWriter& out, TimePoint) const {
  out.begin_object("reminders");
  out.number("waiting", waiting_, {"busd_reminders_waiting", "Plans whose time has not come."});
  out.number("due", due_, {"busd_reminders_due_total", "Plans whose time has come."});
  out.end_object();
}

}  // namespace bus::example
