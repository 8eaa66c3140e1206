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

  // Replaces `found` by the subscribers that match, each once.
  void route(std::string_view event_type, std::vector<Subscriber*>& found);

 private:
  using List = std::vector<Subscriber*>;

  List& list_for(std::string_view entry);
  void remove(Subscriber& subscriber, std::string_view entry);
  void collect(const List& list, std::vector<Subscriber*>& found);

  TextMap<List> exact_;
  TextMap<List> prefix_;
  List all_;
  uint64_t stamp_ = 0;
};

}  // namespace bus::hub
