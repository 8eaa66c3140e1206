#include "consumer/src/consumer.h"

#include <algorithm>
#include <utility>

#include "consumer/src/deadline.h"
#include "consumer/src/text.h"
#include "protocol/codec.h"
#include "protocol/json_text.h"
#include "protocol/limits.h"

namespace bus::sdk {

namespace {

busd_source_state public_state(SourceState state) {
  switch (state) {
    case SourceState::connecting:
      return BUSD_SOURCE_CONNECTING;
    case SourceState::connected:
      return BUSD_SOURCE_CONNECTED;
    case SourceState::disconnected:
      return BUSD_SOURCE_DISCONNECTED;
    case SourceState::reconnecting:
      return BUSD_SOURCE_RECONNECTING;
  }
  return BUSD_SOURCE_CONNECTING;
}

// The text of a string token without escapes, its quotes taken off; else its decoded form, kept in `store`.
std::string_view text_of_token(std::string_view token, std::string& store) {
  if (token.size() < 2) return {};
  std::string_view inside = token.substr(1, token.size() - 2);
  if (inside.find('\\') == std::string_view::npos) return inside;
  store = decode_json_string(token);
  return store;
}

}  // namespace

Verdict Consumer::open(ClientOptions options, ConsumerHooks hooks, std::unique_ptr<Consumer>& opened) {
  std::unique_ptr<Client> client;
  Verdict verdict = Client::open(std::move(options), client);
  if (!verdict.ok()) return verdict;
  std::unique_ptr<Consumer> consumer(new Consumer(std::move(client), hooks));
  verdict = consumer->run_first();
  if (!verdict.ok()) {
    (void)consumer->close();
    return verdict;
  }
  opened = std::move(consumer);
  return {};
}

Verdict Consumer::run_first() {
  if (!client_->first() || hooks_.first == nullptr || hooks_.first(hooks_.context) == 0) return {};
  return {BUSD_REJECTED, "the set-up for the first consumer (on_first) failed"};
}

Verdict Consumer::next(int64_t timeout_ms, busd_item& item) {
  event_ = nullptr;
  Client::Took took = client_->take();
  bool event = took == Client::Took::item && client_->item().kind == Inbound::Kind::event;
  if (!event || !failed_.ok()) return wait_for_item(took, timeout_ms, item);
  give_event(item);
  return {};
}

// From the first thing on that is no event, or nothing.
Verdict Consumer::wait_for_item(Client::Took took, int64_t timeout_ms, busd_item& item) {
  TimePoint until = timeout_ms == 0 ? TimePoint::min() : deadline_of(timeout_ms);
  bool last_try = false;
  for (;; took = client_->take()) {
    if (took == Client::Took::back) {
      Verdict verdict = run_first();
      if (!verdict.ok()) return failed_ = verdict;
    }
    if (!failed_.ok()) return failed_;
    if (took == Client::Took::over) return client_->verdict();
    if (took != Client::Took::nothing) {
      if (give(took, item)) return {};
      continue;
    }
    if (last_try) return {BUSD_TIMED_OUT, "nothing came in time"};
    switch (client_->wait(until)) {
      case Connection::Wait::woken:
        return {BUSD_TIMED_OUT, "woken"};
      case Connection::Wait::timed_out:
        last_try = now() >= until;
        break;
      case Connection::Wait::ready:
        break;
    }
  }
}

// Makes an item of what the client took; false when it is none of a consumer's business.
bool Consumer::give(Client::Took took, busd_item& item) {
  if (took == Client::Took::item && client_->item().kind == Inbound::Kind::event) {
    give_event(item);
    return true;
  }
  size_t size = item.size;
  item = busd_item{};
  item.size = size;
  if (took == Client::Took::broke || took == Client::Took::back) {
    item.kind = took == Client::Took::broke ? BUSD_ITEM_BREAK : BUSD_ITEM_RESET;
    detail_ = client_->reason();
    item.detail = text_of(detail_);
    item.first = took == Client::Took::back && client_->first() ? 1 : 0;
    return true;
  }
  const Inbound& inbound = client_->item();
  switch (inbound.kind) {
    case Inbound::Kind::lost:
      item.kind = BUSD_ITEM_LOST;
      item.lost_count = inbound.lost_count;
      item.lost_after = inbound.lost_after;
      item.lost_before = inbound.lost_before;
      item.detail = text_of(inbound.text);
      return true;
    case Inbound::Kind::source_status:
      give_source_status(item);
      return true;
    default:
      return false;
  }
}

// Member by member: clearing the whole struct first is seen in a stream of small events.
void Consumer::give_event(busd_item& item) {
  const Inbound& inbound = client_->item();
  const EventLine& event = inbound.event;
  event_ = &event;
  item.kind = BUSD_ITEM_EVENT;
  item.event_type = text_of(event.event_type);
  item.event_id = text_of(event.event_id);
  item.source_time = text_of(text_of_token(event.source_time_token, source_time_));
  item.seq = event.seq.value_or(0);
  item.payload = text_of(event.payload_token);
  item.frame = text_of(inbound.frame);
  item.lost_count = item.lost_after = item.lost_before = 0;
  item.source = item.detail = busd_text{};
  item.state = BUSD_SOURCE_CONNECTING;
  item.first = 0;
}

void Consumer::give_source_status(busd_item& item) const {
  const SourceStatus& status = client_->item().status;
  item.kind = BUSD_ITEM_SOURCE_STATUS;
  item.source = text_of(status.source);
  item.state = public_state(status.state);
  item.detail = text_of(status.detail);
}

busd_text Consumer::member(std::string_view name) const {
  if (event_ == nullptr) return {};
  for (const Member& member : event_->others) {
    std::string store;
    if (text_of_token(member.name_token, store) == name) return text_of(member.value_token);
  }
  return {};
}

TimePoint Consumer::deadline() const { return client_->deadline(); }

Verdict Consumer::close() {
  event_ = nullptr;
  Verdict verdict;
  // Without a hook, who is last makes no difference.
  if (hooks_.last != nullptr && ask_last()) verdict = run_last();
  if (client_->up()) client_->send_control(encode(Bye{}));
  client_->end(Verdict(BUSD_CLOSED, "closed"));
  return verdict;
}

// A hub that answered gave us the clean-up lock with its answer, and takes it away by closing the connection:
// from then on the next consumer may set up. So what it did is looked at last before the hook, and after it.
Verdict Consumer::run_last() {
  bool locked = client_->up();
  if (locked && lost_lock()) {
    return {BUSD_CLOSED, "the clean-up lock was taken away (" + client_->reason() +
                             "), so the clean-up of the last consumer (on_last) was not run"};
  }
  if (hooks_.last(hooks_.context) != 0)
    return {BUSD_REJECTED, "the clean-up of the last consumer (on_last) failed"};
  if (locked && lost_lock()) {
    return {BUSD_CLOSED,
            "the clean-up lock was taken away while the clean-up of the last consumer (on_last) ran (" +
                client_->reason() + "): others may have set up meanwhile"};
  }
  return {};
}

// Whether the connection has ended. What else came is discarded.
bool Consumer::lost_lock() {
  TimePoint until = now() + kStatusTimeout;
  Client::Took took = client_->take();
  while (took == Client::Took::item && now() < until) took = client_->take();
  return !client_->up();
}

// Whether this consumer is the last of its scope. No answer within kStatusTimeout, or no hub, counts as yes;
// but a hub that turned us away because others hold the scope has answered.
bool Consumer::ask_last() {
  if (client_->rejected()) return false;
  if (!client_->up()) return true;
  const Hello& hello = client_->hello();
  client_->send_control(encode(PreShutdownCheck{hello.event_key, hello.subscription_id}));
  TimePoint until = now() + kStatusTimeout;
  for (;;) {
    Client::Took took = client_->take();
    if (took == Client::Took::item && client_->item().kind == Inbound::Kind::check_ack)
      return client_->item().last;
    if (took != Client::Took::item && took != Client::Took::nothing) return true;
    if (now() >= until) return true;
    if (took == Client::Took::nothing) (void)client_->wait(until);
  }
}

}  // namespace bus::sdk
