#include "hub/core/delivery/fanout.h"

#include <algorithm>
#include <utility>

namespace bus::hub {

namespace {

// A rendering is shared with so many at once; each may need room for its own digits beside it.
constexpr size_t kMaxSharing = 1024;

Payers queue_payers(Outgoing& peer) {
  return {&peer.account->total(Pool::queues), &peer.account->meter(Pool::queues)};
}

}  // namespace

void Fanout::sort(std::vector<Outgoing*>& peers) const {
  std::sort(peers.begin(), peers.end(), [](const Outgoing* a, const Outgoing* b) {
    return a->stream != b->stream ? a->stream - 1 < b->stream - 1
                                  : a->outbox.next_seq() < b->outbox.next_seq();
  });
}

void Fanout::prepare(const std::vector<Outgoing*>& peers, size_t at) {
  if (sharing_left_ > 0) return;
  shared_ = nullptr;
  Batch::StreamId stream = peers[at]->stream;
  if (stream == 0 || batch_.bytes_of(stream) < sharing_.bytes) return;
  uint64_t seq = peers[at]->outbox.next_seq();
  bool in_pieces = batch_.bytes_of(stream) >= sharing_.frame_bytes * batch_.size_of(stream);
  size_t end = at;
  while (end < peers.size() && end - at < kMaxSharing && peers[end]->stream == stream &&
         (in_pieces || peers[end]->outbox.next_seq() == seq)) {
    ++end;
  }
  sharing_left_ = end - at;  // looked at once, whether or not there is something to share
  if (sharing_left_ < sharing_.consumers) return;
  size_t most = batch_.most_bytes_of(stream);
  size_t digits = in_pieces ? sharing_left_ * batch_.most_digits_of(stream) : 0;
  std::shared_ptr<char> buffer = transport_.shared_buffer(most + digits);
  if (!buffer) return;
  shared_digits_ = buffer.get() + most;
  shared_ = &batch_.render_into(std::move(buffer), most + digits, stream, seq);
}

// Shares what prepare() rendered; returns how many bytes the socket took.
size_t Fanout::send_shared(Outgoing& peer) {
  uint64_t seq = peer.outbox.next_seq();
  const std::vector<std::string_view>* pieces = &whole_;
  if (seq == shared_->seq) {
    whole_.assign(1, shared_->bytes());
  } else {
    pieces = &batch_.pieces(seq, shared_digits_);
    shared_digits_ += batch_.most_digits_of(shared_->stream);
  }
  return writer_.write_shared(peer, *pieces, shared_->size);
}

size_t Fanout::write(Outgoing& peer) {
  Batch::StreamId stream = std::exchange(peer.stream, 0);
  return stream == 0 ? 0 : write_stream(peer, stream);
}

size_t Fanout::write_stream(Outgoing& peer, Batch::StreamId stream) {
  uint64_t seq = peer.outbox.next_seq();
  bool shares = shared_ != nullptr && sharing_left_ > 0 && shared_->stream == stream &&
                (seq == shared_->seq || shared_->fits(seq));
  const Batch::Rendering& rendering = shares ? *shared_ : batch_.render(stream, seq);
  size_t taken = shares ? send_shared(peer) : writer_.write(peer, rendering.bytes());
  if (taken == rendering.size) {
    peer.outbox.count_direct(batch_.size_of(stream), taken);
    return 0;
  }
  Batch::Place place = rendering.place_of(taken);
  peer.outbox.count_direct(place.events, taken - place.rest);
  if (place.rest > 0) {
    const Batch::Part& partial = batch_.parts_of(stream, place.events, queue_payers(peer)).front();
    peer.outbox.push_partial(partial.block, partial.first, place.rest);
    ++place.events;
  }
  return queue_rest(peer, stream, place.events);
}

size_t Fanout::queue(Outgoing& peer) {
  Batch::StreamId stream = std::exchange(peer.stream, 0);
  if (stream == 0) return 0;
  auto has_room = [&] {
    return peer.outbox.has_room_for(batch_.size_of(stream), batch_.bytes_of(stream), limits_);
  };
  if (!has_room() && writer_.ask_socket(peer, has_room)) return write_stream(peer, stream);
  return queue_rest(peer, stream, 0);
}

// Without the stream's first `skip` events.
size_t Fanout::queue_rest(Outgoing& peer, Batch::StreamId stream, size_t skip) {
  size_t dropped = 0;
  for (const Batch::Part& part : batch_.parts_of(stream, skip, queue_payers(peer)))
    dropped += peer.outbox.push_events(part.block, part.first, part.end, limits_);
  queued_ = true;
  return dropped;
}

}  // namespace bus::hub
