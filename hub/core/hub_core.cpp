#include "hub/core/hub_core.h"

#include <algorithm>
#include <utility>

#include "hub/core/values/values.h"
#include "protocol/base/check.h"
#include "protocol/limits.h"

namespace bus::hub {

HubCore::HubCore(HubConfig config, Transport& transport, TimePoint start,
                 std::span<const MakeRoom> more_rooms)
    : config_(std::move(config)),
      ledger_(Budget::of(config_.memory, config_.max_connections,
                         config_.values ? config_.value_limits : kNoValues)
                  .value(),
              config_.max_connections, config_.uid_share_percent, config_.uid),
      turn_(transport),
      admission_(config_),
      peers_(ledger_, notices_, start),
      closing_(ledger_, deadlines_, peers_),
      delivery_(config_, transport, ledger_, turn_, deadlines_, closing_),
      dispatch_(admission_, peers_, closing_, handshake_, rooms_),
      input_(ledger_, turn_, admission_, peers_, closing_, dispatch_),
      handshake_(config_, ledger_, peers_, closing_),
      hub_{config_,    ledger_, deadlines_, turn_,   delivery_, publishers_, peers_, closing_,
           handshake_, input_,  transport,  nullptr, nullptr,   nullptr,     start} {
  rooms_.make(hub_, admission_, start, more_rooms);
  closing_.begin(delivery_, rooms_.all());
  handshake_.begin(rooms_.all());
  input_.begin(rooms_.all());
}

// ---- values

void HubCore::begin_values(ValueKeeper* keeper, KeptValues kept) {
  if (std::exchange(values_began_, true) || rooms_.values() == nullptr) return;
  rooms_.values()->begin(keeper, std::move(kept));
}

void HubCore::keep_values(ValueKeeper& keeper, KeptValues kept) {
  BUSD_CHECK(!values_began_);
  begin_values(&keeper, std::move(kept));
}

void HubCore::values_committed(uint64_t batch, TimePoint now) {
  hub_.now = now;
  rooms_.values()->committed(batch, now);
  end_or_leave_open(now);
}

void HubCore::values_failed(const Error& reason, TimePoint now) {
  hub_.now = now;
  rooms_.values()->failed(reason, now);
  end_turn(now);
}

// ---- a connection's beginning and end

PeerId HubCore::open(const Credentials& credentials, TimePoint now, Supply supply) {
  hub_.now = now;
  begin_values(nullptr, {});
  Peer& peer = peers_.add(credentials.uid, now);
  peer.kernel_pid = static_cast<int32_t>(credentials.pid);
  peer.from_reserve = supply == Supply::reserve;
  closing_.schedule(peer);
  peers_.mark_dirty(peer);
  if (!admission_.allows(credentials)) {
    closing_.refuse(peer, ErrorCode::denied, admission_.denial_of(peer.uid), now);
  } else if (std::string crowd = admission_.crowd_around(peer); crowd.empty()) {
    admission_.take_place(peer);
  } else if (admission_.take_administrative_place(peer)) {
    ++notices_.counts.administrative;
  } else {
    closing_.refuse(peer, ErrorCode::too_many, crowd, now);
  }
  return peer.id;
}

void HubCore::end_of_input(PeerId id, TimePoint now) {
  Peer& peer = peers_.get(id);
  if (peer.read_state != ReadState::read) return;
  hub_.now = now;
  input_.end(peer, now);
  end_turn(now);
}

void HubCore::gone(PeerId id, TimePoint now) {
  Peer& peer = peers_.get(id);
  hub_.now = now;
  bool in_handshake = peer.phase == Phase::handshake;
  closing_.forget(peer);
  admission_.leave(peer);
  delivery_.forget(peer);
  peers_.remove(peer, in_handshake, now);
  end_turn(now);
}

// ---- input

void HubCore::receive(PeerId id, std::string_view chunk, TimePoint now) {
  Peer& peer = peers_.get(id);
  if (peer.read_state != ReadState::read) return;
  hub_.now = now;
  input_.receive(peer, chunk, now);
  end_or_leave_open(now);
}

void HubCore::resume(PeerId id, TimePoint now) {
  hub_.now = now;
  input_.resume(peers_.get(id), now);
  end_or_leave_open(now);
}

// ---- output

void HubCore::flush(PeerId peer, TimePoint now) {
  hub_.now = now;
  delivery_.flush(peers_.get(peer));
  if (turn_is_open_) return end_turn(now);
  delivery_.end_turn();
}

// Events refer to the bytes that were read.
void HubCore::end_or_leave_open(TimePoint now) {
  turn_is_open_ = true;
  if (delivery_.has_events() || turn_.is_spent()) end_turn(now);
}

void HubCore::end_turn(TimePoint now) {
  turn_is_open_ = false;
  rooms_.end_of_turn(now);
  delivery_.end_turn();
}

const Outbox& HubCore::outbox(PeerId peer) const { return peers_.get(peer).outbox; }

Wants HubCore::wants(PeerId id) const {
  const Peer& peer = peers_.get(id);
  bool has_output = peer.has_output();
  Wants wants{
      peer.read_state,  peer.read_bytes, peer.backlog,       has_output, has_output && !peer.socket_full,
      peer.close_state, peer.answered,   peer.close_deadline};
  if (peer.held != 0 && wants.read == ReadState::read) wants.read = ReadState::paused;
  wants.has_backlog = peer.backlog && wants.read == ReadState::read;
  if (peer.owed != 0 && wants.close == CloseState::close_when_flushed) wants.close = CloseState::stay;
  return wants;
}

std::string HubCore::status(StatusFormat format, TimePoint now) const {
  return rooms_.status().response(format, kMaxFrameBytes, now);
}

// ---- time

TimePoint HubCore::next_deadline() {
  if (delivery_.is_behind() || rooms_.have_work()) return kAtOnce;
  TimePoint unused = peers_.unused_since();
  // What keeps a busy hub has deadlines of its own.
  bool may_leave = unused != kNever && config_.idle_exit != Duration::max() && !rooms_.are_busy();
  return std::min(deadlines_.next(), may_leave ? unused + config_.idle_exit : kNever);
}

void HubCore::tick(TimePoint now, const std::vector<PeerId>& due) {
  hub_.now = now;
  deadlines_.expire(now, due);
  end_turn(now);
}

void HubCore::begin_stop(TimePoint deadline, std::string_view farewell) {
  BUSD_CHECK(!turn_is_open_);
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
  return !rooms_.are_busy() && config_.idle_exit != Duration::max() && unused != kNever &&
         now - unused >= config_.idle_exit;
}

}  // namespace bus::hub
