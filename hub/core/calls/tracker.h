// The life of a call, of which this is the only judge: it is opened, given to a provider or waits for one, and
// ends exactly once (PROTOCOL.md 10).
//
//   opened ──> given ──────────────> ended ──> its response is written: closed
//     │          │  ^                  ^
//     │   declined, │ a slot is free   │
//     │   handed    │                  │
//     └─> over ──> waiting ────────────┘
//
// end() is the one way out, for every reason: a provider's response, a deadline, a cancel, a peer that goes, the
// hub's stop, or a parent's end. What an end brings about (children to end, slots that are free) is put down and
// done by settle(), so that nothing here calls itself. Every entry of the room ends with settle().
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/base/slots.h"
#include "hub/core/calls/call_memory.h"
#include "hub/core/calls/call_writer.h"
#include "hub/core/calls/exchange.h"
#include "hub/core/room.h"

namespace bus::hub {

// What a peer is to be told of a call's end: ,"result":… or ,"error":…, and the members that go with it.
std::string error_rest(std::string_view code, std::string_view message, std::string_view data = {});

class Tracker final : private CallWriter::Owner, private CallMemory::Owner, private Deadlines::Owner {
 public:
  explicit Tracker(Hub& hub);
  ~Tracker() override;

  CallWriter& writer() { return writer_; }
  // Chunks and progress, from a call's provider, go there.
  CallMemory& memory() { return memory_; }
  const CallMemory& memory() const { return memory_; }
  const Exchange& exchange() const { return exchange_; }
  size_t open() const { return calls_.size(); }
  // A request that did not become a call.
  void count_busy() { ++ends_[static_cast<size_t>(CallEnd::busy)]; }
  uint64_t ends(CallEnd end) const { return ends_[static_cast<size_t>(end)]; }

  // Who asks, and until when.
  struct Terms {
    CallPeer* caller = nullptr;  // nullptr: `origin` says who
    Account* account = nullptr;
    std::unique_ptr<CallOrigin> origin;
    TimePoint until = kNever;
    Call* parent = nullptr;
    bool waits = false;
    bool streams = false;
    bool idempotent = false;
    std::string to;
  };
  // A call of `task`, which is given to a provider, or waits, or ends at once. `rest`, and `args` behind it, is what
  // its provider is told beside that.
  void open(std::string_view id, std::string_view task, std::string_view rest, std::string_view args,
            Terms terms);

  // Its end. `reason`: what a provider is told that has the request; empty when it knows.
  void end(Call& call, CallEnd how, std::string_view rest, std::string_view reason);
  void fail(Call& call, CallEnd how, std::string_view code, std::string_view message,
            std::string_view reason);
  // The event that tells how a request of that id has ended.
  void publish_end(std::string_view event_type, std::string_view id, std::string_view task,
                   std::string_view rest);
  // Its provider does not want it.
  void pass_on(Call& call);
  void give_again(Call& call);

  void provide(CallPeer& peer, const std::vector<std::string>& names);
  void unprovide(CallPeer& peer, const std::vector<Task*>& tasks);
  // The peer provides nothing any more, and what it had is ended or handed over.
  void provider_gone(CallPeer& peer);
  void caller_gone(CallPeer& peer);
  // It may take a call that waits.
  void recheck(CallPeer& peer) { freed_.push_back(&peer); }
  void stop();
  // Those that have been silent and are heard of again take calls as before.
  void end_of_turn();

  // Does what ends have brought about.
  void settle();

 private:
  void response_written(Call& call) override;
  void update_charge(Call& call) override { memory_.update(call); }
  void slow_reader(Call& call, std::string_view why) override;
  void expired(Deadline& deadline, TimePoint now) override;

  void place(Call& call, bool in_front, TimePoint until);
  void give(Call& call, CallPeer& peer, Task& task, TimePoint until);
  bool hear_of(CallPeer& peer);
  void take_back(Call& call);
  void nobody_takes(Call& call);
  void tell_origin(Call& call, std::string_view rest);
  void end_children(Call& call);
  void serve(CallPeer& peer);
  void close(Call& call);

  Hub& hub_;
  CallWriter writer_;
  CallMemory memory_;
  Exchange exchange_;
  Slots<Call> calls_;
  std::array<uint64_t, kCallEnds> ends_{};
  std::vector<Call*> ending_;  // children of what has ended
  std::vector<CallPeer*> freed_;
  std::vector<CallPeer*> silent_;  // providers of which a call timed out, and that were not heard of since
};

}  // namespace bus::hub
