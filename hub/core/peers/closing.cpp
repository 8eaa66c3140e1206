#include "hub/core/peers/closing.h"

#include <algorithm>
#include <utility>

#include "hub/core/room.h"
#include "protocol/base/strings.h"
#include "protocol/limits.h"
#include "protocol/messages/error.h"

namespace bus::hub {

void Closing::begin(Delivery& delivery, std::span<Room* const> rooms) {
  delivery_ = &delivery;
  rooms_ = rooms;
}

// ---- what a peer is told

void Closing::reply_line(Peer& peer, std::string line, TimePoint write_by) {
  delivery_->reply(peer, std::move(line), write_by);
}

void Closing::answer_fault(Peer& peer, ErrorCode code, const std::string& message, TimePoint now,
                           std::string_view event_id) {
  answer_frame(peer, code, message, peer.frames_in, now, event_id);
}

void Closing::answer_frame(Peer& peer, ErrorCode code, const std::string& message, uint64_t frame,
                           TimePoint now, std::string_view event_id) {
  ++faults;
  if (!std::exchange(peer.fault_noticed, true)) {
    peers_.notice(Notice::Kind::fault, peer, std::string(name_of(code)) + ": " + message);
  }
  // An event_id may be as long as a frame; a client that makes such ids has the frame's number to go by.
  std::string id(event_id.size() <= kMaxIdentifierBytes ? event_id : std::string_view());
  reply(peer, ErrorMessage{code, message, std::move(id), frame}, kNever);
  if (peer.phase == Phase::handshake) close_with_answer(peer, now);
}

// ---- how its connection ends

void Closing::refuse(Peer& peer, ErrorCode code, const std::string& reason, TimePoint now) {
  peers_.notice(code == ErrorCode::denied ? Notice::Kind::denied : Notice::Kind::too_many, peer, reason);
  reply(peer, ErrorMessage{code, reason, {}, peer.frames_in});
  close_with_answer(peer, now);
}

void Closing::close_with_answer(Peer& peer, TimePoint now) {
  peer.answered = true;
  close_when_flushed(peer, now + kWriteTimeout);
}

void Closing::close_when_flushed(Peer& peer, TimePoint deadline) {
  leave_rooms(peer);
  peer.read_state = ReadState::ended;
  if (peer.close_state == CloseState::stay) peer.close_state = CloseState::close_when_flushed;
  if (peer.owed == 0) peer.close_deadline = std::min(peer.close_deadline, deadline);
  schedule(peer);
  peers_.mark_dirty(peer);
}

void Closing::owe(Peer& peer, Holder holder, bool owes) {
  if (owes && !peer.abandoned) peer.owed |= holder;
}

void Closing::owes_nothing(Peer& peer, Holder holder, TimePoint now) {
  if ((peer.owed & holder) == 0) return;
  peer.owed &= static_cast<uint8_t>(~holder);
  if (peer.owed != 0) return;
  peer.close_deadline = std::min(peer.close_deadline, now + kWriteTimeout);
  schedule(peer);
  peers_.mark_dirty(peer);
}

void Closing::close_now(Peer& peer, Notice::Kind why, std::string text) {
  peers_.notice(why, peer, std::move(text));
  leave_rooms(peer);
  peer.read_state = ReadState::ended;
  peer.close_state = CloseState::close_now;
  peer.abandoned = true;
  schedule(peer);
  peers_.mark_dirty(peer);
}

void Closing::leave_rooms(Peer& peer) {
  if (peer.phase == Phase::leaving) return;
  for (size_t i = rooms_.size(); i-- > 0;) rooms_[i]->leave(peer);
  peers_.set_phase(peer, Phase::leaving);
}

void Closing::forget(Peer& peer) {
  peer.hung_up = peer.phase != Phase::leaving;
  leave_rooms(peer);
  for (size_t i = rooms_.size(); i-- > 0;) rooms_[i]->gone(peer);
}

void Closing::schedule(Peer& peer) {
  TimePoint at = peer.close_deadline;
  if (peer.phase == Phase::handshake) at = std::min(at, peer.since + kHandshakeTimeout);
  if (peer.close_state == CloseState::close_now) at = kNever;
  peer.act_by.arm(deadlines_, *this, at, peer, peer.id);
}

void Closing::expired(Deadline& deadline, TimePoint now) {
  Peer& peer = RareDeadline<Peer>::whose(deadline);
  if (peer.phase == Phase::handshake && peer.since + kHandshakeTimeout <= now) {
    std::string reason =
        "no complete frame came within " + format_duration(kHandshakeTimeout) +
        " of the connection's beginning; connect when there is something to send, and end it "
        "with a line feed";
    peers_.notice(Notice::Kind::timed_out, peer, reason);
    reply(peer, ErrorMessage{ErrorCode::timeout, reason, {}, 0}, kNever);
    close_with_answer(peer, now);
  }
  if (peer.close_deadline <= now && peer.close_state != CloseState::close_now && !delivery_->write_now(peer))
    close_now(peer, Notice::Kind::unread, kNotReadInTime);
}

void Closing::stop(TimePoint deadline, std::string_view farewell) {
  stopping_ = true;
  for (Room* room : rooms_) room->stop();
  peers_.for_each([&](Peer& each) {
    // A source would take it for the refusal of an event; a waiting hello has an answer of its own to come.
    if (!farewell.empty() && each.phase == Phase::consumer)
      reply(each, ErrorMessage{ErrorCode::busy, std::string(farewell), {}, 0}, deadline);
    if (each.read_state == ReadState::read) each.read_state = ReadState::paused;
    if (each.close_state == CloseState::stay) each.close_state = CloseState::close_when_flushed;
    each.close_deadline = std::min(each.close_deadline, deadline);
    schedule(each);
    peers_.mark_dirty(each);
  });
}

// ---- what delivery tells

void Closing::lost_events(Outgoing& outgoing) {
  Peer& peer = static_cast<Peer&>(outgoing);
  peers_.note_loss();
  if (std::exchange(peer.loss_noticed, true)) return;
  peers_.notice(Notice::Kind::slow_consumer, peer,
                "consumer " + peer.key + " is too slow: its oldest events are dropped");
}

void Closing::give_up(Outgoing& peer, Notice::Kind why, std::string text) {
  close_now(static_cast<Peer&>(peer), why, std::move(text));
}

void Closing::refused_memory(Outgoing& peer, Pool pool) {
  Meter& total = ledger_.total(pool);
  ++total.refused;
  if (std::exchange(shortage_noticed_[static_cast<size_t>(pool)], true)) return;
  peers_.notice(Notice::Kind::out_of_memory, static_cast<Peer&>(peer),
                "the part for " + std::string(name_of(pool)) + " is used up: " + std::to_string(total.used) +
                    " of " + std::to_string(total.limit) + " bytes; uid " +
                    std::to_string(peer.account->uid) + " has " +
                    std::to_string(peer.account->meter(pool).used));
}

void Closing::for_each(const std::function<void(Outgoing&)>& visit) { peers_.for_each(visit); }

}  // namespace bus::hub
