// NATS' client protocol (docs.nats.io, "Client Protocol") as far as publishers and subscribers need it: bytes
// to send, and a stream cut into payloads.
//
// Pure; nats_contender.cpp has the sockets.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tests/bench/contender.h"

namespace bus::bench::nats {

// Without acknowledgement of every message; the PING behind it is answered when it has been taken.
std::string connect_and_ping();
std::string subscribe(std::string_view subject, size_t id);
inline constexpr std::string_view kPing = "PING\r\n";
inline constexpr std::string_view kPong = "PONG\r\n";

void append_publication(std::string& out, std::string_view subject, std::string_view payload);

// Hands out the payload of each MSG; other operations are passed over, but for -ERR.
std::unique_ptr<Parser> make_parser();

}  // namespace bus::bench::nats
