// Values in Redis' protocol: SET, GET, MGET and SCAN of strings, and key-space notifications for those who follow keys.
//
// A notification has no value, so that a follower asks for it (redis.io, "Keyspace notifications"); it does both on one connection,
// which RESP3 allows.
#pragma once

#include <memory>

#include "tests/bench/value_wire.h"

namespace bus::bench::redis {

// What of its append-only file a put waits for.
enum class Log {
  none,      // there is none
  everysec,  // that it was written; it is synced each second
  always,    // that it was synced
};

std::unique_ptr<ValueStore> make_values(Log log);

}  // namespace bus::bench::redis
