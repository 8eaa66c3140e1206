// Calls in busd's protocol (protocol/PROTOCOL.md 10) as bytes, and the handshake of a provider.
#pragma once

#include "tests/bench/call_wire.h"

namespace bus::bench::busd {

// The task of all calls that are measured.
inline constexpr std::string_view kTask = "bench.echo";

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

// The text behind `mark` in `line` up to the next quote; empty when there is none.
std::string_view text_behind(std::string_view line, std::string_view mark);
// What stands behind `mark` in an object up to its last brace; empty when there is none.
std::string_view rest_behind(std::string_view line, std::string_view mark);

}  // namespace bus::bench::busd
