// ZMTP 3.0 with the NULL mechanism, as far as a PUB and a SUB socket need it: what to send, and a stream cut
// into publications.
//
// Pure bytes; zmq_contender.cpp has the sockets. ZeroMQ compares topics by their beginning: here every topic
// is sent with a NUL behind it, so that "key.1" does not match "key.10". "RFC" is 23/ZMTP of rfc.zeromq.org.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tests/bench/contender.h"

namespace bus::bench::zmtp {

// Topics that begin so belong to the handshake: the parser passes over their messages.
inline constexpr char kProbeMark = '\x01';

// What both sides send first, and what the other side's is tested for (RFC, "Version Negotiation").
inline constexpr size_t kGreetingBytes = 64;
std::string greeting();
bool is_greeting(std::string_view bytes);

// The command that ends the handshake; `socket_type` as in "PUB".
std::string ready(std::string_view socket_type);
bool is_ready(std::string_view frame);

// How many bytes the frame has that begins with `bytes`, as FrameCutter asks it (RFC, "Framing").
size_t needed_bytes(std::string_view bytes);

std::string subscription(std::string_view topic);
std::string cancellation(std::string_view topic);

// A message of two frames: topic and payload.
void append_message(std::string& out, std::string_view topic, std::string_view payload);

// Whether this frame is the topic of a message on `topic`.
bool is_topic(std::string_view frame, std::string_view topic);

// Hands out the payload of each message; commands are passed over.
std::unique_ptr<Parser> make_parser();

}  // namespace bus::bench::zmtp
