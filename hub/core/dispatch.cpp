#include "hub/core/dispatch.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/base/strings.h"
#include "protocol/decode.h"
#include "protocol/json_text.h"
#include "protocol/limits.h"
#include "protocol/member_name.h"
#include "protocol/messages/control.h"
#include "protocol/messages/error.h"
#include "protocol/messages/hello.h"
#include "protocol/messages/status.h"
#include "protocol/messages/value.h"

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

// By which its sender knows a frame that has one; at most so long that an `error` may repeat it.
std::string id_of(const Frame& frame) {
  for (const Member& member : frame.members) {
    if (!token_is(member.name_token, "id") || kind_of(member.value_token) != JsonKind::string) continue;
    std::string id = decode_json_string(member.value_token);
    if (is_identifier(id)) return id;
  }
  return {};
}

Fault not_allowed(bool first) {
  return {
      ErrorCode::not_allowed,
      first ? "this type cannot be the first frame of a connection; begin with hello, request, "
              "put, delete, get, list, watch, status_query, shutdown, event or source_status"
            : "this type is not allowed here: status_query and shutdown need a connection of their own, "
              "and only the hub sends hello_ack, pre_shutdown_ack, status_response, interest, pause, resume, "
              "value, synced and error"};
}

bool is_of_values(std::string_view type) {
  constexpr std::string_view kTypes[] = {Put::kType,  Delete::kType, Get::kType,
                                         List::kType, Watch::kType,  Unwatch::kType};
  return std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
}

Fault without_values(std::string_view type) {
  return {ErrorCode::unknown_type,
          "this hub has no values, because it was started with values off (--values), "
          "and so does not know " +
              printable(type)};
}

}  // namespace

void Dispatch::handle_line(Peer& peer, std::string_view line, bool stays, TimePoint now) {
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
bool Dispatch::find_place(Peer& peer, TimePoint now) {
  if (!peer.admitted) {
    if (std::string crowd = admission_.crowd_around(peer); !crowd.empty()) {
      closing_.refuse(peer, ErrorCode::too_many, crowd, now);
      return false;
    }
    admission_.take_place(peer);
  }
  admission_.leave_administrative_place(peer);
  return true;
}

void Dispatch::handle_frame(Peer& peer, const Frame& frame, TimePoint now) {
  if (peer.administers && !administers(frame) && !find_place(peer, now)) return;
  if (Answer fault = to_connection_or_room(peer, frame, now))
    closing_.answer_fault(peer, fault->code, fault->message, now, id_of(frame));
}

// What is of no room is the connection's own.
Answer Dispatch::to_connection_or_room(Peer& peer, const Frame& frame, TimePoint now) {
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
  return to_room(peer, frame, now);
}

Answer Dispatch::to_room(Peer& peer, const Frame& frame, TimePoint now) {
  bool first = peer.phase == Phase::handshake;
  const Rooms::Handler* handler = rooms_.find(frame.type);
  if (handler == nullptr) {
    bool is_off = rooms_.values() == nullptr && is_of_values(frame.type);
    return is_off ? without_values(frame.type) : type_fault(frame);
  }
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
void Dispatch::note_odd_member(const Peer& peer) {
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

}  // namespace bus::hub
