#include "hub/core/base/router.h"

#include <algorithm>

#include "protocol/base/check.h"
#include "protocol/event_pattern.h"

namespace bus::hub {

// Peers unsubscribe before they go, and the core lets all of them go before its tables.
Router::~Router() { BUSD_CHECK(exact_.empty() && prefix_.empty() && all_.empty()); }

Router::List& Router::list_for(std::string_view entry) {
  EventPattern pattern = parse_event_pattern(entry);
  switch (pattern.kind) {
    case EventPattern::Kind::all:
      return all_;
    case EventPattern::Kind::prefix:
      return prefix_[std::string(pattern.text)];
    case EventPattern::Kind::exact:
      break;
  }
  return exact_[std::string(pattern.text)];
}

void Router::subscribe(Subscriber& subscriber, const std::vector<std::string>& names) {
  routed_ = nullptr;
  for (const std::string& entry : names) {
    List& list = list_for(entry);
    // An entry that repeats finds its own subscription at the end: nobody else joined since.
    if (list.empty() || list.back() != &subscriber) list.push_back(&subscriber);
  }
}

void Router::unsubscribe(Subscriber& subscriber, const std::vector<std::string>& names) {
  routed_ = nullptr;
  for (const std::string& entry : names) remove(subscriber, entry);
}

void Router::remove(Subscriber& subscriber, std::string_view entry) {
  List& list = list_for(entry);
  list.erase(std::remove(list.begin(), list.end(), &subscriber), list.end());
  if (!list.empty()) return;
  EventPattern pattern = parse_event_pattern(entry);
  TextMap<List>& map = pattern.kind == EventPattern::Kind::prefix ? prefix_ : exact_;
  if (auto at = map.find(pattern.text); pattern.kind != EventPattern::Kind::all && at != map.end())
    map.erase(at);
}

void Router::collect(const List& list) {
  for (Subscriber* subscriber : list) {
    if (subscriber->stamp == stamp_) continue;
    subscriber->stamp = stamp_;
    found_.push_back(subscriber);
  }
}

const Router::List& Router::route(std::string_view name) {
  if (!is_routed(name)) {
    routed_ = &find(name);
    routed_name_ = name;
  }
  return *routed_;
}

const Router::List& Router::find(std::string_view name) {
  auto exact = exact_.find(name);
  if (prefix_.empty() && all_.empty() && exact != exact_.end()) return exact->second;
  if (prefix_.empty() && exact == exact_.end()) return all_;
  found_.clear();
  ++stamp_;
  if (exact != exact_.end()) collect(exact->second);
  collect(all_);
  // A prefix ends in its dot, and the type must be longer: a dot at the very end makes none.
  for (size_t dot = name.find('.'); dot != std::string_view::npos && dot + 1 < name.size();
       dot = name.find('.', dot + 1)) {
    if (auto at = prefix_.find(name.substr(0, dot + 1)); at != prefix_.end()) collect(at->second);
  }
  return found_;
}

}  // namespace bus::hub
