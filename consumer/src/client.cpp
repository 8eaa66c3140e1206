#include "consumer/src/client.h"

#include <algorithm>
#include <unistd.h>
#include <utility>

#include "consumer/src/socket_trouble.h"
#include "protocol/base/strings.h"
#include "protocol/base/unix_socket.h"
#include "protocol/limits.h"

namespace bus::sdk {

namespace {

// Of a hub that is about to close the connection: an error that answers no frame (PROTOCOL.md 8).
bool is_farewell(const Inbound& inbound) {
  return inbound.kind == Inbound::Kind::error && inbound.error.code == ErrorCode::busy &&
         inbound.error.frame == 0;
}

}  // namespace

// Says what is known: a hello that was not read means a hub that does not run, not a scope's clean-up.
std::string Client::no_answer() const {
  if (!connection_.attached() || connection_.unread()) return silent_hub(options_.endpoint, peer_pid_);
  std::string text = "the hub at " + printable(options_.endpoint.socket) + " (" + process_text(peer_pid_) +
                     ") did not answer hello in time";
  if (hello().role == Role::source) return text;
  return text + ": another consumer of the same scope may be cleaning up; bus-status shows it";
}

Client::Client(ClientOptions options, Connection connection)
    : options_(std::move(options)),
      core_(options_.hello),
      connection_(std::move(connection)),
      random_(static_cast<unsigned>(now().time_since_epoch().count()) ^ static_cast<unsigned>(::getpid())) {}

Verdict Client::open(ClientOptions options, std::unique_ptr<Client>& opened) {
  auto connection = Connection::create();
  if (!connection) return verdict_of(connection.error());
  TimePoint deadline = now() + options.open_timeout;
  std::unique_ptr<Client> client(new Client(std::move(options), std::move(*connection)));
  Verdict verdict = client->open_until(deadline);
  if (!verdict.ok()) return verdict;
  client->opening_ = false;
  opened = std::move(client);
  return {};
}

Verdict Client::open_until(TimePoint deadline) {
  Verdict last;
  while (now() < deadline) {
    if (state_ == State::down) {
      if (retry_at_ > now()) {
        (void)connection_.wait(std::min(retry_at_, deadline));
        continue;
      }
      auto attempted = attempt(options_.start, deadline, kHelloTimeout);
      if (!attempted) return verdict_of(attempted.error());
    }
    switch (take_inbound()) {
      case Took::back:
        return {};
      case Took::over:
        return verdict_;
      case Took::broke:
        last = Verdict(BUSD_TIMED_OUT, reason_);
        break;
      default:
        (void)wait(deadline);
    }
  }
  return last.ok() ? Verdict(BUSD_TIMED_OUT, no_answer()) : last;
}

// One attempt to connect and say hello.
Result<void> Client::attempt(const StartPolicy& policy, TimePoint deadline, Duration patience) {
  auto socket = connect_or_start(options_.endpoint, policy, deadline);
  if (!socket) return std::move(socket.error());
  auto peer = peer_credentials(socket->get());
  peer_pid_ = peer ? peer->pid : 0;
  BUSD_TRY(connection_.attach(std::move(*socket)));
  control_end_ = 0;
  stalled_at_ = kNever;
  state_ = State::greeting;
  send_control(core_.connected(std::min(now() + patience, opening_ ? deadline : kNever)));
  return {};
}

Client::Took Client::take() {
  if (state_ == State::over) return Took::over;
  if (state_ == State::down) return try_again(now());
  if (connection_.blocked()) connection_.send_pending();
  return take_inbound();
}

Client::Took Client::try_again(TimePoint at) {
  if (at < retry_at_) return Took::nothing;
  StartPolicy policy = options_.start;
  policy.wait_for_others = false;
  auto attempted = attempt(policy, at + kRestartPatience, kHelloTimeout);
  if (attempted) return take_inbound();
  reason_ = attempted.error().what;
  if (attempted.error().code == Errc::denied) {
    end(verdict_of(attempted.error()));
    return Took::over;
  }
  pause(now());
  return Took::nothing;
}

Client::Took Client::take_inbound() {
  for (;;) {
    item_ = core_.next();
    if (item_ != nullptr && is_farewell(*item_)) {
      farewell_ = item_->error.message;
      continue;
    }
    if (item_ != nullptr) return on_item();
    std::string_view chunk;
    std::string why;
    switch (connection_.read(chunk, why)) {
      case Connection::Read::data:
        core_.receive(chunk);
        continue;
      case Connection::Read::end:
        return lost_connection(std::move(why));
      case Connection::Read::nothing:
        break;
    }
    if (connection_.write_failed()) return lost_connection("the hub takes nothing any more");
    if (core_.deadline() == kNever && stalled_at_ == kNever) return Took::nothing;
    TimePoint at = now();
    watch_progress(at);
    if (core_.deadline() <= at) return lost_connection(no_answer());
    if (stalled_at_ <= at)
      return lost_connection("the hub took nothing for " + format_duration(kWriteTimeout));
    return Took::nothing;
  }
}

Client::Took Client::on_item() {
  if (item_->kind == Inbound::Kind::refused) return on_refused();
  if (item_->kind != Inbound::Kind::welcome) return Took::item;
  state_ = State::up;
  first_ = item_->first;
  pause_ = kFirstPause;
  return Took::back;
}

Client::Took Client::on_refused() {
  std::string text = item_->text;
  Refusal refusal = item_->refusal;
  if (refusal == Refusal::protocol)
    text = printable(options_.endpoint.socket) + " (" + process_text(peer_pid_) + "): " + text;
  if (refusal == Refusal::denied)
    text = "the hub at " + printable(options_.endpoint.socket) + " says: " + text;
  connection_.detach();
  if (refusal == Refusal::busy && !opening_ && options_.reconnect) {
    reason_ = std::move(text);
    state_ = State::down;
    pause(now());
    return Took::nothing;
  }
  rejected_ = refusal == Refusal::rejected;
  switch (refusal) {
    case Refusal::rejected:
    case Refusal::busy:
      end(Verdict(BUSD_REJECTED, std::move(text)));
      break;
    case Refusal::denied:
      end(Verdict(BUSD_DENIED, std::move(text)));
      break;
    case Refusal::protocol:
      end(Verdict(BUSD_PROTOCOL, std::move(text)));
      break;
  }
  return Took::over;
}

// What waits to be sent stays in the connection until the next attempt, so that a source can keep it.
Client::Took Client::lost_connection(std::string reason) {
  bool was_up = state_ == State::up;
  reason_ = farewell_.empty() ? std::move(reason) : std::exchange(farewell_, {});
  state_ = State::down;
  connection_.detach();
  stalled_at_ = kNever;
  TimePoint at = now();
  if (was_up && !options_.reconnect) {
    end(Verdict(BUSD_CLOSED, reason_));
    return Took::over;
  }
  if (was_up) {
    retry_at_ = at;
    return Took::broke;
  }
  pause(at);
  return opening_ ? Took::broke : Took::nothing;
}

// Half of each pause is left to chance, so that the clients of a hub that died do not all come at once.
void Client::pause(TimePoint at) {
  auto half = std::max<long long>(to_ms(pause_) / 2, 1);
  std::uniform_int_distribution<long long> chance(0, half);
  retry_at_ = at + milliseconds(half + chance(random_));
  pause_ = std::min<Duration>(pause_ * 2, std::max<Duration>(options_.reconnect_max, kFirstPause));
}

void Client::end(Verdict verdict) {
  connection_.detach();
  state_ = State::over;
  verdict_ = std::move(verdict);
}

void Client::send_control(std::string_view frame) {
  connection_.queue(frame);
  connection_.send_pending();
  progress_ = connection_.sent_bytes();
  control_end_ = progress_ + connection_.pending_bytes();
  if (connection_.pending_bytes() > 0) stalled_at_ = now() + kWriteTimeout;
}

void Client::watch_progress(TimePoint at) {
  if (stalled_at_ == kNever) return;
  uint64_t sent = connection_.sent_bytes();
  if (sent >= control_end_) {
    stalled_at_ = kNever;
  } else if (sent != progress_) {
    progress_ = sent;
    stalled_at_ = at + kWriteTimeout;
  }
}

TimePoint Client::deadline() const {
  switch (state_) {
    case State::down:
      return retry_at_;
    case State::greeting:
    case State::up:
      // Of what was read already the descriptor tells nothing.
      return core_.holds_more() ? TimePoint::min() : std::min(core_.deadline(), stalled_at_);
    case State::over:
      return TimePoint::min();
  }
  return kNever;
}

Connection::Wait Client::wait(TimePoint until) {
  Connection::Wait waited = connection_.wait(std::min(until, deadline()));
  if (connection_.blocked()) connection_.send_pending();
  return waited;
}

}  // namespace bus::sdk
