// A connection: what busd_connection_* of the public header does, in C++ (see there for what each function
// promises). The consumers and sources of the header are connections that show less of it.
//
// Joins what comes (session.h) to what is published (publisher.h), and does all the waiting. Everything that
// comes passes take(), in order; what the user has not asked for at that time is kept in the inbox.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "busd/consumer.h"
#include "consumer/src/api_result.h"
#include "consumer/src/inbox.h"
#include "consumer/src/publisher.h"
#include "consumer/src/session.h"

namespace bus::sdk {

// Which items the user can take. The others are dropped, so that they do not fill the inbox.
enum class Face {
  whole,      // all
  receives,   // a consumer, which publishes nothing that could be refused
  publishes,  // a source, which takes refusals alone and learns of a break by a result
};

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

  // Of a source: what next() does for others; and the next refusal, nullptr: there is none.
  ApiResult process();
  const Item* next_refusal() { return inbox_.take(); }

  // Flushes, leaves with the check and the clean-up. Afterwards the object is only to be destroyed.
  ApiResult close(int64_t timeout_ms);

  bool is_first() const { return session_->first(); }
  int fd() const { return session_->transport().poll_fd(); }
  TimePoint deadline() const;
  void wake() noexcept { session_->transport().wake(); }

 private:
  Connection(std::unique_ptr<Session> session, const ConnectionOptions& options)
      : session_(std::move(session)),
        publisher_(*session_, options.publisher),
        hooks_(options.hooks),
        face_(options.face) {}

  Item* take();
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
  Inbox inbox_;
  Hooks hooks_;
  Face face_;
  uint64_t unconfirmed_ = 0;
  bool break_to_report_ = false;
  ApiResult failed_;         // once on_first has failed after a reconnection: the end
  std::string source_time_;  // of the event that next() gave last, when it had escapes
};

}  // namespace bus::sdk
