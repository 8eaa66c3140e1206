// busd's protocol (protocol/PROTOCOL.md) as bytes: lines to send, and a stream cut into payloads.
//
// Pure; busd_contender.cpp has the sockets. Written by hand and not with the codec of protocol/, because a
// client in another language would do no more than this.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/contender.h"

namespace bus::bench::busd {

std::string hello_line(const std::vector<std::string>& topics);

// Of a source without a name. One that says nothing at first is closed after 5 s (PROTOCOL.md 4).
std::string source_hello_line();

// `topic` must need no escapes.
void append_event(std::string& out, std::string_view topic, std::string_view payload);

// Hands out the payload of each event; any other line is not what a run expects.
std::unique_ptr<Parser> make_parser();

}  // namespace bus::bench::busd
