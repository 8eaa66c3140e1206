#include "consumer/src/session.h"

#include <algorithm>
#include <unistd.h>
#include <utility>

#include "consumer/src/socket_trouble.h"
#include "protocol/base/strings.h"
#include "protocol/base/unix_socket.h"
#include "protocol/encode.h"
#include "protocol/limits.h"
#include "protocol/messages/control.h"

namespace bus::sdk {

namespace {

// Of a hub that is about to close the connection: an error that answers no frame (PROTOCOL.md 8).
bool is_farewell(const Item& item) {
  return item.kind == ItemKind::refused && item.error.code == ErrorCode::busy && item.error.frame == 0;
}

}  // namespace

// Says what is known: a hello that was not read means a hub that does not run, not a scope's clean-up.
std::string Session::no_answer() const {
  if (!transport_.attached() || transport_.unread()) return silent_hub(options_.endpoint, peer_pid_);
  std::string text = "the hub at " + printable(options_.endpoint.socket) + " (" + process_text(peer_pid_) +
                     ") did not answer hello in time";
  if (hello().role != Role::consumer) return text;
  return text + ": another consumer of the same scope may be cleaning up; bus-status shows it";
}

Session::Session(SessionOptions options, Transport connection)
    : options_(std::move(options)),
      core_(options_.hello),
      transport_(std::move(connection)),
      random_(static_cast<unsigned>(now().time_since_epoch().count()) ^ static_cast<unsigned>(::getpid())) {}

ApiResult Session::open(SessionOptions options, std::unique_ptr<Session>& opened) {
  auto connection = Transport::create();
  if (!connection) return result_of(connection.error());
  if (options.cancel_fd != 0) {
    auto watched = connection->watch_cancel(options.cancel_fd);
    if (!watched) return {BUSD_INVALID, "cancel_fd: " + watched.error().what};
  }
  TimePoint deadline = now() + options.open_timeout;
  std::unique_ptr<Session> client(new Session(std::move(options), std::move(*connection)));
  ApiResult result = client->open_until(deadline);
  client->cancelled_ = client->transport_.is_cancelled();
  client->transport_.forget_cancel();
  bool accepted = result.ok() || (client->cancelled_ && client->await_answer());
  if (!accepted) {
    client->take_hello_back();
    return result;
  }
  client->opening_ = false;
  opened = std::move(client);
  return {};
}

ApiResult Session::open_until(TimePoint deadline) {
  ApiResult last;
  while (now() < deadline) {
    if (transport_.is_cancelled()) return {BUSD_TIMED_OUT, "cancelled before the hub had answered"};
    if (state_ == State::down) {
      if (retry_at_ > now()) {
        (void)transport_.wait(std::min(retry_at_, deadline));
        continue;
      }
      auto attempted = attempt(options_.start, deadline, kHelloTimeout);
      if (!attempted) return result_of(attempted.error());
    }
    (void)take_inbound();
    if (up()) return {};
    if (over()) return result_;
    if (state_ == State::down) {
      last = ApiResult(BUSD_TIMED_OUT, reason_);
    } else {
      (void)wait(deadline);
    }
  }
  return last.ok() ? ApiResult(BUSD_TIMED_OUT, no_answer()) : last;
}

bool Session::await_answer() {
  TimePoint until = now() + kStatusTimeout;
  while (state_ == State::greeting && now() < until) {
    if (take_inbound() == nullptr && state_ == State::greeting) (void)wait(until);
  }
  take_hello_back();
  return up();
}

// A hub that reads the hello only later, or lets a waiting one in just now, finds the bye behind it. So nobody
// counts as a consumer that left without cleaning up.
void Session::take_hello_back() {
  if (state_ == State::greeting) send_control(encode(Bye{}));
}

// One attempt to connect and say hello.
Result<void> Session::attempt(const StartPolicy& policy, TimePoint deadline, Duration patience) {
  auto socket = connect_or_start(options_.endpoint, policy, deadline);
  if (!socket) return std::move(socket.error());
  auto peer = peer_credentials(socket->get());
  peer_pid_ = peer ? peer->pid : 0;
  BUSD_TRY(transport_.attach(std::move(*socket)));
  control_end_ = 0;
  stalled_at_ = kNever;
  state_ = State::greeting;
  send_control(core_.connected(std::min(now() + patience, opening_ ? deadline : kNever)));
  return {};
}

Item* Session::take() {
  if (state_ == State::over) return nullptr;
  if (state_ == State::down) return try_again(now());
  if (transport_.blocked()) transport_.send_pending();
  return take_inbound();
}

Item* Session::try_again(TimePoint at) {
  if (at < retry_at_) return nullptr;
  StartPolicy policy = options_.start;
  policy.wait_for_others = false;
  auto attempted = attempt(policy, at + kRestartPatience, kHelloTimeout);
  if (attempted) return take_inbound();
  reason_ = attempted.error().what;
  if (attempted.error().code == Errc::denied) {
    end(result_of(attempted.error()));
  } else {
    pause(now());
  }
  return nullptr;
}

Item* Session::take_inbound() {
  for (;;) {
    if (Item* item = core_.next()) {
      if (!is_farewell(*item)) return on_item(*item);
      farewell_ = item->error.message;
      continue;
    }
    std::string_view chunk;
    std::string why;
    switch (transport_.read(chunk, why)) {
      case Transport::Read::data:
        core_.receive(chunk);
        continue;
      case Transport::Read::end:
        return lost_connection(std::move(why));
      case Transport::Read::nothing:
        break;
    }
    if (transport_.write_failed()) return lost_connection("the hub takes nothing any more");
    if (core_.deadline() == kNever && stalled_at_ == kNever) return nullptr;
    TimePoint at = now();
    watch_progress(at);
    if (core_.deadline() <= at) {
      std::string why_not = no_answer();
      take_hello_back();
      return lost_connection(std::move(why_not));
    }
    if (stalled_at_ <= at)
      return lost_connection("the hub took nothing for " + format_duration(kWriteTimeout));
    return nullptr;
  }
}

Item* Session::on_item(Item& item) {
  if (item.kind == ItemKind::turned_away) return on_turned_away(item);
  if (item.kind != ItemKind::reset) return &item;
  state_ = State::up;
  first_ = item.first;
  has_calls_ = item.has_calls;
  has_values_ = item.has_values;
  pause_ = kFirstPause;
  return own_item(ItemKind::reset);
}

Item* Session::own_item(ItemKind kind) {
  own_item_ = Item{};
  own_item_.kind = kind;
  own_item_.detail = reason_;
  own_item_.first = kind == ItemKind::reset && first_;
  own_item_.has_calls = kind == ItemKind::reset && has_calls_;
  own_item_.has_values = kind == ItemKind::reset && has_values_;
  return &own_item_;
}

ApiResult turned_away_result(const Item& item, const Endpoint& where, int64_t pid) {
  std::string text = item.detail;
  switch (item.turned_away) {
    case TurnedAway::rejected:
    case TurnedAway::busy:
      return {BUSD_REJECTED, std::move(text)};
    case TurnedAway::denied:
      return {BUSD_DENIED, "the hub at " + printable(where.socket) + " says: " + text};
    case TurnedAway::protocol:
      break;
  }
  return {BUSD_PROTOCOL, printable(where.socket) + " (" + process_text(pid) + "): " + text};
}

Item* Session::on_turned_away(const Item& item) {
  TurnedAway why = item.turned_away;
  ApiResult result = turned_away_result(item, options_.endpoint, peer_pid_);
  transport_.detach();
  if (why == TurnedAway::busy && !opening_ && options_.reconnect) {
    reason_ = std::move(result.message);
    state_ = State::down;
    pause(now());
    return nullptr;
  }
  rejected_ = why == TurnedAway::rejected;
  end(std::move(result));
  return nullptr;
}

// What waits to be sent stays in the connection until the next attempt, so that a publisher can keep it.
Item* Session::lost_connection(std::string reason) {
  bool was_up = state_ == State::up;
  reason_ = farewell_.empty() ? std::move(reason) : std::exchange(farewell_, {});
  state_ = State::down;
  transport_.detach();
  stalled_at_ = kNever;
  TimePoint at = now();
  if (was_up && !options_.reconnect) {
    end(ApiResult(BUSD_CLOSED, reason_));
    return nullptr;
  }
  if (was_up) {
    retry_at_ = at;
    return own_item(ItemKind::broken);
  }
  pause(at);
  return nullptr;
}

// Half of each pause is left to chance, so that the clients of a hub that died do not all come at once.
void Session::pause(TimePoint at) {
  auto half = std::max<long long>(to_ms(pause_) / 2, 1);
  std::uniform_int_distribution<long long> chance(0, half);
  retry_at_ = at + milliseconds(half + chance(random_));
  pause_ = std::min<Duration>(pause_ * 2, std::max<Duration>(options_.reconnect_max, kFirstPause));
}

void Session::end(ApiResult result) {
  transport_.detach();
  state_ = State::over;
  result_ = std::move(result);
}

void Session::send_control(std::string_view frame) {
  transport_.queue(frame);
  transport_.send_pending();
  progress_ = transport_.sent_bytes();
  control_end_ = progress_ + transport_.pending_bytes();
  if (transport_.pending_bytes() > 0) stalled_at_ = now() + kWriteTimeout;
}

void Session::watch_progress(TimePoint at) {
  if (stalled_at_ == kNever) return;
  uint64_t sent = transport_.sent_bytes();
  if (sent >= control_end_) {
    stalled_at_ = kNever;
  } else if (sent != progress_) {
    progress_ = sent;
    stalled_at_ = at + kWriteTimeout;
  }
}

TimePoint Session::deadline() const {
  switch (state_) {
    case State::down:
      return retry_at_;
    case State::greeting:
    case State::up:
      // Of what was read already the descriptor tells nothing.
      return core_.holds_more() ? TimePoint() : std::min(core_.deadline(), stalled_at_);
    case State::over:
      return TimePoint();
  }
  return kNever;
}

bool Session::must_act() const { return !up() || transport_.write_failed() || deadline() <= now(); }

Transport::Wait Session::wait(TimePoint until) {
  Transport::Wait waited = transport_.wait(std::min(until, deadline()));
  if (transport_.blocked()) transport_.send_pending();
  return waited;
}

}  // namespace bus::sdk
