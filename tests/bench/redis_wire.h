// Redis' protocol (RESP2, redis.io, "RESP protocol spec") as far as pub/sub needs it: commands to send, and a
// stream cut into payloads.
//
// Pure; redis_contender.cpp has the sockets.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tests/bench/contender.h"

namespace bus::bench::redis {

std::string subscribe(std::string_view channel);

// What the server answers when `channel` is the subscriber's `count`-th.
std::string subscribed(std::string_view channel, size_t count);

void append_publish(std::string& out, std::string_view channel, std::string_view payload);

// Hands out the payload of each `message` push; nothing else is expected of a subscriber's stream.
std::unique_ptr<Parser> make_parser();

}  // namespace bus::bench::redis
