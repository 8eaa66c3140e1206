// MQTT 3.1.1 as far as a publisher and a subscriber of QoS 0 need it: packets to send, and a stream cut into
// publications.
//
// Pure bytes; mosquitto_contender.cpp has the sockets. Section numbers are those of the OASIS standard of
// 2014-10-29.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/contender.h"

namespace bus::bench::mqtt {

// How many bytes the packet has that begins with `bytes`, as FrameCutter asks it (2.2).
size_t needed_bytes(std::string_view bytes);

// CONNECT with a clean session and no keep-alive (3.1).
std::string connect_packet(std::string_view client_id);

// SUBSCRIBE to each of `topics` with QoS 0 (3.8).
std::string subscribe_packet(uint16_t packet_id, const std::vector<std::string>& topics);

// PUBLISH with QoS 0 and not retained (3.3).
void append_publish(std::string& out, std::string_view topic, std::string_view payload);

// Whether this packet is a CONNACK that accepts (3.2).
bool is_accepting_connack(std::string_view packet);

// Whether this packet is the SUBACK to `packet_id`, and none of its `topics` was refused (3.9).
bool is_granting_suback(std::string_view packet, uint16_t packet_id, size_t topics);

// Hands out the payload of each PUBLISH; other packets are passed over.
std::unique_ptr<Parser> make_parser();

}  // namespace bus::bench::mqtt
