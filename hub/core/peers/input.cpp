#include "hub/core/peers/input.h"

#include <algorithm>

#include "hub/core/room.h"
#include "protocol/base/strings.h"
#include "protocol/limits.h"

namespace bus::hub {

namespace {

// A read that brings less costs more than what is in it.
constexpr size_t kLeastReadBytes = 4 * 1024;

constexpr const char* kNoLineEnd =
    "no line end: the input ended in the middle of a line, which was discarded; end every frame with a line "
    "feed, the last one too";

Pool pool_of(const Peer& peer) {
  return peer.phase == Phase::handshake ? Pool::handshaking : Pool::unfinished;
}

}  // namespace

void Input::receive(Peer& peer, std::string_view chunk, TimePoint now) {
  read_lines(peer, chunk, now);
  adapt_reads(peer, chunk.size());
}

void Input::resume(Peer& peer, TimePoint now) {
  peer.backlog = false;
  read_lines(peer, {}, now);
}

void Input::end(Peer& peer, TimePoint now) {
  if (!is_blank(peer.reader.partial())) {
    ++peer.frames_in;
    closing_.answer_fault(peer, ErrorCode::bad_frame, kNoLineEnd, now);
  }
  peer.read_state = ReadState::ended;
  for (Room* room : rooms_) room->input_ended(peer);
  // A consumer may have closed its writing side only, as shells do; the others have nothing more to get.
  if (peer.phase != Phase::consumer) closing_.close_when_flushed(peer, now + kWriteTimeout);
  peers_.mark_dirty(peer);
}

void Input::read_lines(Peer& peer, std::string_view chunk, TimePoint now) {
  peer.reader.feed(chunk);
  std::string_view line;
  // One line is handled in any case, so that each call is some progress.
  for (bool is_first = true; peer.read_state == ReadState::read; is_first = false) {
    bool is_enough = turn_.is_spent() || (peer.held != 0 && !is_first);
    if (is_enough && defer(peer)) return;
    switch (peer.reader.next(line)) {
      case LineReader::Next::none:
        refuse_unfinished(peer, now);
        charge(peer);
        return;
      case LineReader::Next::line:
        handler_.handle_line(peer, line, peer.reader.line_is_in_chunk(), now);
        break;
      case LineReader::Next::too_long:
        ++peer.frames_in;
        closing_.answer_fault(peer, ErrorCode::frame_too_large,
                              "this frame is larger than " + std::to_string(kMaxFrameBytes) +
                                  " bytes, its line end included; send a smaller one, on a new connection",
                              now);
        closing_.close_with_answer(peer, now);
        break;
    }
  }
  if (peer.read_state == ReadState::paused) peer.reader.keep_rest();
  charge(peer);
}

// A peer's reads become as large as a turn can handle, so that seldom anything is left of one.
void Input::adapt_reads(Peer& peer, size_t chunk) {
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
bool Input::defer(Peer& peer) {
  size_t rest = peer.reader.unread_bytes();
  if (rest == 0) return false;
  if (rest > peer.input_charge.bytes() && !ledger_.has_room_for(*peer.account, Pool::unfinished, rest)) {
    peer.read_bytes = kLeastReadBytes;
    return false;
  }
  peer.reader.keep_rest();
  charge(peer);
  peer.backlog = true;
  peers_.mark_dirty(peer);
  return true;
}

void Input::charge(Peer& peer) {
  // What came behind a hello that waits is beside the pools (kFirstReadBytes).
  size_t held = peer.phase == Phase::waiting ? 0 : peer.reader.held_bytes();
  peer.input_charge.set(*peer.account, pool_of(peer), held);
}

// When there is no memory for a partial line: its rest is skipped.
void Input::refuse_unfinished(Peer& peer, TimePoint now) {
  Pool pool = pool_of(peer);
  size_t charged = peer.input_charge.bytes_of(pool);
  size_t held = peer.reader.held_bytes();
  if (held <= charged) return;
  if (ledger_.has_room_for(*peer.account, pool, held - charged)) return;
  if (pool == Pool::handshaking && held <= kAdministrativeInputBytes &&
      admission_.take_administrative_place(peer))
    return;
  peer.reader.skip_line();
  ++peer.frames_in;
  closing_.refused_memory(peer, pool);
  closing_.answer_fault(peer, ErrorCode::busy, ledger_.shortage_of(*peer.account, pool, held - charged), now);
}

}  // namespace bus::hub
