// What a connection calls and what it serves (PROTOCOL.md 10): checks what a user gives, sends it, and looks
// at what the hub says.
//
// Caller and Server know what is open. Never waits: that is connection.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "busd/calls.h"
#include "consumer/src/api_result.h"
#include "consumer/src/call_frame.h"
#include "consumer/src/caller.h"
#include "consumer/src/publisher.h"
#include "consumer/src/server.h"
#include "consumer/src/session.h"

namespace bus::sdk {

class Calls {
 public:
  Calls(Session& session, Publisher& publisher) : session_(session), publisher_(publisher) {}

  // The next number, which is the id of what is asked on the wire. Values count with calls.
  uint64_t take_number() { return caller_.take_number(); }

  // ---- calls. Each queues a frame, or says what is wrong and queues nothing.

  ApiResult start(std::string_view task, std::string_view args, const busd_call_options& options,
                  uint64_t& number);
  ApiResult cancel(uint64_t number);
  // Cancels a call whose end nobody waits for any more.
  void abandon(uint64_t number);
  // Cancels all, because the connection is left.
  void cancel_all();
  // Whether it is open; its end comes out of on_item() or take_own().
  bool is_open(uint64_t number) const { return caller_.is_open(number); }

  // ---- tasks. The hub's answer comes as the end of call `number`; provided() and unprovided() then remember
  // it.

  ApiResult provide(const Provide& what, uint64_t& number);
  void provided(const Provide& what) { server_.provide(what); }
  ApiResult unprovide(const std::vector<std::string>& tasks, uint64_t& number);
  void unprovided(const std::vector<std::string>& tasks) { server_.unprovide(tasks); }

  // ---- answers to requests. BUSD_CANCELED: the request has ended.

  ApiResult respond(uint64_t request, std::string_view result);
  ApiResult fail(uint64_t request, std::string_view code, std::string_view message, std::string_view data);
  ApiResult chunk(uint64_t request, std::string_view data);
  ApiResult progress(uint64_t request, uint64_t done, uint64_t total, std::string_view text);
  const Server::Request* request(uint64_t number) const { return server_.find(number); }

  // ---- what happens on the connection

  enum class Whose { user, nobody, other };
  // Completes an item of calls; `other`: it is about something else.
  Whose on_item(Item& item);
  void on_break() { end_all(false); }
  // The connection is gone for good.
  void on_over() { end_all(true); }
  void on_reset();
  // Items of our own making.
  bool has_own() const { return caller_.has_ends() || server_.has_lost(); }
  Item* take_own() { return caller_.has_ends() ? caller_.take_end() : server_.take_lost(); }
  // Everything that has come was looked at: ends the calls whose deadline has passed.
  void expire(TimePoint now) { caller_.expire(now); }
  TimePoint deadline() const { return caller_.deadline(); }
  // What waits for a connection.
  size_t waiting_bytes() const { return caller_.waiting_bytes(); }

 private:
  ApiResult open(uint64_t number, TimePoint until);
  ApiResult send_about(uint64_t request, std::optional<std::string> fault);
  ApiResult state_of(uint64_t request) const;
  void end_all(bool for_good);

  Session& session_;
  Publisher& publisher_;
  CallFrame frame_;
  Caller caller_;
  Server server_;
};

}  // namespace bus::sdk
