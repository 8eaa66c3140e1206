#include "consumer/src/connection.h"

#include <algorithm>

#include "protocol/encode.h"
#include "protocol/limits.h"
#include "protocol/messages/control.h"
#include "protocol/messages/pre_shutdown.h"

namespace bus::sdk {

TimePoint deadline_of(int64_t timeout_ms) {
  constexpr int64_t kCenturyMs = 3'155'760'000'000;  // beyond is for ever, and would overflow the clock
  if (timeout_ms < 0 || timeout_ms > kCenturyMs) return kNever;
  return now() + milliseconds(timeout_ms);
}

ApiResult Connection::open(ConnectionOptions options, std::unique_ptr<Connection>& opened) {
  std::unique_ptr<Session> session;
  ApiResult result = Session::open(std::move(options.session), session);
  if (!result.ok()) return result;
  std::unique_ptr<Connection> connection(new Connection(std::move(session), options));
  connection->publisher_.on_reset();
  bool cancelled = connection->session_->was_cancelled();
  result = cancelled ? ApiResult(BUSD_TIMED_OUT, "cancelled when the hub had answered")
                     : connection->run_first(connection->is_first());
  if (!result.ok()) {
    (void)connection->close(0);
    return result;
  }
  opened = std::move(connection);
  return {};
}

ApiResult Connection::run_first(bool first) {
  if (!first || hooks_.first == nullptr || hooks_.first(hooks_.context) == 0) return {};
  return {BUSD_REJECTED, "the set-up for the first consumer (on_first) failed"};
}

// ---- what comes

// The next item that is not an answer of the publisher's; nullptr: there is none now.
Item* Connection::take() {
  for (;;) {
    if (calls_.has_own() || values_.has_own()) {
      if (Item* own = take_own()) return own;
      continue;
    }
    Item* item = session_->take();
    if (item == nullptr) {
      if (session_->over()) on_over();
      if (own_deadline() != kNever) {
        TimePoint at = now();
        calls_.expire(at);
        values_.expire(at);
      }
      if (calls_.has_own() || values_.has_own()) continue;
      return nullptr;
    }
    switch (item->kind) {
      case ItemKind::event:
        return item;
      case ItemKind::broken:
        item->unconfirmed = publisher_.on_break();
        note_break(item->unconfirmed);
        calls_.on_break();
        values_.on_break();
        return item;
      case ItemKind::reset:
        publisher_.on_reset();
        calls_.on_reset();
        values_.on_reset();
        return item;
      default:
        switch (look_at(*item)) {
          case Calls::Whose::user:
            return item;
          case Calls::Whose::nobody:
            break;
          case Calls::Whose::other:
            if (publisher_.on_item(*item)) return item;
        }
    }
  }
}

// An item of our own making; nullptr: it was for nobody.
Item* Connection::take_own() { return calls_.has_own() ? calls_.take_own() : values_.take_own(); }

Calls::Whose Connection::look_at(Item& item) {
  Calls::Whose whose = values_.on_item(item);
  return whose == Calls::Whose::other ? calls_.on_item(item) : whose;
}

void Connection::on_over() {
  if (publisher_.has_frames()) note_break(publisher_.on_break());
  calls_.on_over();
  values_.on_over();
}

bool Connection::is_for_user(const Item& item) const {
  if (face_ == Face::publishes) return item.kind == ItemKind::refused;
  if (face_ == Face::receives && item.kind == ItemKind::refused) return false;
  return item.kind < ItemKind::turned_away;
}

// A full inbox stops the reading, but not what the session has to do all the same.
bool Connection::may_step() const { return !inbox_.full() || session_->must_act(); }

// Does what is due without waiting: reads what came, reconnects.
void Connection::step() {
  while (may_step()) {
    const Item* item = take();
    if (item == nullptr) return;
    if (is_for_user(*item)) inbox_.keep(*item);
  }
}

ApiResult Connection::next(int64_t timeout_ms, busd_item& item) {
  if (publisher_.holds_back()) send_now();
  const Item* next = inbox_.empty() ? take() : inbox_.take();
  if (next == nullptr || next->kind != ItemKind::event || !failed_.ok())
    return wait_for_item(next, timeout_ms, item);
  fill_event(*next, store_, item);
  return {};
}

// From the first thing on that is no event, or nothing.
ApiResult Connection::wait_for_item(const Item* item, int64_t timeout_ms, busd_item& out) {
  TimePoint until = timeout_ms == 0 ? TimePoint() : deadline_of(timeout_ms);
  bool last_try = false;
  for (;; item = take()) {
    if (!failed_.ok()) return failed_;
    if (item != nullptr) {
      if (is_for_user(*item)) return hand_out(*item, out);
      continue;
    }
    if (session_->over()) return session_->result();
    if (last_try) return {BUSD_TIMED_OUT, "nothing came in time"};
    switch (wait(until)) {
      case Transport::Wait::woken:
        return {BUSD_TIMED_OUT, "woken"};
      case Transport::Wait::timed_out:
        last_try = now() >= until;
        break;
      case Transport::Wait::ready:
        break;
    }
  }
}

// Until take() has something to do, or a wake-up, at most until `until`.
Transport::Wait Connection::wait(TimePoint until) { return session_->wait(std::min(until, own_deadline())); }

ApiResult Connection::hand_out(const Item& item, busd_item& out) {
  if (item.kind == ItemKind::broken) break_to_report_ = false;
  if (item.kind == ItemKind::reset) failed_ = run_first(item.first);
  if (!failed_.ok()) return failed_;
  fill_item(item, store_, out);
  return {};
}

TimePoint Connection::deadline() const {
  bool items_wait = face_ != Face::publishes && !inbox_.empty();
  if (items_wait || publisher_.holds_back() || calls_.has_own() || values_.has_own()) return TimePoint();
  return std::min(session_->deadline(), own_deadline());
}

// ---- what is published

ApiResult Connection::publish(const busd_publication& what, uint64_t& number) {
  number = publisher_.take_number();
  return publish_by([&] { return publisher_.add(what, number); });
}

ApiResult Connection::publish_frame(std::string_view frame, uint64_t& number) {
  number = publisher_.take_number();
  return publish_by([&] { return publisher_.add(frame, number); });
}

ApiResult Connection::report(SourceState state, std::string_view detail) {
  return publish_by([&] { return publisher_.add(state, detail); });
}

template <class Add>
ApiResult Connection::publish_by(Add add) {
  // First of all, because what is published may be text of the last item.
  if (auto fault = add()) return {BUSD_INVALID, std::move(*fault)};
  if (!session_->up()) step();
  if (session_->over()) return session_->result();
  // Most events of a stream that is held back.
  if (publisher_.may_hold() && !break_to_report_) return {};
  return send_or_wait();
}

ApiResult Connection::send_or_wait() {
  publisher_.bound_ledger();
  if (publisher_.send_is_due()) send_now();
  if (publisher_.is_full(waiting_bytes())) {
    ApiResult result = make_room();
    if (!result.ok()) return result;
  }
  return report_break();
}

void Connection::send_now() {
  if (publisher_.send()) step();
}

// Blocks until no more than the buffer's size waits.
ApiResult Connection::make_room() {
  if (session_->up()) send_now();
  for (;;) {
    step();
    if (session_->over()) return session_->result();
    if (!publisher_.is_full(waiting_bytes())) return {};
    session_->transport().read_later(!may_step());
    Transport::Wait waited = session_->wait(kNever);
    session_->transport().read_later(false);
    if (waited == Transport::Wait::woken)
      return {BUSD_TIMED_OUT, "woken while the hub took no more; the event is queued"};
  }
}

ApiResult Connection::process() {
  if (session_->up()) send_now();
  step();
  if (break_to_report_) return report_break();
  if (session_->over()) return session_->result();
  return {};
}

void Connection::note_break(uint64_t unconfirmed) {
  if (unconfirmed == 0) return;
  unconfirmed_ = unconfirmed + (break_to_report_ ? unconfirmed_ : 0);
  break_to_report_ = true;
}

ApiResult Connection::report_break() {
  if (!std::exchange(break_to_report_, false)) return {};
  return {BUSD_LOST,
          "the connection broke: the fate of " + std::to_string(unconfirmed_) + " publications is unknown"};
}

ApiResult Connection::flush(int64_t timeout_ms) { return flush_until(deadline_of(timeout_ms)); }

ApiResult Connection::flush_until(TimePoint until) {
  if (session_->up()) send_now();
  for (;;) {
    step();
    if (break_to_report_) return report_break();
    if (session_->over()) return session_->result();
    if (session_->up()) {
      if (publisher_.all_confirmed()) return answer_of_flush();
      if (!publisher_.has_asked()) {
        publisher_.ask();
        continue;
      }
      if (!may_step())
        return {BUSD_TIMED_OUT, "so many items wait to be taken that the hub's answer is not read"};
    }
    if (now() >= until) return {BUSD_TIMED_OUT, "the hub has not confirmed everything in time"};
    if (session_->wait(until) == Transport::Wait::woken) return {BUSD_TIMED_OUT, "woken"};
  }
}

ApiResult Connection::answer_of_flush() {
  uint64_t refused = publisher_.take_refused();
  if (refused == 0) return {};
  return {BUSD_REFUSED, "the hub refused " + std::to_string(refused) + " of what was published"};
}

// ---- the end

ApiResult Connection::close(int64_t timeout_ms) {
  TimePoint until = deadline_of(timeout_ms);
  bool consumer = session_->hello().role == Role::consumer;
  inbox_.clear();
  face_ = Face::publishes;  // items are of no more use
  ApiResult result;
  calls_.cancel_all();
  if (!consumer || publisher_.was_used()) result = flush_until(until);
  // Without a hook, who is last makes no difference.
  if (hooks_.last != nullptr && ask_last()) {
    ApiResult cleaned = run_last();
    if (result.ok()) result = std::move(cleaned);
  }
  if (session_->up()) {
    session_->send_control(encode(Bye{}));
    if (!consumer) wait_for_end(std::min(until, now() + kWriteTimeout));
  }
  session_->end(ApiResult(BUSD_CLOSED, "closed"));
  return result;
}

// A hub that answered gave us the clean-up lock with its answer, and takes it away by closing the connection:
// from then on the next consumer may set up. So what it did is looked at last before the hook, and after it.
ApiResult Connection::run_last() {
  bool locked = session_->up();
  if (locked && lost_lock()) {
    return {BUSD_CLOSED, "the clean-up lock was taken away (" + session_->reason() +
                             "), so the clean-up of the last consumer (on_last) was not run"};
  }
  if (hooks_.last(hooks_.context) != 0)
    return {BUSD_REJECTED, "the clean-up of the last consumer (on_last) failed"};
  if (locked && lost_lock()) {
    return {BUSD_CLOSED,
            "the clean-up lock was taken away while the clean-up of the last consumer (on_last) ran (" +
                session_->reason() + "): others may have set up meanwhile"};
  }
  return {};
}

// Whether the connection has ended. What else came is discarded.
bool Connection::lost_lock() {
  TimePoint until = now() + kStatusTimeout;
  while (take() != nullptr && session_->up() && now() < until) {
  }
  return !session_->up();
}

// Whether this consumer is the last of its scope. No answer within kStatusTimeout, or no hub, counts as yes;
// but a hub that turned us away because others hold the scope has answered.
bool Connection::ask_last() {
  if (!session_->await_answer()) return !session_->rejected();
  const Hello& hello = session_->hello();
  session_->send_control(encode(PreShutdownCheck{hello.event_key, hello.subscription_id}));
  TimePoint until = now() + kStatusTimeout;
  for (;;) {
    const Item* item = take();
    if (item != nullptr && item->kind == ItemKind::check_ack) return item->last;
    if (!session_->up() || now() >= until) return true;
    if (item == nullptr) (void)session_->wait(until);
  }
}

// The end of file says that the hub knows of our going, so that whoever asks it next sees this source gone.
void Connection::wait_for_end(TimePoint until) {
  while (session_->up()) {
    if (take() != nullptr) continue;
    if (now() >= until) return;
    (void)session_->wait(until);
  }
}

}  // namespace bus::sdk
