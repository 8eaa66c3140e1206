// Who gets an event: subscriptions by exact type, by dotted prefix, and to everything (PROTOCOL.md 5).
//
// The cost of an event is one look-up of its type, one of each of its dotted prefixes (none while nobody uses
// them), and the consumers that match; those that do not match cost nothing. A consumer is found once per
// event, however many of its entries match.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace bus::hub {

// What can be subscribed: a base of Peer. `stamp` is the router's own mark of the last event that found it.
struct Subscriber {
  uint64_t stamp = 0;
};

// Look-ups by string_view in maps of strings, without a temporary.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <class T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

class Router {
 public:
  ~Router();

  // Entries may repeat; each counts once.
  void subscribe(Subscriber& subscriber, const std::vector<std::string>& event_types);
  void unsubscribe(Subscriber& subscriber, const std::vector<std::string>& event_types);

  using List = std::vector<Subscriber*>;

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
