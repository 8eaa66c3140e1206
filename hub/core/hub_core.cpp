#include "hub/core/hub_core.h"

#include <algorithm>

#include "hub/core/hub_core_impl.h"
#include "protocol/base/check.h"
#include "protocol/base/strings.h"
#include "protocol/codec.h"
#include "protocol/json_text.h"
#include "protocol/limits.h"
#include "protocol/member_name.h"

namespace bus::hub {

namespace {

// What one turn costs at most, beside what it has begun: so often a consumer is looked at to give it events.
constexpr size_t kMaxTurnCost = 100'000;

// A read that brings less costs more than what is in it.
constexpr size_t kLeastReadBytes = 4 * 1024;

// A name with all its letters escaped, and its quotes.
constexpr size_t kMostNameBytesCompared = 128;

constexpr const char* kNoLineEnd =
    "no line end: the input ended in the middle of a line, which was discarded; end every frame with a line "
    "feed, the last one too";

// Deadlines that are judged in one turn.
constexpr size_t kDueAtOnce = 16;

}  // namespace

HubCore::Impl::Impl(HubConfig config, Transport& edge, TimePoint start)
    : config_(std::move(config)),
      transport_(edge),
      ledger_(Budget::of(config_.memory, config_.max_connections).value(), config_.max_connections,
              config_.uid_share_percent, config_.uid),
      start_(start),
      idle_since_(start) {}

HubCore::Impl::~Impl() { BUSD_CHECK(peers_.empty()); }

Peer& HubCore::Impl::peer(PeerId id) {
  Peer* peer = peers_.find(id);
  BUSD_CHECK(peer != nullptr);
  return *peer;
}

const Peer& HubCore::Impl::peer(PeerId id) const {
  Peer* peer = peers_.find(id);
  BUSD_CHECK(peer != nullptr);
  return *peer;
}

// ---- a connection's beginning and end

bool HubCore::Impl::is_admitted(const Credentials& credentials) const {
  auto allows = [](const std::vector<uint32_t>& list, uint32_t id) {
    return std::find(list.begin(), list.end(), id) != list.end();
  };
  return credentials.uid == config_.uid || credentials.uid == 0 ||
         allows(config_.allow_uids, credentials.uid) || allows(config_.allow_gids, credentials.gid) ||
         std::any_of(credentials.groups.begin(), credentials.groups.end(),
                     [&](uint32_t gid) { return allows(config_.allow_gids, gid); });
}

std::string HubCore::Impl::crowd_around(const Peer& peer) const {
  const Account& account = *peer.account;
  if (peer.from_reserve) {
    return "the hub has no file descriptor left for this connection; close some connections, or start the "
           "hub "
           "with a higher limit of open files";
  }
  if (admitted_ >= config_.max_connections) {
    return "all " + std::to_string(config_.max_connections) +
           " connections of this hub are in use; close some (bus-status lists them), or start the hub with a "
           "larger --max-connections";
  }
  if (account.connections >= account.max_connections) {
    return "uid " + std::to_string(account.uid) + " has " + std::to_string(account.connections) +
           " connections, the most that one user may have here; close some, or start the hub with a larger "
           "--uid-share";
  }
  return {};
}

void HubCore::Impl::admit(Peer& peer) {
  peer.admitted = true;
  ++admitted_;
  ++peer.account->connections;
}

void HubCore::Impl::refuse(Peer& peer, ErrorCode code, const std::string& reason, TimePoint now) {
  ++(code == ErrorCode::denied ? connections_.denied : connections_.too_many);
  notice(Notice::Kind::refused_peer, peer, reason);
  reply(peer, ErrorMessage{code, reason, {}, peer.frames_in}, kNever);
  close_with_answer(peer, now);
}

PeerId HubCore::Impl::open(const Credentials& credentials, TimePoint now, Supply supply) {
  Peer& peer = peers_.add();
  peer.kernel_pid = static_cast<int32_t>(credentials.pid);
  peer.uid = credentials.uid;
  peer.since = now;
  peer.account = &ledger_.account(peer.uid);
  peer.from_reserve = supply == Supply::reserve;
  ++peer.account->peers;
  ++handshakes_;
  ++connections_.accepted;
  if (!is_admitted(credentials)) {
    refuse(peer, ErrorCode::denied,
           "uid " + std::to_string(peer.uid) + " may not use the hub at " + config_.socket +
               "; its owner (uid " + std::to_string(config_.uid) + ") can admit it with busd --allow-uid " +
               std::to_string(peer.uid),
           now);
  } else if (std::string crowd = crowd_around(peer); crowd.empty()) {
    admit(peer);
    mark_dirty(peer);
  } else if (take_administrative_place(peer)) {
    ++connections_.administrative;
    mark_dirty(peer);
  } else {
    refuse(peer, ErrorCode::too_many, crowd, now);
  }
  schedule(peer);
  return peer.id;
}

// ---- the administrative reserve

bool HubCore::Impl::take_administrative_place(Peer& peer) {
  if (peer.administers) return true;
  bool may = peer.uid == config_.uid || peer.uid == 0;
  if (!may || administrators_ >= kAdministrativePlaces) return false;
  peer.administers = true;
  ++administrators_;
  return true;
}

void HubCore::Impl::leave_administrative_place(Peer& peer) {
  if (std::exchange(peer.administers, false)) --administrators_;
}

// Of the frame that was scanned last.
bool HubCore::Impl::is_administrative(FrameKind kind) const {
  if (kind != FrameKind::other) return false;
  Decoded decoded = decode(scanner_.frame());
  const auto* message = std::get_if<Message>(&decoded);
  return message != nullptr &&
         (std::holds_alternative<StatusQuery>(*message) || std::holds_alternative<Shutdown>(*message));
}

// For a peer with an administrative place whose first frame wants more than such a place is for: others may
// have left meanwhile. False when it is refused.
bool HubCore::Impl::find_place(Peer& peer, TimePoint now) {
  if (!peer.admitted) {
    if (std::string crowd = crowd_around(peer); !crowd.empty()) {
      refuse(peer, ErrorCode::too_many, crowd, now);
      return false;
    }
    admit(peer);
  }
  leave_administrative_place(peer);
  return true;
}

void HubCore::Impl::end_of_input(PeerId id, TimePoint now) {
  Peer& peer = this->peer(id);
  if (peer.read_state != ReadState::read) return;
  if (!is_blank(peer.reader.partial())) {
    ++peer.frames_in;
    fault(peer, ErrorCode::bad_frame, kNoLineEnd, now);
  }
  peer.read_state = ReadState::ended;
  // A consumer may have closed its writing side only, as shells do; the others have nothing more to get.
  if (peer.phase != Phase::consumer) close_when_flushed(peer, now + kWriteTimeout);
  mark_dirty(peer);
  finish_entry(now);
}

void HubCore::Impl::gone(PeerId id, TimePoint now) {
  Peer& peer = this->peer(id);
  bool in_handshake = peer.phase == Phase::handshake;
  if (peer.counts) {
    const Outbox& outbox = peer.outbox;
    notice(Notice::Kind::left, peer,
           "received " + std::to_string(outbox.received()) + ", delivered " +
               std::to_string(outbox.delivered()) + ", dropped " + std::to_string(outbox.dropped()) +
               ", published " + std::to_string(peer.publications ? peer.publications->count : 0));
  }
  leave_tables(peer);
  events_.delivered += peer.outbox.delivered();
  events_.delivered_bytes += peer.outbox.delivered_bytes();
  events_.dropped += peer.outbox.dropped();
  if (peer.counts) --counting_;
  Account& account = *peer.account;
  leave_administrative_place(peer);
  if (peer.admitted) {
    --admitted_;
    --account.connections;
  }
  if (peer.counts || in_handshake) idle_since_ = now;
  if (peer.scheduled != kNever) deadlines_.erase({peer.scheduled, id});
  if (peer.dirty) std::erase(dirty_, &peer);
  if (peer.unwritten) std::erase(unwritten_, &peer);
  if (peer.deferred) std::erase(deferred_, &peer);
  ledger_.give_back(account, peer.input_is_handshaking ? Pool::handshaking : Pool::unfinished,
                    peer.input_charged);
  ledger_.give_back(account, Pool::replies, peer.replies_charged);
  ledger_.give_back(account, Pool::queues, peer.queue_charged);
  ledger_.give_back(account, Pool::subscriptions, peer.subscription_charged);
  peers_.erase(id);
  finish_entry(now);
  if (--account.peers == 0) ledger_.forget(account);
}

// ---- input

void HubCore::Impl::receive(PeerId id, std::string_view chunk, TimePoint now) {
  Peer& peer = this->peer(id);
  if (peer.read_state != ReadState::read) return;
  read_lines(peer, chunk, now);
  adapt_reads(peer, chunk.size());
  finish_entry(now);
}

void HubCore::Impl::read_lines(Peer& peer, std::string_view chunk, TimePoint now) {
  peer.reader.feed(chunk);
  std::string_view line;
  while (peer.read_state == ReadState::read) {
    if (cost_ >= kMaxTurnCost && defer(peer)) return;
    switch (peer.reader.next(line)) {
      case LineReader::Next::none:
        refuse_unfinished(peer, now);
        charge_input(peer);
        return;
      case LineReader::Next::line:
        handle_line(peer, line, peer.reader.line_is_in_chunk(), now);
        break;
      case LineReader::Next::too_long:
        ++peer.frames_in;
        fault(peer, ErrorCode::frame_too_large,
              "this frame is larger than " + std::to_string(kMaxFrameBytes) +
                  " bytes, its line end included; send a smaller one, on a new connection",
              now);
        close_with_answer(peer, now);
        break;
    }
  }
  if (peer.read_state == ReadState::paused) peer.reader.keep_rest();
  charge_input(peer);
}

void HubCore::Impl::resume(PeerId id, TimePoint now) {
  Peer& peer = this->peer(id);
  peer.backlog = false;
  read_lines(peer, {}, now);
  finish_entry(now);
}

// A peer's reads become as large as a turn can handle, so that seldom anything is left of one.
void HubCore::Impl::adapt_reads(Peer& peer, size_t chunk) {
  if (peer.phase == Phase::handshake) return;
  if (peer.backlog) {
    size_t handled = chunk - std::min(chunk, peer.reader.unread_bytes());
    peer.read_bytes = static_cast<uint32_t>(std::clamp(handled, kLeastReadBytes, kReadBytes));
  } else if (chunk >= peer.read_bytes) {
    peer.read_bytes =
        static_cast<uint32_t>(std::min<size_t>(peer.read_bytes + peer.read_bytes / 8, kReadBytes));
  }
}

// Leaves what the reader has for later; false when there is nothing, or no memory for it.
bool HubCore::Impl::defer(Peer& peer) {
  size_t rest = peer.reader.unread_bytes();
  if (rest == 0) return false;
  if (rest > peer.input_charged && !ledger_.has_room_for(*peer.account, Pool::unfinished, rest)) {
    peer.read_bytes = kLeastReadBytes;
    return false;
  }
  peer.reader.keep_rest();
  charge_input(peer);
  peer.backlog = true;
  mark_dirty(peer);
  return true;
}

void HubCore::Impl::charge_input(Peer& peer) {
  // What came behind a hello that waits is beside the pools (kFirstReadBytes).
  size_t held = peer.waits ? 0 : peer.reader.held_bytes();
  bool handshaking = peer.phase == Phase::handshake;
  if (held == peer.input_charged && (held == 0 || handshaking == peer.input_is_handshaking)) return;
  ledger_.give_back(*peer.account, peer.input_is_handshaking ? Pool::handshaking : Pool::unfinished,
                    peer.input_charged);
  ledger_.take(*peer.account, handshaking ? Pool::handshaking : Pool::unfinished, held);
  peer.input_charged = static_cast<uint32_t>(held);
  peer.input_is_handshaking = handshaking;
}

// When there is no memory for the line that has begun: its rest is skipped.
void HubCore::Impl::refuse_unfinished(Peer& peer, TimePoint now) {
  bool stranger = peer.phase == Phase::handshake;
  size_t charged = stranger == peer.input_is_handshaking ? peer.input_charged : 0;
  size_t held = peer.reader.held_bytes();
  if (held <= charged) return;
  Pool pool = stranger ? Pool::handshaking : Pool::unfinished;
  if (ledger_.has_room_for(*peer.account, pool, held - charged)) return;
  if (stranger && held <= kAdministrativeInputBytes && take_administrative_place(peer)) return;
  peer.reader.skip_line();
  ++peer.frames_in;
  note_shortage(peer, pool);
  fault(peer, ErrorCode::busy, shortage_of(peer, pool, held - charged), now);
}

void HubCore::Impl::handle_line(Peer& peer, std::string_view line, bool stays, TimePoint now) {
  if (is_blank(line)) return;
  ++peer.frames_in;
  FrameKind kind = scanner_.scan(line, line_);
  if (peer.administers && !is_administrative(kind) && !find_place(peer, now)) return;
  switch (kind) {
    case FrameKind::event:
      if (peer.phase == Phase::handshake) become_anonymous(peer);
      publish(peer, stays ? std::string_view(line.data(), line.size() + 1) : std::string_view(), now);
      return;
    case FrameKind::fault:
      fault(peer, scanner_.fault().code, scanner_.fault().message, now, line_.event_id);
      return;
    case FrameKind::other:
      break;
  }
  Decoded decoded = decode(scanner_.frame());
  if (auto* wrong = std::get_if<Fault>(&decoded)) {
    fault(peer, wrong->code, wrong->message, now);
    return;
  }
  auto& message = std::get<Message>(decoded);
  if (peer.phase == Phase::handshake && std::holds_alternative<Hello>(message)) note_odd_member(peer);
  handle_message(peer, message, now);
}

// Of the hello in scanner_.frame(): a name that is nearly a defined one was meant as
// that, and is ignored, which its sender will not notice.
void HubCore::Impl::note_odd_member(const Peer& peer) {
  for (const Member& member : scanner_.frame().members) {
    if (member.name_token.size() > kMostNameBytesCompared) continue;
    std::string name = decode_json_string(member.name_token);
    if (std::find(kHelloMembers.begin(), kHelloMembers.end(), name) != kHelloMembers.end()) continue;
    auto meant = meant_name(name, kHelloMembers);
    if (!meant) continue;
    notice(Notice::Kind::odd_member, peer,
           "hello has a member " + quoted(name) + ": did it mean " + quoted(*meant) + "?");
    return;
  }
}

void HubCore::Impl::handle_message(Peer& peer, Message& message, TimePoint now) {
  bool first = peer.phase == Phase::handshake;
  if (auto* hello_message = std::get_if<Hello>(&message)) {
    hello(peer, *hello_message, now);
  } else if (auto* report = std::get_if<SourceStatus>(&message)) {
    if (first) become_anonymous(peer);
    source_status(*report);
  } else if (std::holds_alternative<StatusQuery>(message) && first) {
    answer_status(peer, now);
  } else if (std::holds_alternative<Shutdown>(message) && first) {
    stop_requested_ = true;
    notice(Notice::Kind::stop_requested, peer, "shutdown message");
    close_when_flushed(peer, now + kWriteTimeout);
  } else if (auto* check = std::get_if<PreShutdownCheck>(&message); check != nullptr && !first) {
    pre_shutdown_check(peer, *check, now);
  } else if (std::holds_alternative<Bye>(message) && !first) {
    peer.said_bye = true;
    close_when_flushed(peer, now + kWriteTimeout);
  } else {
    fault(
        peer, ErrorCode::not_allowed,
        first
            ? "this type cannot be the first frame of a connection; begin with hello, status_query, "
              "shutdown, "
              "event or source_status"
            : "this type is not allowed here: status_query and shutdown need a connection of their own, and "
              "only the hub sends hello_ack, pre_shutdown_ack, status_response and error",
        now);
  }
}

// ---- answers

void HubCore::Impl::fault(Peer& peer, ErrorCode code, const std::string& message, TimePoint now,
                          std::string_view event_id) {
  ++events_.refused;
  if (!std::exchange(peer.fault_noticed, true)) {
    notice(Notice::Kind::fault, peer, std::string(name_of(code)) + ": " + message);
  }
  // An event_id may be as long as a frame; a client that makes such ids has the frame's number to go by.
  std::string id(event_id.size() <= kMaxIdentifierBytes ? event_id : std::string_view());
  reply(peer, ErrorMessage{code, message, std::move(id), peer.frames_in}, kNever);
  if (peer.phase == Phase::handshake) close_with_answer(peer, now);
}

// Before the phase changes, so that the snapshot does not count this connection in a new way.
void HubCore::Impl::answer_status(Peer& peer, TimePoint now) {
  std::string line = encode_within(status(now), kMaxFrameBytes);
  peer.beyond_pool =
      !ledger_.has_room_for(*peer.account, Pool::replies, line.size()) && take_administrative_place(peer);
  if (peer.beyond_pool) line = encode_within(status(now), kAdministrativeReplyBytes);
  reply_line(peer, std::move(line), now + kWriteTimeout);
  close_with_answer(peer, now);
}

void HubCore::Impl::reply(Peer& peer, const Message& message, TimePoint deadline) {
  reply_line(peer, encode(message), deadline);
}

void HubCore::Impl::reply_line(Peer& peer, std::string line, TimePoint deadline) {
  if (peer.close_state == CloseState::close_now) return;
  if (!peer.outbox.has_room_for_control(line.size())) ask_socket(peer);
  if (!peer.outbox.has_room_for_control(line.size())) {
    close_now(peer, Notice::Kind::slow_close,
              "leaves more than " + std::to_string(kMaxControlBytes) + " bytes of replies unread");
    return;
  }
  if (!peer.beyond_pool && !ledger_.has_room_for(*peer.account, Pool::replies, line.size())) {
    note_shortage(peer, Pool::replies);
    close_now(peer, Notice::Kind::slow_close, shortage_of(peer, Pool::replies, line.size()));
    return;
  }
  peer.outbox.push_control(std::move(line), deadline);
  charge_output(peer);
  will_write(peer);
  mark_dirty(peer);
}

void HubCore::Impl::close_with_answer(Peer& peer, TimePoint now) {
  peer.answered = true;
  close_when_flushed(peer, now + kWriteTimeout);
}

void HubCore::Impl::close_when_flushed(Peer& peer, TimePoint deadline) {
  leave_tables(peer);
  peer.read_state = ReadState::ended;
  if (peer.close_state == CloseState::stay) peer.close_state = CloseState::close_when_flushed;
  peer.close_deadline = std::min(peer.close_deadline, deadline);
  mark_dirty(peer);
}

void HubCore::Impl::close_now(Peer& peer, Notice::Kind why, std::string text) {
  ++(why == Notice::Kind::cleanup_timeout ? connections_.cleanup_timeouts
     : why == Notice::Kind::evicted       ? connections_.evicted
                                          : connections_.unread);
  notice(why, peer, std::move(text));
  leave_tables(peer);
  peer.read_state = ReadState::ended;
  peer.close_state = CloseState::close_now;
  mark_dirty(peer);
}

void HubCore::Impl::note_shortage(const Peer& peer, Pool pool) {
  Meter& total = ledger_.total(pool);
  ++total.refused;
  if (std::exchange(shortage_noticed_[static_cast<size_t>(pool)], true)) return;
  notice(Notice::Kind::out_of_memory, peer,
         "the part for " + std::string(name_of(pool)) + " is used up: " + std::to_string(total.used) +
             " of " + std::to_string(total.limit) + " bytes; uid " + std::to_string(peer.uid) + " has " +
             std::to_string(peer.account->meter(pool).used));
}

std::string HubCore::Impl::shortage_of(const Peer& peer, Pool pool, size_t bytes) const {
  std::string what = "of the hub's memory for " + std::string(name_of(pool));
  if (ledger_.total(pool).has_room_for(bytes)) {
    return "uid " + std::to_string(peer.uid) + " has taken what one user may, " +
           std::to_string(peer.account->meter(pool).limit) + " bytes " + what +
           "; try again later, or start the hub with a larger --uid-share";
  }
  return "all " + std::to_string(ledger_.total(pool).limit) + " bytes " + what +
         " are taken; try again later, or start the hub with a larger --memory";
}

void HubCore::Impl::mark_dirty(Peer& peer) {
  if (std::exchange(peer.dirty, true)) return;
  dirty_.push_back(&peer);
}

void HubCore::Impl::set_phase(Peer& peer, Phase phase) {
  BUSD_CHECK(phase != Phase::handshake);
  if (peer.phase == Phase::handshake) {
    --handshakes_;
    peer.read_bytes = kReadBytes;
  }
  auto publishes = [](Phase of) { return of == Phase::source || of == Phase::anonymous; };
  if (publishes(peer.phase)) --publishers_;
  if (publishes(phase)) ++publishers_;
  bool was_counted = peer.phase == Phase::consumer || publishes(peer.phase);
  if (was_counted || phase == Phase::consumer || publishes(phase)) ++changes_;
  peer.phase = phase;
}

void HubCore::Impl::notice(Notice::Kind kind, const Peer& peer, std::string text) {
  int64_t pid = peer.kernel_pid != 0 ? peer.kernel_pid : peer.pid;
  notices_.push_back(Notice{kind, peer.id, pid, std::move(text)});
}

// ---- time

void HubCore::Impl::finish_entry(TimePoint now) {
  // A waiter that is let in may have sent frames after its hello, and these may release another lock. What a
  // turn has no time for, the next tick() does.
  while (!answers_.empty() && cost_ < kMaxTurnCost) {
    KeyRegistry::Answer answer = std::move(answers_.front());
    answers_.pop_front();
    Peer* waiter = peers_.find(answer.peer);
    if (stopping_ || waiter == nullptr || !waiter->waits) continue;
    answer_join(*waiter, answer, now);
    read_lines(*waiter, {}, now);
  }
  end_turn();
  for (Peer* dirty : dirty_) schedule(*dirty);
}

TimePoint HubCore::Impl::deadline_of(const Peer& peer) const {
  TimePoint deadline = std::min(peer.close_deadline, peer.outbox.control_deadline());
  if (peer.phase == Phase::handshake) deadline = std::min(deadline, peer.since + kHandshakeTimeout);
  if (peer.lock_since != kNever) deadline = std::min(deadline, peer.lock_since + config_.cleanup_timeout);
  return deadline;
}

void HubCore::Impl::schedule(Peer& peer) {
  TimePoint deadline = peer.close_state == CloseState::close_now ? kNever : deadline_of(peer);
  if (deadline == peer.scheduled) return;
  if (peer.scheduled != kNever) deadlines_.erase({peer.scheduled, peer.id});
  peer.scheduled = deadline;
  if (deadline != kNever) deadlines_.insert({deadline, peer.id});
}

TimePoint HubCore::Impl::next_deadline() {
  if (!deferred_.empty() || (!answers_.empty() && !stopping_)) return kAtOnce;
  TimePoint next = deadlines_.empty() ? kNever : deadlines_.begin()->first;
  bool unused = counting_ == 0 && handshakes_ == 0;
  if (unused && config_.idle_exit != Duration::max()) next = std::min(next, idle_since_ + config_.idle_exit);
  return next;
}

std::vector<PeerId> HubCore::Impl::due(TimePoint now) const {
  std::vector<PeerId> out;
  for (const auto& [deadline, id] : deadlines_) {
    if (deadline > now || out.size() == kDueAtOnce) break;
    out.push_back(id);
  }
  return out;
}

void HubCore::Impl::tick(TimePoint now, const std::vector<PeerId>& due) {
  for (PeerId id : due) {
    // What was read meanwhile may have ended it.
    Peer* peer = peers_.find(id);
    if (peer == nullptr || peer->scheduled > now) continue;
    expire(*peer, now);
    schedule(*peer);
  }
  finish_entry(now);
}

void HubCore::Impl::expire(Peer& peer, TimePoint now) {
  if (peer.phase == Phase::handshake && peer.since + kHandshakeTimeout <= now) {
    std::string reason = "no complete frame came within " + format_duration(kHandshakeTimeout) +
                         " of the connection's beginning; connect when there is something to send, and end "
                         "it with a line feed";
    ++connections_.timed_out;
    notice(Notice::Kind::refused_peer, peer, reason);
    reply(peer, ErrorMessage{ErrorCode::timeout, reason, {}, 0}, kNever);
    close_with_answer(peer, now);
  }
  if (peer.lock_since != kNever && peer.lock_since + config_.cleanup_timeout <= now) {
    close_now(peer, Notice::Kind::cleanup_timeout,
              "held the clean-up lock of scope " + quoted(peer.scope) + " for more than " +
                  format_duration(config_.cleanup_timeout));
    return;
  }
  if (peer.outbox.control_deadline() <= now || peer.close_deadline <= now) {
    ask_socket(peer);
    bool written = peer.outbox.control_deadline() > now && (peer.close_deadline > now || peer.outbox.empty());
    if (!written) close_now(peer, Notice::Kind::slow_close, "did not read what was written to it in time");
    mark_dirty(peer);
  }
}

void HubCore::Impl::begin_stop(TimePoint deadline, std::string_view farewell) {
  // What was read already is handled: its sender could not tell that it was not.
  peers_.for_each([&](Peer& each) {
    while (std::exchange(each.backlog, false)) {
      read_lines(each, {}, deadline);
      end_turn();
    }
  });
  stopping_ = true;
  peers_.for_each([&](Peer& each) {
    // A source would take it for the refusal of an event; a waiting hello has an answer of its own to come.
    if (!farewell.empty() && each.phase == Phase::consumer)
      reply(each, ErrorMessage{ErrorCode::busy, std::string(farewell), {}, 0}, deadline);
    if (each.read_state == ReadState::read) each.read_state = ReadState::paused;
    if (each.close_state == CloseState::stay) each.close_state = CloseState::close_when_flushed;
    each.close_deadline = std::min(each.close_deadline, deadline);
    mark_dirty(each);
    schedule(each);
  });
  end_turn();
}

bool HubCore::Impl::idle(TimePoint now) const {
  return config_.idle_exit != Duration::max() && counting_ == 0 && handshakes_ == 0 &&
         now - idle_since_ >= config_.idle_exit;
}

// ---- the public face

HubCore::HubCore(HubConfig config, Transport& edge, TimePoint start)
    : impl_(std::make_unique<Impl>(std::move(config), edge, start)) {}
HubCore::~HubCore() = default;

PeerId HubCore::open(const Credentials& credentials, TimePoint now, Supply supply) {
  return impl_->open(credentials, now, supply);
}
void HubCore::receive(PeerId peer, std::string_view chunk, TimePoint now) {
  impl_->receive(peer, chunk, now);
}
void HubCore::end_of_input(PeerId peer, TimePoint now) { impl_->end_of_input(peer, now); }
void HubCore::gone(PeerId peer, TimePoint now) { impl_->gone(peer, now); }

void HubCore::flush(PeerId peer) { impl_->flush(peer); }

const std::vector<PeerId>& HubCore::take_dirty() {
  impl_->dirty_ids_.clear();
  for (Peer* peer : impl_->dirty_) {
    peer->dirty = false;
    impl_->dirty_ids_.push_back(peer->id);
  }
  impl_->dirty_.clear();
  return impl_->dirty_ids_;
}

const Outbox& HubCore::outbox(PeerId peer) const { return impl_->peer(peer).outbox; }
bool HubCore::has_more(PeerId peer) const {
  const Peer& it = impl_->peer(peer);
  return !it.outbox.empty() && !it.socket_full;
}
ReadState HubCore::read_state(PeerId peer) const { return impl_->peer(peer).read_state; }
CloseState HubCore::close_state(PeerId peer) const { return impl_->peer(peer).close_state; }
bool HubCore::closes_with_answer(PeerId peer) const { return impl_->peer(peer).answered; }
TimePoint HubCore::close_deadline(PeerId peer) const { return impl_->peer(peer).close_deadline; }
TimePoint HubCore::next_deadline() { return impl_->next_deadline(); }
std::vector<PeerId> HubCore::due(TimePoint now) const { return impl_->due(now); }
void HubCore::tick(TimePoint now, const std::vector<PeerId>& due) { impl_->tick(now, due); }
size_t HubCore::read_bytes(PeerId peer) const { return impl_->peer(peer).read_bytes; }
bool HubCore::is_behind() const { return impl_->is_behind(); }
bool HubCore::has_backlog(PeerId peer) const { return impl_->peer(peer).backlog; }
void HubCore::resume(PeerId peer, TimePoint now) { impl_->resume(peer, now); }
Summary HubCore::summary() const { return impl_->summary(); }
uint64_t HubCore::changes() const { return impl_->changes_; }
bool HubCore::stop_requested() const { return impl_->stop_requested_; }
void HubCore::begin_stop(TimePoint deadline, std::string_view farewell) {
  impl_->begin_stop(deadline, farewell);
}
bool HubCore::idle(TimePoint now) const { return impl_->idle(now); }
std::vector<Notice> HubCore::take_notices() { return std::exchange(impl_->notices_, {}); }
StatusResponse HubCore::status(TimePoint now) const { return impl_->status(now); }
size_t HubCore::peer_count() const { return impl_->peer_count(); }

}  // namespace bus::hub
