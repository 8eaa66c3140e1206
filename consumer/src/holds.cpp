#include "consumer/src/holds.h"

#include "protocol/base/check.h"

namespace bus::sdk {

namespace {

// The old connection was closed before the new one was made, so that the hub sees its end a turn later at most.
constexpr int kMaxTries = 8;

}  // namespace

void Holds::drop(std::string_view key) {
  if (auto at = holds_.find(key); at != holds_.end()) holds_.erase(at);
}

std::vector<std::string> Holds::begin_again(TimePoint now) {
  std::vector<std::string> keys;
  for (auto at = holds_.begin(); at != holds_.end();) {
    if (at->second.expires <= now) {
      at = holds_.erase(at);
      continue;
    }
    at->second.tries = 0;
    keys.push_back(at->first);
    ++at;
  }
  return keys;
}

Put Holds::question(std::string_view key) const {
  auto at = holds_.find(key);
  BUSD_CHECK(at != holds_.end());
  Put put;
  put.key = key;
  put.value = at->second.value;
  put.ttl_ms = at->second.ttl_ms;
  put.while_connected = true;
  put.create = true;
  return put;
}

Holds::Next Holds::on_answer(std::string_view key, const ValueNews& news, TimePoint now) {
  auto at = holds_.find(key);
  BUSD_CHECK(at != holds_.end());
  Hold& hold = at->second;
  if (news.result == BUSD_OK) {
    hold.version = news.version;
    hold.rev = news.rev;
    if (hold.ttl_ms) hold.expires = now + milliseconds(*hold.ttl_ms);
    return Next::kept;
  }
  if (news.result == BUSD_EXISTS && !news.keys.empty()) {
    const KeyFact& present = news.keys.front();
    bool may_be_ours = present.version == hold.version && present.rev == hold.rev;
    if (may_be_ours && ++hold.tries < kMaxTries) return Next::ask_again;
  }
  holds_.erase(at);
  return Next::lost;
}

}  // namespace bus::sdk
