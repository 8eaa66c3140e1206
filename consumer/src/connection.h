// A connection: what busd_connection_* of the public header does, in C++ (see there for what each function
// promises). The consumers and sources of the header are connections that show less of it.
//
// Joins what comes (session.h) to what is published (publisher.h), and does all the waiting. Everything that
// comes passes take(), in order; what the user has not asked for at that time is kept in the inbox.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "busd/consumer.h"
#include "consumer/src/api_result.h"
#include "consumer/src/cache.h"
#include "consumer/src/calls.h"
#include "consumer/src/fill_item.h"
#include "consumer/src/inbox.h"
#include "consumer/src/publisher.h"
#include "consumer/src/session.h"
#include "consumer/src/values.h"
#include "protocol/base/file.h"

namespace bus::sdk {

// Which items the user can take. The others are dropped, so that they do not fill the inbox.
enum class Face {
  whole,      // all
  receives,   // a consumer, which publishes nothing that could be refused
  publishes,  // a source, which takes refusals alone and learns of a break by a result
};

// When a timeout of the public header is over that begins now.
TimePoint deadline_of(int64_t timeout_ms);

struct Hooks {
  busd_hook first = nullptr;
  busd_hook last = nullptr;
  void* context = nullptr;
};

struct ConnectionOptions {
  SessionOptions session;
  PublisherOptions publisher;
  Hooks hooks;
  Face face = Face::whole;
};

class Connection {
 public:
  static ApiResult open(ConnectionOptions options, std::unique_ptr<Connection>& opened);

  // `timeout_ms` as in the public header. Fills in every member of `item` but `size`.
  ApiResult next(int64_t timeout_ms, busd_item& item);

  ApiResult publish(const busd_publication& what, uint64_t& number);
  ApiResult publish_frame(std::string_view frame, uint64_t& number);
  ApiResult report(SourceState state, std::string_view detail);
  ApiResult flush(int64_t timeout_ms);
  uint64_t unconfirmed() const { return unconfirmed_; }
  size_t unsent_bytes() const { return publisher_.waiting_bytes() + waiting_bytes(); }

  // Calls, as in <busd/calls.h>. An answer is an item of kind call_end, good until the next call of this.
  ApiResult call(std::string_view task, std::string_view args, const busd_call_options& options,
                 const Item*& end);
  ApiResult call_start(std::string_view task, std::string_view args, const busd_call_options& options,
                       uint64_t& number);
  ApiResult cancel(uint64_t number);
  ApiResult next_call(int64_t timeout_ms, busd_item& item);
  ApiResult provide(const Provide& what);
  ApiResult unprovide(const std::vector<std::string>& tasks);
  ApiResult respond(uint64_t request, std::string_view result);
  ApiResult fail(uint64_t request, std::string_view code, std::string_view message, std::string_view data);
  ApiResult chunk(uint64_t request, std::string_view data, int64_t timeout_ms);
  ApiResult progress(uint64_t request, uint64_t done, uint64_t total, std::string_view text);
  bool is_request_open(uint64_t request) const { return calls_.request(request) != nullptr; }

  // Values, as in <busd/values.h>. An answer is an item of kind answered, good until the next call of this.
  ApiResult put(std::string_view key, std::string_view value, const busd_put_options& options,
                const Item*& answer);
  ApiResult put_start(std::string_view key, std::string_view value, const busd_put_options& options,
                      uint64_t& number);
  ApiResult erase(std::string_view key, const busd_delete_options& options, const Item*& answer);
  ApiResult erase_start(std::string_view key, const busd_delete_options& options, uint64_t& number);
  ApiResult get(std::string_view key, const busd_get_options& options, const Item*& answer);
  ApiResult get_start(std::string_view key, const busd_get_options& options, uint64_t& number);
  ApiResult list(const busd_list_options& options, const Item*& answer);
  ApiResult list_start(const busd_list_options& options, uint64_t& number);
  // `put` are the options of each put; `cache` may be nullptr.
  struct Update {
    busd_updater step = nullptr;
    void* context = nullptr;
    busd_put_options put{};
    const Cache* cache = nullptr;
    int64_t tries = 0;
  };
  ApiResult update(std::string_view key, const Update& how, const Item*& answer);
  ApiResult watch(const busd_text* keys, size_t key_count, const busd_watch_options& options,
                  uint64_t& number);
  ApiResult unwatch(uint64_t number);
  // For the text of answers.
  ItemStore& store() { return store_; }

  // Of a source: what next() does for others; and the next refusal, nullptr: there is none.
  ApiResult process();
  const Item* next_refusal() { return inbox_.take(); }

  // Flushes, leaves with the check and the clean-up. Afterwards the object is only to be destroyed.
  ApiResult close(int64_t timeout_ms);

  bool is_first() const { return session_->first(); }
  // Of the hub's socket.
  std::string directory() const { return parent_dir(session_->endpoint().socket); }
  int fd() const { return session_->transport().poll_fd(); }
  TimePoint deadline() const;
  void wake() noexcept { session_->transport().wake(); }

 private:
  Connection(std::unique_ptr<Session> session, const ConnectionOptions& options)
      : session_(std::move(session)),
        publisher_(*session_, options.publisher),
        calls_(*session_, publisher_),
        values_(*session_, publisher_, calls_),
        hooks_(options.hooks),
        face_(options.face) {}

  Item* take();
  Item* take_own();
  Calls::Whose look_at(Item& item);
  void on_over();
  // What waits for a connection, besides what is published.
  size_t waiting_bytes() const { return calls_.waiting_bytes() + values_.waiting_bytes(); }
  TimePoint own_deadline() const { return std::min(calls_.deadline(), values_.deadline()); }
  void step();
  bool may_step() const;
  bool is_for_user(const Item& item) const;

  ApiResult wait_for_item(const Item* item, int64_t timeout_ms, busd_item& out);
  ApiResult hand_out(const Item& item, busd_item& out);
  ApiResult run_first(bool first);

  template <class Add>
  ApiResult publish_by(Add add);
  void send_now();
  ApiResult send_or_wait();
  ApiResult send_said(const ApiResult& said);
  ApiResult wait_for_end(uint64_t number, ItemKind kind, const Item*& end);
  ApiResult wait_for_answer(const ApiResult& started, uint64_t number, const Item*& answer);
  ApiResult present_of(std::string_view key, const Update& how, bool ask, std::optional<KeyFact>& present);
  ApiResult wait_for_hub(uint64_t number);
  ApiResult wait_until_resumed(uint64_t request, TimePoint until);
  Transport::Wait wait(TimePoint until);
  ApiResult make_room();
  ApiResult flush_until(TimePoint until);
  ApiResult answer_of_flush();
  void note_break(uint64_t unconfirmed);
  ApiResult report_break();

  bool ask_last();
  ApiResult run_last();
  bool lost_lock();
  void wait_for_end(TimePoint until);

  std::unique_ptr<Session> session_;
  Publisher publisher_;
  Calls calls_;
  Values values_;
  Inbox inbox_;
  Hooks hooks_;
  Face face_;
  uint64_t unconfirmed_ = 0;
  bool break_to_report_ = false;
  ApiResult failed_;  // once on_first has failed after a reconnection: the end
  ItemStore store_;   // of the item that next() gave last, and of answers
  Item left_;         // the answer to an update that changes nothing
};

}  // namespace bus::sdk
