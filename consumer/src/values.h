// What a connection does with values (PROTOCOL.md 11): checks what a user gives, sends it, and looks at what the
// hub says.
//
// An operation is answered as a call is, so that a Caller knows which are open. Watches and Holds know what
// outlasts a connection. Never waits: that is connection.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "busd/values.h"
#include "consumer/src/api_result.h"
#include "consumer/src/call_frame.h"
#include "consumer/src/caller.h"
#include "consumer/src/calls.h"
#include "consumer/src/holds.h"
#include "consumer/src/publisher.h"
#include "consumer/src/session.h"
#include "consumer/src/watches.h"

namespace bus::sdk {

class Values {
 public:
  Values(Session& session, Publisher& publisher, Calls& calls)
      : session_(session), publisher_(publisher), calls_(calls) {}

  // ---- Each queues a frame, or says what is wrong and queues nothing. The answer comes out of on_item() or
  // take_own() as an `answered` with that number.

  ApiResult put(std::string_view key, std::string_view value, const busd_put_options& options,
                uint64_t& number);
  ApiResult erase(std::string_view key, const busd_delete_options& options, uint64_t& number);
  ApiResult get(std::string_view key, const busd_get_options& options, uint64_t& number);
  ApiResult list(const busd_list_options& options, uint64_t& number);
  // Nobody waits for that answer any more.
  void abandon(uint64_t number);

  ApiResult watch(const busd_text* keys, size_t key_count, const busd_watch_options& options,
                  uint64_t& number);
  ApiResult unwatch(uint64_t number);

  // ---- what happens on the connection

  // Completes an item of values, and makes answers items of values.
  Calls::Whose on_item(Item& item);
  void on_break();
  void on_over();
  void on_reset();
  // Items of our own making; nullptr: what there was is for nobody.
  bool has_own() const { return ops_.has_ends() || !ended_.empty(); }
  Item* take_own();
  void expire(TimePoint now) { ops_.expire(now); }
  TimePoint deadline() const { return ops_.deadline(); }
  // What waits for a connection.
  size_t waiting_bytes() const { return ops_.waiting_bytes(); }

 private:
  struct Op {
    ValueNews::Of of = ValueNews::Of::none;
    std::string key;                  // of a change
    std::optional<Holds::Hold> hold;  // of a put with while_connected
    bool again = false;               // the library puts again what is held
  };

  ApiResult start(uint64_t number, int64_t timeout_ms, Op op);
  ApiResult available() const;
  void ask_watch(uint64_t number);
  void end_left();
  void hold_again(const std::string& key);
  bool on_answer(Item& item);
  bool on_held(const Op& op, Item& item);
  void remember(Op& op, const ValueNews& news);

  Session& session_;
  Publisher& publisher_;
  Calls& calls_;  // whose numbers these operations and watches share
  CallFrame frame_;
  Caller ops_;
  std::map<uint64_t, Op> open_;
  Watches watches_;
  Holds holds_;
  std::list<uint64_t> ended_;  // watches
  Item end_;
};

}  // namespace bus::sdk
