// Lines that the conformance tests know byte for byte.
#pragma once

#include <string>

#include "tests/support/hub_fixture.h"
#include "tests/support/raw_client.h"
#include "tests/support/wire.h"

namespace bus::test {

inline const std::string kEvent = R"({"type":"event","event_type":"x"})";
inline const std::string kBye = R"({"type":"bye"})";
inline const std::string kCheck = R"({"type":"pre_shutdown_check","event_key":"k"})";

// What an answer with this error code begins with.
inline std::string error(const std::string& code) { return R"({"type":"error","code":")" + code + "\""; }

// A connection that has published once, so that a fault does not end it.
inline RawClient publisher(const HubProcess& hub) {
  RawClient client(hub.socket());
  client.send_line(R"({"type":"event","event_type":"nobody.takes.this"})");
  return client;
}

}  // namespace bus::test
