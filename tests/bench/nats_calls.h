// Request and reply of NATS as bytes: a caller has one subscription for all its replies, each of which comes to a
// subject of its own; providers share a queue group.
#pragma once

#include "tests/bench/call_wire.h"

namespace bus::bench::nats {

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

}  // namespace bus::bench::nats
