// Which subscribers get what stands under a name: subscriptions by exact name, by dotted prefix, and to everything (PROTOCOL.md 5).
//
// It costs one look-up of the name, one of each of its dotted prefixes (none while nobody uses them), and those that
// match; those that do not match cost nothing. A subscriber is found once, however many of its entries match.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/base/text_map.h"

namespace bus::hub {

// What something is sent to. `stamp` is the router's own mark of the last name that found it.
struct Subscriber {
  uint64_t stamp = 0;
};
using Subscribers = std::vector<Subscriber*>;

class Router {
 public:
  ~Router();

  // Entries may repeat; each counts once.
  void subscribe(Subscriber& subscriber, const std::vector<std::string>& names);
  void unsubscribe(Subscriber& subscriber, const std::vector<std::string>& names);

  using List = Subscribers;

  // Those that match, each once. The list is good until the next call of any function but this one with the
  // same name, which costs next to nothing: sources often send many events of one type.
  const List& route(std::string_view name);

  // Whether route(name) would give the list that it gave last, still good.
  bool is_routed(std::string_view name) const { return routed_ != nullptr && name == routed_name_; }

 private:
  List& list_for(std::string_view entry);
  void remove(Subscriber& subscriber, std::string_view entry);
  const List& find(std::string_view name);
  void collect(const List& list);

  TextMap<List> exact_;
  TextMap<List> prefix_;
  List all_;
  uint64_t stamp_ = 0;
  List found_;  // when more than one list matches
  std::string routed_name_;
  const List* routed_ = nullptr;  // what route(routed_name_) gave
};

}  // namespace bus::hub
