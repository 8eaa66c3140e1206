// Method calls and returns of D-Bus as bytes. A caller names the provider that it wants, for the bus chooses none.
#pragma once

#include "tests/bench/call_wire.h"

namespace bus::bench::dbus {

class Calls final : public CallWire {
 public:
  Result<void> become_provider(int fd, size_t provider, size_t slots) override;
  Result<void> become_caller(int fd, size_t caller) override;
  void append_request(std::string& out, size_t caller, uint64_t number, size_t provider,
                      std::string_view args) override;
  void append_reply(std::string& out, std::string_view reply_to, uint64_t serial,
                    std::string_view result) override;
  std::unique_ptr<CallParser> make_call_parser() override;
};

// Sends a call of the bus itself, and takes what comes up to its answer. Error protocol: it is refused.
Result<void> call_bus(int fd, std::string_view message);

}  // namespace bus::bench::dbus
