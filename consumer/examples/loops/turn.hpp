// Turns for the hosts in this directory: what a client does when the loop calls it.
//
//   LibeventHost host(loop, consumer, [&] { return busd::loops::take_items(consumer, on_item, on_end); });
//
// A turn returns whether the loop must go on watching the client.
#pragma once

#include <busd/consumer.hpp>
#include <chrono>

namespace busd::loops {

// Most items of one turn. Then the rest of the loop gets its turn; the other items are due at once.
inline constexpr int kItemsPerTurn = 256;

// Passes the items that have come to `on_item`, a bool(const busd::Item&) that returns whether it wants more.
// When there will be no more, `on_end` gets the reason, a const busd::Error&. `client` is a Connection or a
// Consumer.
template <class Client, class OnItem, class OnEnd>
bool take_items(Client& client, OnItem&& on_item, OnEnd&& on_end) {
  for (int n = 0; n < kItemsPerTurn; ++n) {
    auto item = client.next(std::chrono::milliseconds(0));
    if (!item) {
      if (item.error().result == BUSD_TIMED_OUT) return true;
      on_end(item.error());
      return false;
    }
    if (!on_item(*item)) return false;
  }
  return true;
}

// Sends and receives for a source. `on_loss` is called when publications may be lost because a connection
// broke; the source then continues. `on_end` gets the reason if it cannot continue.
template <class OnLoss, class OnEnd>
bool process(Source& source, OnLoss&& on_loss, OnEnd&& on_end) {
  auto done = source.process();
  if (done) return true;
  if (done.error().result == BUSD_LOST) {
    on_loss(done.error());
    return true;
  }
  on_end(done.error());
  return false;
}

}  // namespace busd::loops
