// The values that a connection holds for as long as it is connected, and how each is put again after a break
// (PROTOCOL.md 11, `while_connected`).
//
// It is only created, so that it is taken from nobody. The hub may not have seen yet that the old connection is
// gone: so a key that exists with the version and the rev that we made is asked for again, some times. It is not
// replaced, because another hub may have given the same numbers to somebody else. Pure; values.h sends.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "consumer/src/client_core/item.h"
#include "protocol/base/clock.h"
#include "protocol/messages/value.h"

namespace bus::sdk {

class Holds {
 public:
  struct Hold {
    std::string value;
    std::optional<uint64_t> ttl_ms;
    TimePoint expires = kNever;
    uint64_t version = 0;  // that we made
    uint64_t rev = 0;
    int tries = 0;
  };

  void add(std::string_view key, Hold hold) { holds_.insert_or_assign(std::string(key), std::move(hold)); }
  // Somebody on this connection has changed the key in another way.
  void drop(std::string_view key);
  bool has(std::string_view key) const { return holds_.find(key) != holds_.end(); }

  // The keys to put again on a new connection. Forgets what would have expired by now.
  std::vector<std::string> begin_again(TimePoint now);
  // The put of a key that is held; views of this.
  Put question(std::string_view key) const;

  enum class Next { ask_again, kept, lost };
  // The answer to that put. `lost`: it is held no longer.
  Next on_answer(std::string_view key, const ValueNews& news, TimePoint now);

 private:
  std::map<std::string, Hold, std::less<>> holds_;
};

}  // namespace bus::sdk
