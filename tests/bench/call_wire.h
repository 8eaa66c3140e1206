// Requests and replies through one server, in the raw bytes of its own wire protocol.
//
// A contender that has a notion of calls gives its wire out by Contender::calls(). Connections come from
// Contender::connect_publisher(); here they become callers and providers. The generator of calls (call_generator.h)
// treats all wires alike.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace bus::bench {

// What the stream of a caller or provider has brought.
class CallSink {
 public:
  virtual ~CallSink() = default;
  // To a provider: a request. `reply_to` is what append_reply() needs to answer it.
  virtual void request(std::string_view reply_to, std::string_view args) = 0;
  // To a caller: the reply to its request of that number.
  virtual void reply(uint64_t number, std::string_view result) = 0;
};

// Cuts the byte stream of one connection into requests and replies. Keeps the unfinished rest between calls.
class CallParser {
 public:
  virtual ~CallParser() = default;
  // Takes the bytes of one read. False when they are not the protocol, or say that a request failed.
  virtual bool take(std::string_view bytes, CallSink& sink) = 0;
};

class CallWire {
 public:
  virtual ~CallWire() = default;

  // Blocking, with a connection that is ready for work. After it, requests reach the provider, which takes `slots`
  // of them at once where the server can be told; and replies reach the caller. Both are numbered from 0.
  virtual Result<void> become_provider(int fd, size_t provider, size_t slots) = 0;
  virtual Result<void> become_caller(int fd, size_t caller) = 0;

  // Appends the request `number` of a caller. Servers that choose no provider themselves bring it to `provider`.
  // It has a deadline where the server knows any.
  virtual void append_request(std::string& out, size_t caller, uint64_t number, size_t provider,
                              std::string_view args) = 0;
  // Appends the reply to a request. `serial` counts from 1 per connection, for protocols that number their messages.
  virtual void append_reply(std::string& out, std::string_view reply_to, uint64_t serial,
                            std::string_view result) = 0;

  virtual std::unique_ptr<CallParser> make_call_parser() = 0;
};

// In append_request(), of those that are never meant to time out.
inline constexpr int kCallTimeoutMs = 30'000;

}  // namespace bus::bench
