// The first calls of waiting lines: which of a user's is the oldest, among any number of lines.
//
// One for each task that somebody provides, over the lines that it may serve. So a slot that is free finds its call with
// one look at each user who waits, however many lines there are. Knows neither providers nor lines.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "hub/core/calls/call.h"

namespace bus::hub {

struct OlderCall {
  bool operator()(const Call* a, const Call* b) const { return a->id < b->id; }
};

class WaitingFronts {
 public:
  // `call` is, or no longer is, the first of its user's in a line of calls for the source `to`; empty: any.
  void add(std::string_view to, Call& call);
  void remove(std::string_view to, Call& call);
  void clear() { by_source_.clear(); }

  // Shows `visit` each user's: the first calls of its lines for `to`, the oldest first.
  template <class Visit>
  void for_each_user(std::string_view to, Visit visit) const {
    auto users = by_source_.find(to);
    if (users == by_source_.end()) return;
    for (const auto& [uid, calls] : users->second) visit(calls);
  }

 private:
  using Calls = std::set<Call*, OlderCall>;

  std::map<std::string, std::map<uint32_t, Calls>, std::less<>> by_source_;
};

}  // namespace bus::hub
