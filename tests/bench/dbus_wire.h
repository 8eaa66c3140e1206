// D-Bus as far as a sender and a receiver of broadcast signals need it: messages to send, and a stream cut
// into signals.
//
// Pure bytes, little-endian only (a bus hands on the byte order of the sender, which is ours);
// dbus_contender.cpp has the sockets and the authentication. "Spec" is the D-Bus Specification 0.41.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tests/bench/contender.h"

namespace bus::bench::dbus {

// How many bytes the message has that begins with `bytes`, as FrameCutter asks it (Spec, "Message Format").
size_t needed_bytes(std::string_view bytes);

// A call of a method of the bus itself, with one string as argument or none.
std::string bus_call(uint32_t serial, std::string_view member);
std::string bus_call(uint32_t serial, std::string_view member, std::string_view argument);

// The call that makes the sender the owner of a well-known name.
std::string request_name(uint32_t serial, std::string_view name);

// The interface whose signals carry `topic`. One interface for each topic, because the bus finds the match
// rules of an interface in a hash table, but compares members one rule after the other.
std::string interface_of(std::string_view topic);

// What to hand to AddMatch for the signals of `topic`.
std::string match_rule(std::string_view topic);

// A signal of interface_of(topic) that carries `text` (UTF-8).
void append_signal(std::string& out, uint32_t serial, std::string_view topic, std::string_view text);

enum class Answer { none, success, error };

// Whether this message answers a call. With one call under way at a time there is no need to compare serials.
Answer answer_in(std::string_view message);

// The message's first argument when that is a string, which the caller must know; empty when it has none.
std::string_view text_in(std::string_view message);

// Hands out the text of each signal; other messages are passed over.
std::unique_ptr<Parser> make_parser();

}  // namespace bus::bench::dbus
