// What the room of calls keeps for one peer: its open calls, and the calls that it serves.
//
// It is also the feed by which the peer is written all that belongs to calls (call_feed.cpp).
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/calls/open_calls.h"
#include "hub/core/peers/peer.h"

namespace bus::hub {

class CallWriter;
struct Task;

// One who serves tasks. What it has said is the connection's, over all its tasks.
struct Provider {
  // A call that it was given, and has not answered; by the number in its id.
  struct Given {
    uint64_t number = 0;
    Call* call = nullptr;
  };

  std::vector<Task*> tasks;
  size_t slots = kDefaultSlots;
  int64_t priority = 0;
  std::vector<Given> given;     // in the order of their numbers
  uint64_t last_number = 0;     // of all that it was ever given
  uint64_t written_number = 0;  // of those that its socket took
  size_t unwritten_bytes = 0;   // of requests
  TimePoint idle_since;         // since its last call ended, or it provided
  uint64_t silent_since = 0;    // its frames when it let a call time out, plus 1; 0: none did
  uint64_t late = 0;            // what it sent for calls that had ended
  std::string id_prefix;        // of the ids of its requests

  std::vector<Given>::iterator at(uint64_t number) {
    return std::lower_bound(given.begin(), given.end(), number,
                            [](const Given& each, uint64_t wanted) { return each.number < wanted; });
  }
  Call* find(uint64_t number) {
    auto found = at(number);
    return found == given.end() || found->number != number ? nullptr : found->call;
  }
  std::vector<Given>::iterator first_unwritten() { return at(written_number + 1); }
  bool has_unwritten() const { return !given.empty() && given.back().number > written_number; }
};

struct CallPeer final : Part, Feed {
  CallPeer(Peer& whose, CallWriter& with) : peer(whose), writer(with) {}
  ~CallPeer() override;

  bool render(std::string& out, size_t want) override;
  std::optional<Pool> pool() const override { return Pool::calls; }

  bool has_free_slot() const {
    return provider && provider->given.size() < provider->slots &&
           provider->unwritten_bytes < kMaxUnwrittenBytes;
  }
  size_t free_slots() const { return provider->slots - provider->given.size(); }
  // It has sent nothing since it let a call time out.
  bool is_silent() const { return provider->silent_since == peer.frames_in + 1; }

  // Requests that a provider has not read; beyond, it has no free slot.
  static constexpr size_t kMaxUnwrittenBytes = size_t{4} * 1024 * 1024;

  Peer& peer;
  CallWriter& writer;

  // As a caller.
  OpenCalls open;      // until their responses are written
  CallList unwritten;  // those of which something is to be written

  // As a provider.
  std::unique_ptr<Provider> provider;

  // Whole frames that go first: answers without a call, cancel, pause and resume. They are control replies, but for the
  // results of the hub's tasks.
  std::string frames;
  size_t result_bytes = 0;
  PoolCharge control_charge;
  PoolCharge results_charge;
  bool feeding = false;  // delivery asks render()
};

}  // namespace bus::hub
