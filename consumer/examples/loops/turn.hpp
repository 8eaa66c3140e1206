// What a client does when its host's loop calls: the turns for the hosts in this folder.
//
//   LibeventHost host(loop, consumer, [&] { return busd::loops::take_items(consumer, on_item, on_end); });
//
// A turn answers whether the client is to be watched on.
#pragma once

#include <busd/consumer.hpp>
#include <chrono>

namespace busd::loops {

// Then the rest of the loop has its turn; what is left is due at once.
inline constexpr int kItemsPerTurn = 256;

// Hands what has come to `on_item`, a bool(const busd::Item&) that answers whether it wants more. When there
// will be no more, `on_end` gets the reason, a const busd::Error&.
template <class OnItem, class OnEnd>
bool take_items(Consumer& consumer, OnItem&& on_item, OnEnd&& on_end) {
  for (int n = 0; n < kItemsPerTurn; ++n) {
    auto item = consumer.next(std::chrono::milliseconds(0));
    if (!item) {
      if (item.error().result == BUSD_TIMED_OUT) return true;
      on_end(item.error());
      return false;
    }
    if (!on_item(*item)) return false;
  }
  return true;
}

// Sends and receives for a source. `on_loss` is told when publications may be lost with a connection, and the
// source goes on; `on_end` why it cannot.
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
