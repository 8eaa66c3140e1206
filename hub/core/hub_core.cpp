#include "hub/core/hub_core.h"

#include <algorithm>
#include <utility>

#include "protocol/base/check.h"
#include "protocol/base/strings.h"
#include "protocol/decode.h"
#include "protocol/json_text.h"
#include "protocol/limits.h"
#include "protocol/member_name.h"
#include "protocol/messages/control.h"
#include "protocol/messages/error.h"
#include "protocol/messages/hello.h"

namespace bus::hub {

namespace {

// A name with all its letters escaped, and its quotes.
constexpr size_t kMostNameBytesCompared = 128;

// Members of a hello; who sends more of them does not do so by a slip of the pen.
constexpr size_t kMostNamesCompared = 64;

// What an administrative place is for.
bool administers(const Frame& frame) {
  if (frame.type == StatusQuery::kType) return static_cast<bool>(decode<StatusQuery>(frame));
  return frame.type == Shutdown::kType && decode<Shutdown>(frame);
}

bool is_allowed(Allowed allowed, bool first) {
  switch (allowed) {
    case Allowed::first:
      return first;
    case Allowed::later:
      return !first;
    case Allowed::first_later:
      return true;
    case Allowed::never:
      break;
  }
  return false;
}

Fault not_allowed(bool first) {
  return {ErrorCode::not_allowed,
          first ? "this type cannot be the first frame of a connection; begin with hello, status_query, "
                  "shutdown, event or source_status"
                : "this type is not allowed here: status_query and shutdown need a connection of their own, "
                  "and only the hub sends hello_ack, pre_shutdown_ack, status_response and error"};
}

}  // namespace

HubCore::HubCore(HubConfig config, Transport& transport, TimePoint start,
                 std::span<const MakeRoom> more_rooms)
    : config_(std::move(config)),
      ledger_(Budget::of(config_.memory, config_.max_connections).value(), config_.max_connections,
              config_.uid_share_percent, config_.uid),
      turn_(transport),
      admission_(config_),
      peers_(ledger_, notices_, start),
      closing_(ledger_, deadlines_, peers_),
      delivery_(config_, transport, ledger_, turn_, deadlines_, closing_),
      input_(ledger_, turn_, admission_, peers_, closing_, *this),
      handshake_(config_, ledger_, peers_, closing_),
      hub_{config_, ledger_,  deadlines_, turn_,  delivery_, publishers_,
           peers_,  closing_, handshake_, input_, transport} {
  rooms_.make(hub_, admission_, start, more_rooms);
  closing_.begin(delivery_, rooms_.all());
  handshake_.begin(rooms_.all());
}

// ---- a connection's beginning and end

PeerId HubCore::open(const Credentials& credentials, TimePoint now, Supply supply) {
  Peer& peer = peers_.add(credentials.uid, now);
  peer.kernel_pid = static_cast<int32_t>(credentials.pid);
  peer.from_reserve = supply == Supply::reserve;
  closing_.schedule(peer);
  peers_.mark_dirty(peer);
  if (!admission_.allows(credentials)) {
    refuse(peer, ErrorCode::denied, admission_.denial_of(peer.uid), now);
  } else if (std::string crowd = admission_.crowd_around(peer); crowd.empty()) {
    admission_.take_place(peer);
  } else if (admission_.take_administrative_place(peer)) {
    ++notices_.counts.administrative;
  } else {
    refuse(peer, ErrorCode::too_many, crowd, now);
  }
  return peer.id;
}

void HubCore::refuse(Peer& peer, ErrorCode code, const std::string& reason, TimePoint now) {
  peers_.notice(code == ErrorCode::denied ? Notice::Kind::denied : Notice::Kind::too_many, peer, reason);
  closing_.reply(peer, ErrorMessage{code, reason, {}, peer.frames_in});
  closing_.close_with_answer(peer, now);
}

void HubCore::end_of_input(PeerId id, TimePoint now) {
  Peer& peer = peers_.get(id);
  if (peer.read_state != ReadState::read) return;
  input_.end(peer, now);
  finish_entry(now);
}

void HubCore::gone(PeerId id, TimePoint now) {
  Peer& peer = peers_.get(id);
  bool in_handshake = peer.phase == Phase::handshake;
  closing_.leave_rooms(peer);
  admission_.leave(peer);
  delivery_.forget(peer);
  peers_.remove(peer, in_handshake, now);
  finish_entry(now);
}

// ---- input

void HubCore::receive(PeerId id, std::string_view chunk, TimePoint now) {
  Peer& peer = peers_.get(id);
  if (peer.read_state != ReadState::read) return;
  input_.receive(peer, chunk, now);
  finish_entry(now);
}

void HubCore::resume(PeerId id, TimePoint now) {
  input_.resume(peers_.get(id), now);
  finish_entry(now);
}

void HubCore::handle_line(Peer& peer, std::string_view line, bool stays, TimePoint now) {
  if (is_blank(line)) return;
  ++peer.frames_in;
  FrameKind kind = scanner_.scan(line, event_);
  if (kind == FrameKind::other) {
    handle_frame(peer, scanner_.frame(), now);
    return;
  }
  if (peer.administers && !find_place(peer, now)) return;
  if (kind == FrameKind::fault) {
    closing_.answer_fault(peer, scanner_.fault().code, scanner_.fault().message, now, event_.event_id);
    return;
  }
  if (peer.phase == Phase::handshake) handshake_.become_anonymous(peer);
  std::string_view whole = stays ? std::string_view(line.data(), line.size() + 1) : std::string_view();
  if (Answer fault = rooms_.events().publish(peer, event_, whole, now))
    closing_.answer_fault(peer, fault->code, fault->message, now, event_.event_id);
}

// For a peer with an administrative place whose frame wants more than such a place is for: others may have
// left meanwhile. False when there is none, and it is refused.
bool HubCore::find_place(Peer& peer, TimePoint now) {
  if (!peer.admitted) {
    if (std::string crowd = admission_.crowd_around(peer); !crowd.empty()) {
      refuse(peer, ErrorCode::too_many, crowd, now);
      return false;
    }
    admission_.take_place(peer);
  }
  admission_.leave_administrative_place(peer);
  return true;
}

void HubCore::handle_frame(Peer& peer, const Frame& frame, TimePoint now) {
  if (peer.administers && !administers(frame) && !find_place(peer, now)) return;
  if (Answer fault = dispatch(peer, frame, now))
    closing_.answer_fault(peer, fault->code, fault->message, now);
}

// What is of no room is the connection's own.
Answer HubCore::dispatch(Peer& peer, const Frame& frame, TimePoint now) {
  bool first = peer.phase == Phase::handshake;
  if (frame.type == Hello::kType) {
    return with<Hello>(frame, [&](Hello& hello) {
      if (first) note_odd_member(peer);
      return handshake_.hello(peer, hello, now);
    });
  }
  if (frame.type == Bye::kType) {
    return with<Bye>(frame, [&](Bye&) -> Answer {
      if (first) return not_allowed(first);
      peer.said_bye = true;
      closing_.close_when_flushed(peer, now + kWriteTimeout);
      return {};
    });
  }
  if (frame.type == Shutdown::kType) {
    return with<Shutdown>(frame, [&](Shutdown&) -> Answer {
      if (!first) return not_allowed(first);
      stop_requested_ = true;
      peers_.notice(Notice::Kind::stop_requested, peer, "shutdown message");
      closing_.close_when_flushed(peer, now + kWriteTimeout);
      return {};
    });
  }
  if (frame.type == HelloAck::kType || frame.type == ErrorMessage::kType) return not_allowed(first);
  return dispatch_to_room(peer, frame, now);
}

Answer HubCore::dispatch_to_room(Peer& peer, const Frame& frame, TimePoint now) {
  bool first = peer.phase == Phase::handshake;
  const Rooms::Handler* handler = rooms_.find(frame.type);
  if (handler == nullptr) return type_fault(frame);
  const MessageRule& rule = *handler->rule;
  if (!is_allowed(rule.allowed, first)) {
    Answer fault = rule.check(frame);
    return fault ? std::move(fault) : not_allowed(first);
  }
  if (first && rule.allowed == Allowed::first_later) {
    if (Answer fault = rule.check(frame)) return fault;
    handshake_.become_anonymous(peer);
  }
  return rule.handle(*handler->room, peer, frame, now);
}

// Of the hello that was scanned last: a name that is nearly a defined one was meant as
// that, and is ignored, which its sender will not notice.
void HubCore::note_odd_member(const Peer& peer) {
  const MemberNames& names = names_of<Hello>();
  std::span<const Member> members = scanner_.frame().members;
  for (const Member& member : members.first(std::min(members.size(), kMostNamesCompared))) {
    if (member.name_token.size() > kMostNameBytesCompared) continue;
    if (names.find(member.name_token).index != MemberNames::kMost) continue;
    std::string name = decode_json_string(member.name_token);
    auto meant = meant_name(name, names.all());
    if (!meant) continue;
    peers_.notice(Notice::Kind::odd_member, peer,
                  "hello has a member " + printable(name) + ": did it mean " + printable(*meant) + "?");
    return;
  }
}

// ---- output

void HubCore::flush(PeerId peer) {
  delivery_.flush(peers_.get(peer));
  delivery_.end_turn();
}

void HubCore::finish_entry(TimePoint now) {
  rooms_.end_of_turn(now);
  delivery_.end_turn();
}

const Outbox& HubCore::outbox(PeerId peer) const { return peers_.get(peer).outbox; }

Wants HubCore::wants(PeerId id) const {
  const Peer& peer = peers_.get(id);
  bool has_output = peer.has_output();
  return {peer.read_state,  peer.read_bytes, peer.backlog,       has_output, has_output && !peer.socket_full,
          peer.close_state, peer.answered,   peer.close_deadline};
}

// ---- time

TimePoint HubCore::next_deadline() {
  if (delivery_.is_behind() || rooms_.have_work()) return kAtOnce;
  TimePoint unused = peers_.unused_since();
  TimePoint idle =
      unused == kNever || config_.idle_exit == Duration::max() ? kNever : unused + config_.idle_exit;
  return std::min(deadlines_.next(), idle);
}

void HubCore::tick(TimePoint now, const std::vector<PeerId>& due) {
  deadlines_.expire(now, due);
  finish_entry(now);
}

void HubCore::begin_stop(TimePoint deadline, std::string_view farewell) {
  // What was read already is handled: its sender could not tell that it was not.
  peers_.for_each([&](Peer& each) {
    while (each.backlog) {
      input_.resume(each, deadline);
      delivery_.end_turn();
    }
  });
  closing_.stop(deadline, farewell);
  delivery_.end_turn();
}

bool HubCore::idle(TimePoint now) const {
  TimePoint unused = peers_.unused_since();
  return config_.idle_exit != Duration::max() && unused != kNever && now - unused >= config_.idle_exit;
}

}  // namespace bus::hub
