// The items that came while the user waited for something else than items: for the hub to take more, or for
// the answer to a flush.
//
// Bounded: what is over the bound stays unread in the socket. Does not read; connection.h does.
#pragma once

#include <cstddef>
#include <list>
#include <string>

#include "consumer/src/client_core/hub_event.h"
#include "consumer/src/client_core/item.h"
#include "protocol/frame.h"

namespace bus::sdk {

// As much as a hub queues for a consumer: the answer to a flush overtakes that queue, so that what stands
// before the answer is what the socket holds.
inline constexpr size_t kMaxInboxBytes = 8'388'608;

// Refusals beyond this number are only counted (consumer.h).
inline constexpr size_t kMaxRefusalsKept = 1024;

class Inbox {
 public:
  // Copies `item`, with all that it points to.
  void keep(const Item& item);

  void clear();

  bool empty() const { return events_.empty() && calls_.empty(); }
  bool full() const { return bytes_ >= kMaxInboxBytes; }

  // The oldest item, or nullptr; or the oldest of calls. It is good until the next call.
  const Item* take();
  const Item* take_call() { return calls_.empty() ? nullptr : take_from(calls_); }

 private:
  struct Kept {
    Item item;
    std::string frame;   // of an event, and of calls
    uint64_t place = 0;  // among all
  };
  using Lane = std::list<Kept>;

  static size_t bytes_of(const Kept& kept);
  const Item* take_from(Lane& lane);
  void read_call();

  Lane events_;  // whatever is not of calls
  Lane calls_;
  uint64_t places_ = 0;
  size_t bytes_ = 0;
  size_t refusals_ = 0;
  Kept taken_;
  HubEventReader reader_;
  FrameScanner scanner_;
  EventLine event_;  // of `taken_`
};

}  // namespace bus::sdk
