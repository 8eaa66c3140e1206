#include "hub/core/calls/waiting_fronts.h"

namespace bus::hub {

void WaitingFronts::add(std::string_view to, Call& call) {
  by_source_[std::string(to)][call.account->uid].insert(&call);
}

void WaitingFronts::remove(std::string_view to, Call& call) {
  auto users = by_source_.find(to);
  auto calls = users->second.find(call.account->uid);
  calls->second.erase(&call);
  if (!calls->second.empty()) return;
  users->second.erase(calls);
  if (users->second.empty()) by_source_.erase(users);
}

}  // namespace bus::hub
