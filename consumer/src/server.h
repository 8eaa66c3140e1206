// What one connection provides: its tasks, and the requests that it has been given and has not answered
// (PROTOCOL.md 10).
//
// Pure. Numbers the requests, because the hub's ids are long and belong to one connection. Sends nothing;
// that is calls.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "consumer/src/client_core/item.h"
#include "protocol/messages/call.h"

namespace bus::sdk {

class Server {
 public:
  // The tasks of `what` are provided from now on, also on later connections; its slots and priority are of
  // all.
  void provide(const Provide& what);
  // These are not any more; without any, none is.
  void unprovide(const std::vector<std::string>& tasks);
  // What a new connection is to say.
  std::vector<Provide> provided() const;

  struct Request {
    std::string id;  // the hub's
    bool streams = false;
    bool paused = false;
  };
  // The request, while it waits for its answer; nullptr: it does not.
  const Request* find(uint64_t number) const;
  bool was_given(uint64_t number) const { return number > 0 && number <= last_number_; }
  void answered(uint64_t number);

  // A request, or something about one. Sets the item's number. False: that request is none of ours any more.
  bool on_item(Item& item);

  // The connection is gone, and its requests with it.
  void on_break();
  // The next request that ended so, as an item; nullptr: there is none. Good until the next call.
  bool has_lost() const { return !lost_.empty(); }
  Item* take_lost();

 private:
  std::vector<std::string> tasks_;
  uint64_t slots_ = kDefaultSlots;
  int64_t priority_ = 0;
  std::unordered_map<uint64_t, Request> open_;
  std::unordered_map<std::string, uint64_t> numbers_;  // by the hub's id
  uint64_t last_number_ = 0;
  std::list<uint64_t> lost_;
  Item lost_item_;
};

}  // namespace bus::sdk
