// Who gets an event: subscriptions by exact type, by dotted prefix, and to everything (PROTOCOL.md 5).
//
// The cost of an event is one look-up of its type, one of each of its dotted prefixes (none while nobody uses
// them), and the consumers that match; those that do not match cost nothing. A consumer is found once per
// event, however many of its entries match.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/base/text_map.h"
#include "hub/core/delivery/outgoing.h"

namespace bus::hub {

class Router {
 public:
  ~Router();

  // Entries may repeat; each counts once.
  void subscribe(Subscriber& subscriber, const std::vector<std::string>& event_types);
  void unsubscribe(Subscriber& subscriber, const std::vector<std::string>& event_types);

  using List = Subscribers;

  // Those that match, each once. The list is good until the next call of any function but this one with the
  // same type, which costs next to nothing: sources often send many events of one type.
  const List& route(std::string_view event_type);

  // Whether route(event_type) would give the list that it gave last, still good.
  bool is_routed(std::string_view event_type) const {
    return routed_ != nullptr && event_type == routed_type_;
  }

 private:
  List& list_for(std::string_view entry);
  void remove(Subscriber& subscriber, std::string_view entry);
  const List& find(std::string_view event_type);
  void collect(const List& list);

  TextMap<List> exact_;
  TextMap<List> prefix_;
  List all_;
  uint64_t stamp_ = 0;
  List found_;  // when more than one list matches
  std::string routed_type_;
  const List* routed_ = nullptr;  // what route(routed_type_) gave
};

}  // namespace bus::hub
