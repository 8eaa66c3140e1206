// What calls hold, which is charged to their callers' users, and how much a stream may have waiting
// (PROTOCOL.md 10).
//
// Where streams fill the pool, or the share of a user, the largest of that user's gives way. Ends no call itself:
// its owner is told which one's reader is too slow.
#pragma once

#include <cstddef>
#include <string_view>
#include <unordered_set>

#include "hub/core/calls/call_writer.h"

namespace bus::hub {

class CallMemory {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // The call, whose chunks are discarded, is to end.
    virtual void slow_reader(Call& call, std::string_view why) = 0;
  };

  CallMemory(Hub& hub, CallWriter& writer, Owner& owner) : hub_(hub), writer_(writer), owner_(owner) {}

  // Whether there is memory for a call with so many bytes of text.
  bool has_room_for(const Account& account, size_t text_bytes) const;
  // For so much more of the call's; streams of its user end for it, the largest first.
  bool make_room(const Call& call, size_t bytes);
  // Charges what the call holds now.
  void update(Call& call);

  // A call begins, which may have chunks, or is closed.
  void add_stream(Call& call) { streams_.insert(&call); }
  void forget(Call& call) { streams_.erase(&call); }

  // What its provider has sent waits for its caller.
  void add_chunk(Call& call, std::string_view data_token);
  void set_progress(Call& call, const Progress& message);

 private:
  void discard_chunks(Call& call);

  Hub& hub_;
  CallWriter& writer_;
  Owner& owner_;
  std::unordered_set<Call*> streams_;  // open calls that may have chunks
};

}  // namespace bus::hub
