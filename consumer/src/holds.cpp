#include "consumer/src/holds.h"

#include "protocol/base/check.h"

namespace bus::sdk {

namespace {

// Each try answers a change that others made meanwhile.
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
    at->second.to_replace.reset();
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
  if (at->second.to_replace) {
    put.version = *at->second.to_replace + 1;
  } else {
    put.create = true;
  }
  return put;
}

Holds::Next Holds::on_answer(std::string_view key, const ValueNews& news, TimePoint now) {
  auto at = holds_.find(key);
  BUSD_CHECK(at != holds_.end());
  Hold& hold = at->second;
  if (news.result == BUSD_OK) {
    hold.version = news.version;
    if (hold.ttl_ms) hold.expires = now + milliseconds(*hold.ttl_ms);
    return Next::kept;
  }
  bool told = (news.result == BUSD_EXISTS || news.result == BUSD_STALE) && !news.keys.empty();
  if (told && ++hold.tries < kMaxTries) {
    const KeyFact& present = news.keys.front();
    if (present.deleted || present.version == hold.version) {
      hold.to_replace.reset();
      if (!present.deleted) hold.to_replace = present.version;
      return Next::ask_again;
    }
  }
  holds_.erase(at);
  return Next::lost;
}

}  // namespace bus::sdk
