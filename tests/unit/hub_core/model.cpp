#include "tests/unit/hub_core/model.h"

#include <algorithm>

#include "protocol/base/strings.h"
#include "protocol/limits.h"
#include "tests/support/wire.h"

namespace bus::test {

namespace {

using hub::CloseState;
using hub::Notice;
using hub::ReadState;

constexpr size_t kMostIds = 10'000;       // of one source (PROTOCOL.md 5)
constexpr size_t kMostWaiters = 64;       // of one scope (PROTOCOL.md 6)
constexpr size_t kMostAbsent = 256;       // sources that are remembered (hub/core/sources/source_table.h)
constexpr int kAdministrators = 8;        // PROTOCOL.md 4
constexpr size_t kIdBytesAnswered = 255;  // PROTOCOL.md 3

// The core's texts for people. The page leaves them free; here because a socket that takes few bytes counts
// all of them.
const std::string kBadFirst =
    "this type cannot be the first frame of a connection; begin with hello, request, put, delete, get, list, "
    "watch, status_query, shutdown, event or source_status";
const std::string kBadLater =
    "this type is not allowed here: status_query and shutdown need a connection of their own, and only the "
    "hub "
    "sends hello_ack, pre_shutdown_ack, status_response, interest, pause, resume, value, synced and error";
const std::string kSecondHello =
    "hello must be the first frame of a connection, and the only hello; open another connection for it";
const std::string kClientAsks =
    "event_types of a client must be empty, because a client gets no events; say role consumer";
const std::string kCleanupOfHub =
    "cleanup_task must not be below bus., where the tasks are the hub's; name another one";
const std::string kLineTooLong =
    "this frame is larger than 1048576 bytes, its line end included; send a smaller one, on a new connection";
const std::string kTooLate =
    "no complete frame came within 5s of the connection's beginning; connect when there is something to "
    "send, "
    "and end it with a line feed";
const std::string kNoLineEnd =
    "no line end: the input ended in the middle of a line, which was discarded; end every frame with a line "
    "feed, the last one too";

std::string event_too_large(size_t bytes) {
  return "as consumers would get it, with its seq, this event takes up to " + std::to_string(bytes) +
         " bytes; a frame is at most 1048576; send a smaller payload";
}
std::string denied(uint32_t uid, uint32_t owner) {
  return "uid " + std::to_string(uid) + " may not use the hub at /nowhere/bus.sock; its owner (uid " +
         std::to_string(owner) + ") can admit it with busd --allow-uid " + std::to_string(uid);
}
std::string too_many(size_t most) {
  return "all " + std::to_string(most) +
         " connections of this hub are in use; close some (bus-status lists them), or start the hub with a "
         "larger --max-connections";
}
std::string held_exclusively(const std::string& scope, int64_t pid) {
  return "scope " + scope + " is held exclusively by pid " + std::to_string(pid) +
         "; stop that one, or wait until it ends";
}
std::string has_a_consumer(const std::string& scope, int64_t pid) {
  return "scope " + scope + " has a consumer already (pid " + std::to_string(pid) +
         "), and this one asks for it exclusively; stop that one, or leave out exclusive";
}
std::string too_many_wait(const std::string& scope) {
  return "scope " + scope + " is being cleaned up, and 64 others wait already";
}

HelloAck ack(bool first) {
  HelloAck out;
  out.first_for_key = first;
  out.capabilities = kCapabilities;
  return out;
}

template <class T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

// ---- entries

void HubModel::connect(Id id, uint32_t uid, int64_t pid) {
  Peer& peer =
      peers_.emplace(id, ModelQueue::Limits{config_.queue.frames, config_.queue.bytes}).first->second;
  peer.uid = uid;
  peer.kernel_pid = pid;
  peer.since = now_;
  ++connections_.accepted;
  auto admitted =
      std::count_if(peers_.begin(), peers_.end(), [](const auto& p) { return p.second.admitted; });
  // CoreRig's peers have a gid that is equal to their uid.
  bool allowed = uid == config_.uid || uid == 0 || contains(config_.allow_uids, uid) ||
                 contains(config_.allow_gids, uid);
  bool crowded = static_cast<size_t>(admitted) >= config_.max_connections;
  auto administrators =
      std::count_if(peers_.begin(), peers_.end(), [](const auto& p) { return p.second.administers; });
  if (!allowed) {
    refuse(id, ErrorCode::denied, denied(uid, config_.uid));
  } else if (!crowded) {
    peer.admitted = true;
  } else if ((uid == config_.uid || uid == 0) && administrators < kAdministrators) {
    ++connections_.administrative;
    peer.administers = true;
  } else {
    refuse(id, ErrorCode::too_many, too_many(config_.max_connections));
  }
  settle();
  serve();
}

void HubModel::refuse(Id id, ErrorCode code, const std::string& reason) {
  ++(code == ErrorCode::denied ? connections_.denied : connections_.too_many);
  note(code == ErrorCode::denied ? Notice::Kind::denied : Notice::Kind::too_many, id);
  reply(id, ErrorMessage{code, reason, {}, peers_.at(id).frames_in}, kNever);
  close_when_flushed(id, now_ + kWriteTimeout);
}

// One that was let in beyond the limit, and wants more than status or shutdown.
bool HubModel::find_place(Id id) {
  auto admitted =
      std::count_if(peers_.begin(), peers_.end(), [](const auto& p) { return p.second.admitted; });
  if (static_cast<size_t>(admitted) >= config_.max_connections) {
    refuse(id, ErrorCode::too_many, too_many(config_.max_connections));
    return false;
  }
  peers_.at(id).administers = false;
  peers_.at(id).admitted = true;
  return true;
}

void HubModel::send(Id id, std::string_view bytes, const StatusResponse& seen) {
  if (!is_open(id)) return;
  seen_ = seen;
  peers_.at(id).unread += bytes;
  serve_one(id);
  serve();
}

void HubModel::shut_down_writing(Id id) {
  if (!is_open(id)) return;
  peers_.at(id).ended = true;
  serve_one(id);
  serve();
}

void HubModel::hang_up(Id id) {
  if (!is_open(id)) return;
  gone(id);
  serve();
}

void HubModel::set_room(Id id, size_t bytes) {
  if (!is_open(id)) return;
  peers_.at(id).out.set_room(bytes);
  settle();
  serve();
}

void HubModel::advance(Duration d) {
  now_ += d;
  std::vector<std::pair<TimePoint, Id>> due;
  for (const auto& [id, peer] : peers_) {
    if (deadline_of(id) <= now_) due.emplace_back(deadline_of(id), id);
  }
  std::sort(due.begin(), due.end());
  for (const auto& each : due) expire(each.second);
  settle();
  serve();
}

// The edge closes nothing before its next turn, and neither does CoreRig before its next call.
void HubModel::begin_stop(TimePoint deadline) {
  stopping_ = true;
  for (auto& [id, peer] : peers_) {
    if (peer.read_state == ReadState::read) peer.read_state = ReadState::paused;
    if (peer.close_state == CloseState::stay) peer.close_state = CloseState::close_when_flushed;
    peer.close_deadline = std::min(peer.close_deadline, deadline);
  }
}

// ---- frames

// Handles what is complete of the peer's input.
void HubModel::read(Id id) {
  Peer& peer = peers_.at(id);
  while (peer.read_state == ReadState::read) {
    size_t end = peer.input.find('\n');
    if (std::min(end, peer.input.size()) >= kMaxFrameBytes) {
      ++peer.frames_in;
      fault(id, ErrorCode::frame_too_large, kLineTooLong);
      close_when_flushed(id, now_ + kWriteTimeout);
      return;
    }
    if (end == std::string::npos) return;
    std::string line = peer.input.substr(0, end);
    peer.input.erase(0, end + 1);
    handle_line(id, line);
  }
}

void HubModel::handle_line(Id id, std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
  ++peers_.at(id).frames_in;
  Decoded decoded = decode(line);
  const auto* message = std::get_if<Message>(&decoded);
  bool administrative = message != nullptr && (std::holds_alternative<StatusQuery>(*message) ||
                                               std::holds_alternative<Shutdown>(*message));
  if (peers_.at(id).administers && !administrative && !find_place(id)) return;
  if (const auto* wrong = std::get_if<Fault>(&decoded)) {
    fault(id, wrong->code, wrong->message,
          wrong->code == ErrorCode::bad_frame ? model_event_id(line) : std::string());
  } else {
    handle(id, std::get<Message>(decoded), line);
  }
}

void HubModel::handle(Id id, const Message& message, std::string_view line) {
  Peer& peer = peers_.at(id);
  bool first = peer.phase == Phase::handshake;
  const auto* event = std::get_if<Event>(&message);
  const auto* state = std::get_if<SourceStatus>(&message);
  if (first && (event != nullptr || state != nullptr)) become(peer, Phase::anonymous);
  if (event != nullptr) {
    publish(id, *event, line);
  } else if (state != nullptr) {
    report(*state);
  } else if (const auto* hello_message = std::get_if<Hello>(&message)) {
    hello(id, *hello_message);
  } else if (std::holds_alternative<StatusQuery>(message) && first) {
    describe(seen_);
    reply_line(id, encode(seen_), now_ + kWriteTimeout);
    close_when_flushed(id, now_ + kWriteTimeout);
  } else if (std::holds_alternative<Shutdown>(message) && first) {
    stop_requested_ = true;
    note(Notice::Kind::stop_requested, id);
    close_when_flushed(id, now_ + kWriteTimeout);
  } else if (const auto* question = std::get_if<PreShutdownCheck>(&message); question != nullptr && !first) {
    reply(id, PreShutdownAck{check(id, *question)}, now_ + kWriteTimeout);
  } else if (std::holds_alternative<Bye>(message) && !first) {
    peer.said_bye = true;
    close_when_flushed(id, now_ + kWriteTimeout);
  } else {
    fault(id, ErrorCode::not_allowed, first ? kBadFirst : kBadLater);
  }
}

void HubModel::fault(Id id, ErrorCode code, const std::string& text, const std::string& event_id) {
  Peer& peer = peers_.at(id);
  ++events_.refused;
  if (!std::exchange(peer.fault_noticed, true)) note(Notice::Kind::fault, id);
  reply(id, ErrorMessage{code, text, event_id.size() <= kIdBytesAnswered ? event_id : "", peer.frames_in},
        kNever);
  if (peer.phase == Phase::handshake) close_when_flushed(id, now_ + kWriteTimeout);
}

void HubModel::reply(Id id, const Message& message, TimePoint deadline) {
  reply_line(id, encode(message), deadline);
}

void HubModel::reply_line(Id id, const std::string& line, TimePoint deadline) {
  Peer& peer = peers_.at(id);
  if (peer.close_state == CloseState::close_now) return;
  if (!peer.out.add_reply(line, deadline)) close_now(id, Notice::Kind::unread);
}

void HubModel::publish(Id id, const Event& event, std::string_view line) {
  Peer& peer = peers_.at(id);
  ModelEvent frame = model_event(line);
  if (frame.most_bytes() > kMaxFrameBytes) {
    fault(id, ErrorCode::frame_too_large, event_too_large(frame.most_bytes()), event.event_id);
    return;
  }
  peer.tried_to_publish = true;
  if (is_repetition(peer, event.event_id)) {
    ++events_.duplicates;
    return;
  }
  ++events_.published;
  events_.published_bytes += frame.head.size() + frame.tail.size();
  ++peer.published;
  peer.last_event = now_;
  if (!peer.source.empty()) {
    ++sources_.at(peer.source).published;
    sources_.at(peer.source).last_event = now_;
  }
  bool taken = false;
  for (auto& [each, consumer] : peers_) {
    if (consumer.phase != Phase::consumer || !matches(consumer.hello.event_types, event.event_type)) continue;
    consumer.out.add_event(frame.with_seq(consumer.out.next_seq()));
    taken = true;
  }
  if (taken) return;
  ++events_.unmatched;
  ++unmatched_[event.event_type];
}

bool HubModel::is_repetition(Peer& peer, const std::string& event_id) {
  if (event_id.empty() || config_.dedup_window == Duration::zero()) return false;
  Ids& ids = peer.source.empty() ? peer.ids : sources_.at(peer.source).ids;
  while (!ids.in_order.empty() && now_ - ids.in_order.front().second >= config_.dedup_window)
    ids.forget_oldest();
  if (!ids.known.insert(event_id).second) return true;
  ids.in_order.emplace_back(event_id, now_);
  if (ids.in_order.size() > kMostIds) ids.forget_oldest();
  return false;
}

bool HubModel::matches(const std::vector<std::string>& entries, const std::string& event_type) {
  return std::any_of(entries.begin(), entries.end(), [&](const std::string& entry) {
    if (entry == "*") return true;
    if (!entry.ends_with(".*")) return entry == event_type;
    std::string prefix = entry.substr(0, entry.size() - 1);
    return event_type.starts_with(prefix) && event_type.size() > prefix.size();
  });
}

// ---- joining

void HubModel::become(Peer& peer, Phase phase) {
  peer.phase = phase;
  peer.takes_part = true;
  peer.counts = !peer.hello.background;
}

void HubModel::hello(Id id, const Hello& message) {
  Peer& peer = peers_.at(id);
  if (peer.phase != Phase::handshake) return fault(id, ErrorCode::not_allowed, kSecondHello);
  peer.pid = message.pid;
  peer.hello = message;
  if (message.role == Role::consumer && message.cleanup_task.starts_with("bus."))
    return fault(id, ErrorCode::bad_frame, kCleanupOfHub);
  if (message.role == Role::source) return become_source(id, message.source);
  if (message.role == Role::client) return become_client(id);
  become(peer, Phase::waiting);
  peer.scope = message.subscription_id.empty() ? message.event_key : message.subscription_id;
  Scope& scope = scopes_[peer.scope];
  if (scope.holder == 0) {
    answer_join(admit(id, peer.scope));
  } else if (scope.waiters.size() >= kMostWaiters) {
    ++crowded_out_;
    answer_join({id, false, too_many_wait(peer.scope)});
  } else {
    scope.waiters.push_back(id);
    peer.read_state = ReadState::paused;
  }
}

// Puts it into the scope, if it may be there.
HubModel::Answer HubModel::admit(Id id, const std::string& name) {
  Scope& scope = scopes_[name];
  bool exclusive = peers_.at(id).hello.exclusive;
  for (Id each : scope.consumers) {
    const Peer& other = peers_.at(each);
    if (other.hello.exclusive) return {id, false, held_exclusively(name, other.shown_pid())};
    if (exclusive) return {id, false, has_a_consumer(name, other.shown_pid())};
  }
  scope.consumers.insert(id);
  return {id, all_others_asked(scope, id), {}};
}

void HubModel::answer_join(const Answer& answer) {
  Peer& peer = peers_.at(answer.id);
  if (!answer.refusal.empty()) {
    HelloAck refusal = ack(false);
    refusal.rejected = true;
    refusal.reject_reason = answer.refusal;
    reply(answer.id, refusal, now_ + kWriteTimeout);
    note(Notice::Kind::rejected, answer.id);
    peer.scope.clear();
    close_when_flushed(answer.id, now_ + kWriteTimeout);
    return;
  }
  peer.phase = Phase::consumer;
  peer.read_state = ReadState::read;
  peer.since = now_;
  reply(answer.id, ack(answer.first), now_ + kWriteTimeout);
  for (const auto& [name, source] : sources_) {
    if (source.connections == 0 && source.state == SourceState::disconnected) continue;
    peer.out.add_best_effort(encode(SourceStatus{name, source.state, source.detail}));
  }
  note(Notice::Kind::joined, answer.id);
}

void HubModel::become_source(Id id, const std::string& name) {
  Peer& peer = peers_.at(id);
  become(peer, Phase::source);
  peer.since = now_;
  reply(id, ack(false), now_ + kWriteTimeout);
  note(Notice::Kind::joined, id);
  if (name.empty()) return;
  peer.source = name;
  std::erase(absent_, name);
  Source& source = sources_[name];
  ++source.connections;
  source.state = SourceState::connected;
  source.detail.clear();
  source.pid = peer.shown_pid();
  source.kernel_pid = peer.kernel_pid;
  source.uid = peer.uid;
  broadcast({name, source.state, {}});
}

void HubModel::become_client(Id id) {
  Peer& peer = peers_.at(id);
  if (!peer.hello.event_types.empty()) return fault(id, ErrorCode::bad_frame, kClientAsks);
  become(peer, Phase::client);
  peer.since = now_;
  reply(id, ack(false), now_ + kWriteTimeout);
  note(Notice::Kind::joined, id);
}

void HubModel::report(const SourceStatus& status) {
  Source& source = sources_[status.source];
  source.state = status.state;
  source.detail = status.detail;
  if (source.connections == 0) make_absent(status.source);
  broadcast(status);
}

void HubModel::make_absent(const std::string& name) {
  std::erase(absent_, name);
  absent_.push_back(name);
  if (absent_.size() <= kMostAbsent) return;
  sources_.erase(absent_.front());
  absent_.pop_front();
}

// To all consumers, behind the events that were published before it.
void HubModel::broadcast(const SourceStatus& status) {
  for (auto& [id, peer] : peers_) {
    if (peer.phase != Phase::consumer) continue;
    note_drop(id, peer.out.queue_turn());
    peer.out.add_best_effort(encode(status));
  }
}

bool HubModel::all_others_asked(const Scope& scope, Id id) const {
  return std::all_of(scope.consumers.begin(), scope.consumers.end(),
                     [&](Id other) { return other == id || peers_.at(other).asked; });
}

bool HubModel::check(Id id, const PreShutdownCheck& message) {
  Peer& peer = peers_.at(id);
  std::string asked = message.subscription_id.empty() ? message.event_key : message.subscription_id;
  if (asked.empty()) asked = peer.scope;
  if (peer.phase != Phase::consumer || asked != peer.scope) return false;
  peer.asked = true;
  Scope& scope = scopes_.at(peer.scope);
  if (scope.holder == id) return true;
  if (scope.holder != 0 || !all_others_asked(scope, id)) return false;
  scope.held_since = now_;
  scope.holder = id;
  return true;
}

// ---- leaving

void HubModel::leave(Id id) {
  Peer& peer = peers_.at(id);
  if (peer.phase == Phase::leaving) return;
  peer.phase = Phase::leaving;
  leave_scope(id);
  leave_source(id);
}

void HubModel::leave_scope(Id id) {
  std::string name = std::exchange(peers_.at(id).scope, {});
  if (name.empty()) return;
  Scope& scope = scopes_.at(name);
  const Peer& peer = peers_.at(id);
  bool was_in_it = scope.consumers.erase(id) > 0;
  if (was_in_it && !peer.asked && !peer.said_bye && !stopping_ && all_others_asked(scope, id)) {
    ++connections_.uncleaned;
    note(Notice::Kind::uncleaned, id);
    // Nobody provides a task here: the call has ended before anybody could see the lock.
    if (!peer.hello.cleanup_task.empty()) {
      note(Notice::Kind::not_cleaned, id);
      ++calls_without_provider_;
    }
  }
  std::erase(scope.waiters, id);
  if (scope.holder == id) {
    scope.holder = 0;
    for (Id waiter : std::exchange(scope.waiters, {})) answers_.push_back(admit(waiter, name));
  }
  if (scope.consumers.empty() && scope.waiters.empty()) scopes_.erase(name);
}

void HubModel::leave_source(Id id) {
  std::string name = std::exchange(peers_.at(id).source, {});
  if (name.empty()) return;
  Source& source = sources_.at(name);
  if (--source.connections > 0) return;
  source.state = SourceState::disconnected;
  source.detail.clear();
  make_absent(name);
  broadcast({name, SourceState::disconnected, {}});
}

void HubModel::close_when_flushed(Id id, TimePoint deadline) {
  leave(id);
  Peer& peer = peers_.at(id);
  peer.read_state = ReadState::ended;
  if (peer.close_state == CloseState::stay) peer.close_state = CloseState::close_when_flushed;
  peer.close_deadline = std::min(peer.close_deadline, deadline);
}

void HubModel::close_now(Id id, Notice::Kind why) {
  ++(why == Notice::Kind::cleanup_timeout ? connections_.cleanup_timeouts : connections_.unread);
  note(why, id);
  leave(id);
  Peer& peer = peers_.at(id);
  peer.read_state = ReadState::ended;
  peer.close_state = CloseState::close_now;
}

// Its connection is no more.
void HubModel::gone(Id id) {
  Peer& peer = peers_.at(id);
  // One that is in its handshake counts, a status query does not (PROTOCOL.md 4 and 8).
  if (peer.counts || peer.phase == Phase::handshake) idle_since_ = now_;
  if (peer.takes_part) note(Notice::Kind::left, id);
  leave(id);
  events_.delivered += peer.out.delivered();
  events_.delivered_bytes += peer.out.delivered_bytes();
  events_.dropped += peer.out.dropped();
  wire_of_gone_[id] += peer.out.take_wire();
  peers_.erase(id);
  settle();
}

// ---- time

TimePoint HubModel::deadline_of(Id id) const {
  const Peer& peer = peers_.at(id);
  if (peer.close_state == CloseState::close_now) return kNever;
  TimePoint deadline = std::min(peer.close_deadline, peer.out.reply_deadline());
  if (peer.phase == Phase::handshake) deadline = std::min(deadline, peer.since + kHandshakeTimeout);
  if (auto scope = scopes_.find(peer.scope); scope != scopes_.end() && scope->second.holder == id)
    deadline = std::min(deadline, scope->second.held_since + config_.cleanup_timeout);
  return deadline;
}

void HubModel::expire(Id id) {
  Peer& peer = peers_.at(id);
  if (peer.phase == Phase::handshake && peer.since + kHandshakeTimeout <= now_) {
    ++connections_.timed_out;
    note(Notice::Kind::timed_out, id);
    reply(id, ErrorMessage{ErrorCode::timeout, kTooLate, {}, 0}, kNever);
    close_when_flushed(id, now_ + kWriteTimeout);
    return;
  }
  auto scope = scopes_.find(peer.scope);
  bool holds = scope != scopes_.end() && scope->second.holder == id;
  if (holds && scope->second.held_since + config_.cleanup_timeout <= now_) {
    close_now(id, Notice::Kind::cleanup_timeout);
    return;
  }
  bool late = peer.out.reply_deadline() <= now_ || (peer.close_deadline <= now_ && !peer.out.empty());
  if (late) close_now(id, Notice::Kind::unread);
}

TimePoint HubModel::next_deadline() const {
  TimePoint next = kNever;
  bool unused = true;
  for (const auto& [id, peer] : peers_) {
    next = std::min(next, deadline_of(id));
    unused = unused && !peer.counts && peer.phase != Phase::handshake;
  }
  if (unused && config_.idle_exit != Duration::max()) next = std::min(next, idle_since_ + config_.idle_exit);
  return next;
}

std::vector<HubModel::Id> HubModel::due() const {
  std::vector<std::pair<TimePoint, Id>> late;
  for (const auto& [id, peer] : peers_) {
    if (peer.phase == Phase::handshake && deadline_of(id) <= now_) late.emplace_back(deadline_of(id), id);
  }
  std::sort(late.begin(), late.end());
  std::vector<Id> out;
  for (const auto& each : late) out.push_back(each.second);
  return out;
}

bool HubModel::idle() const {
  return config_.idle_exit != Duration::max() && now_ - idle_since_ >= config_.idle_exit &&
         std::none_of(peers_.begin(), peers_.end(), [](const auto& each) {
           return each.second.counts || each.second.phase == Phase::handshake;
         });
}

// ---- the end of an entry

void HubModel::settle() {
  while (!answers_.empty()) {
    Answer answer = answers_.front();
    answers_.pop_front();
    if (stopping_) continue;
    answer_join(answer);
    let_in_.push_back(answer.id);
    read(answer.id);
  }
  for (auto& [id, peer] : peers_) note_drop(id, peer.out.end_turn());
}

void HubModel::note_drop(Id id, bool dropped) {
  if (dropped && !std::exchange(peers_.at(id).drop_noticed, true)) note(Notice::Kind::slow_consumer, id);
}

// What CoreRig does when the core has come to rest: closes who is to be closed, and reads those on who wait
// no longer.
void HubModel::serve() {
  for (bool again = true; again;) {
    again = false;
    std::vector<Id> closing;
    for (const auto& [id, peer] : peers_) {
      bool flushed = peer.close_state == CloseState::close_when_flushed && peer.out.empty();
      if (peer.close_state == CloseState::close_now || flushed) closing.push_back(id);
    }
    for (Id id : closing) gone(id);
    for (Id id : std::exchange(let_in_, {})) again = serve_one(id) || again;
    again = again || !closing.empty();
  }
}

// Hands in what is in its socket. Returns whether something was.
bool HubModel::serve_one(Id id) {
  if (!is_open(id) || peers_.at(id).read_state != ReadState::read) return false;
  bool served = false;
  if (!peers_.at(id).unread.empty()) {
    peers_.at(id).input += std::exchange(peers_.at(id).unread, {});
    read(id);
    settle();
    served = true;
  }
  Peer& peer = peers_.at(id);
  if (!peer.ended || peer.read_state != ReadState::read) return served;
  if (peer.input.find_first_not_of(" \t\r") != std::string::npos) {
    ++peer.frames_in;
    fault(id, ErrorCode::bad_frame, kNoLineEnd);
  }
  peer.read_state = ReadState::ended;
  if (peer.phase != Phase::consumer) close_when_flushed(id, now_ + kWriteTimeout);
  settle();
  return true;
}

std::string HubModel::take_wire(Id id) {
  if (auto at = wire_of_gone_.find(id); at != wire_of_gone_.end()) {
    std::string wire = std::move(at->second);
    wire_of_gone_.erase(at);
    return wire;
  }
  return is_open(id) ? peers_.at(id).out.take_wire() : std::string();
}

}  // namespace bus::test
