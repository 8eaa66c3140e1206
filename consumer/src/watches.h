// The watches of a connection, and where each of them goes on after a break (PROTOCOL.md 11).
//
// Pure: it is told what the hub says, and builds the messages that ask. Sends nothing; that is values.h.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "consumer/src/client_core/item.h"
#include "protocol/messages/value.h"

namespace bus::sdk {

class Watches {
 public:
  // Watch `number` is wanted; `what` has no id yet.
  void open(uint64_t number, Watch what);
  bool has(uint64_t number) const { return watches_.count(number) > 0; }
  bool was_opened(uint64_t number) const { return number > 0 && number <= last_number_; }

  // What is to be sent for it on the connection that there is now, as frame `ordinal`; asked() notes that.
  Watch question(uint64_t number) const;
  void asked(uint64_t number, uint64_t ordinal) { watches_.at(number).ordinal = ordinal; }
  // All that are to be asked for on a new connection.
  std::vector<uint64_t> unasked() const;

  // The user wants no more of it. Returns whether the hub must be told.
  bool leave(uint64_t number);

  // Takes a value or a synced, and completes it. False: it is of no watch.
  bool on_item(Item& item);
  // Makes the item a watch_end, if it answers a watch. False: it does not. `is_over` false: nothing ends, because
  // the hub stops, and the next one will be asked.
  bool on_answer(Item& item, bool& is_over);

  // The connection is gone.
  void on_break();
  // There is no connection: those that are not wanted have ended by that. Returns them.
  std::vector<uint64_t> end_left();
  // None is wanted any more.
  void clear() { watches_.clear(); }

 private:
  struct Open {
    Watch what;            // `since` and `epoch`: where it goes on
    uint64_t ordinal = 0;  // of its frame on this connection; 0: it was not sent
    bool synced = false;   // nothing of a snapshot is to come: each change moves `since`
    bool given = false;    // something was told since it began
    bool anew = false;     // a snapshot was told in part: the next one starts over
    bool left = false;     // unwatch was sent
  };
  using Table = std::map<uint64_t, Open>;

  Table::iterator asked_by(const Item& item);

  Table watches_;
  uint64_t last_number_ = 0;
};

}  // namespace bus::sdk
