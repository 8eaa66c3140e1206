// What the model says of interest (PROTOCOL.md 12): each entry is compared with each consumer.
#include <algorithm>

#include "tests/unit/hub_core/model.h"

namespace bus::test {

namespace {

// Some type would be for both.
bool overlap(const std::string& one, const std::string& other) {
  auto begins = [](const std::string& entry) {
    return entry == "*" ? "" : entry.substr(0, entry.size() - 1);
  };
  auto is_pattern = [](const std::string& entry) { return entry == "*" || entry.ends_with(".*"); };
  auto gets = [&](const std::string& pattern, const std::string& type) {
    return type.size() > begins(pattern).size() && type.starts_with(begins(pattern));
  };
  if (is_pattern(one) && is_pattern(other))
    return begins(one).starts_with(begins(other)) || begins(other).starts_with(begins(one));
  if (is_pattern(one)) return gets(one, other);
  return is_pattern(other) ? gets(other, one) : one == other;
}

}  // namespace

uint64_t HubModel::interested_in(const std::string& entry) const {
  auto count = std::count_if(peers_.begin(), peers_.end(), [&](const auto& each) {
    const Peer& peer = each.second;
    const auto& types = peer.hello.event_types;
    return peer.phase == Phase::consumer && !peer.hello.observer &&
           std::any_of(types.begin(), types.end(),
                       [&](const std::string& type) { return overlap(type, entry); });
  });
  return static_cast<uint64_t>(count);
}

std::string HubModel::hear_interest(Id id, const std::string& line) {
  Decoded decoded = decode(line);
  const auto* message = std::get_if<Message>(&decoded);
  const auto* interest = message == nullptr ? nullptr : std::get_if<InterestMessage>(message);
  if (interest == nullptr) return "is no good interest: " + line;
  Peer& peer = peers_.at(id);
  const auto& entries = peer.hello.publishes;
  if (std::find(entries.begin(), entries.end(), interest->event_type) == entries.end())
    return "is of no entry of its own: " + line;
  auto [told, is_new] = peer.told.emplace(interest->event_type, interest->consumers);
  bool knew_some = std::exchange(told->second, interest->consumers) > 0;
  if (!is_new && knew_some == (interest->consumers > 0)) return "says nothing new: " + line;
  return {};
}

std::string HubModel::interest_fault(Id id) const {
  const Peer& peer = peers_.at(id);
  if (!peer.has_joined() || stopping_) return {};
  for (const std::string& entry : peer.hello.publishes) {
    auto told = peer.told.find(entry);
    if (told == peer.told.end()) return "is not told of " + entry;
    uint64_t number = interested_in(entry);
    if ((told->second > 0) != (number > 0))
      return "was told " + std::to_string(told->second) + " of " + entry + ", and it is " +
             std::to_string(number);
  }
  return {};
}

}  // namespace bus::test
