#include "hub/core/delivery/writer.h"

#include <algorithm>

namespace bus::hub {

namespace {

// What is written from a queue at once: whole frames until there is about this much.
constexpr size_t kRenderBytes = 256 * 1024;
// What one peer is written from its queue in one turn; the rest follows in its next turn.
constexpr size_t kWriteBytesPerTurn = 512 * 1024;
// What a socket that was full is given at a time, when more of its queue must go.
constexpr size_t kAskBytes = 64 * 1024;
// What a feed is asked for at a time: about what a socket takes.
constexpr size_t kFeedBytes = 64 * 1024;

}  // namespace

std::string_view Outgoing::Fed::rest() const {
  size_t at = written;
  std::string_view text = tail.text ? *tail.text : std::string_view();
  for (std::string_view piece : {std::string_view(bytes), text, tail.end}) {
    if (at < piece.size()) return piece.substr(at);
    at -= piece.size();
  }
  return {};
}

size_t Writer::write(Outgoing& peer, std::string_view bytes) {
  size_t taken = transport_.write(peer.id, bytes);
  budget_.spend_write(taken);
  note_write(peer, taken == bytes.size());
  return taken;
}

size_t Writer::write_shared(Outgoing& peer, const std::vector<std::string_view>& pieces, size_t bytes) {
  size_t taken = transport_.send_shared(peer.id, pieces);
  note_write(peer, taken == bytes);
  return taken;
}

// A short write means that the buffer is full (unix(7) stream sockets); asking again would only say so.
void Writer::note_write(Outgoing& peer, bool took_all) {
  peer.socket_full = !took_all;
  if (!took_all) peer.asked_in_turn = turn_;
}

bool Writer::write_waiting(Outgoing& peer) {
  bool written = write_queue(peer, kWriteBytesPerTurn, kRenderBytes) && !peer.socket_full;
  if (written && peer.stream == 0) write_feeds(peer);
  return written;
}

// About `most` bytes, and in the first write about `first`. Whether nothing is left.
bool Writer::write_queue(Outgoing& peer, size_t most, size_t first) {
  Outbox& outbox = peer.outbox;
  size_t want = first;
  if (peer.is_fed() && peer.fed->is_partial() && (peer.socket_full || !write_fed(peer))) return false;
  for (size_t total = 0; !outbox.empty() && !peer.socket_full && total < most; want = kRenderBytes) {
    out_.clear();
    outbox.render(out_, std::min(want, most - total));
    size_t taken = write(peer, out_);
    outbox.advance(taken);
    total += taken;
  }
  return outbox.empty();
}

// What a feed gave goes out whole: once a part of it is written, its rest goes before everything else.
// Whether nothing of it is left.
bool Writer::write_fed(Outgoing& peer) {
  Outgoing::Fed& fed = *peer.fed;
  for (std::string_view piece = fed.rest(); !piece.empty(); piece = fed.rest()) {
    size_t taken = write(peer, piece);
    fed.written += taken;
    if (taken < piece.size()) return false;
  }
  fed.bytes.clear();
  fed.tail = {};
  fed.written = 0;
  fed.charge.release();
  return true;
}

// Feeds are asked in turns, and only while the socket takes what they give.
void Writer::write_feeds(Outgoing& peer) {
  for (size_t total = 0; peer.is_fed() && !peer.socket_full && total < kWriteBytesPerTurn;) {
    Outgoing::Fed& fed = *peer.fed;
    if (!fed.bytes.empty()) {
      total += fed.bytes.size();
      static_cast<void>(write_fed(peer));
      continue;
    }
    Feed* feed = fed.feeds.front();
    fed.feeds.erase(fed.feeds.begin());
    fed_.clear();
    if (feed->render(fed_, kFeedBytes)) fed.feeds.push_back(feed);
    // One that has found nothing has looked for it.
    total += fed_.empty() ? kFeedBytes : fed_.size();
    fed.tail = feed->take_tail();
    if (fed.tail.text) total += fed.tail.text.size();
    if (!fed_.empty()) fed.written = write(peer, fed_);
    bool is_refused = fed.written < fed_.size();
    if (!is_refused && !fed.tail.text) {
      fed.written = 0;
      continue;
    }
    fed.bytes.swap(fed_);
    if (!is_refused && write_fed(peer)) continue;
    if (std::optional<Pool> pool = feed->pool()) fed.charge.set(*peer.account, *pool, fed.bytes.size());
    return;
  }
}

bool Writer::ask_socket(Outgoing& peer, const std::function<bool()>& enough) {
  if (peer.socket_full) {
    if (peer.asked_in_turn == turn_) return false;
    peer.socket_full = false;
  }
  // Most likely it is still full: one frame is enough to see that.
  write_queue(peer, 1, 1);
  while (!peer.socket_full && !peer.outbox.empty() && !(budget_.was_over() && enough && enough())) {
    write_queue(peer, kAskBytes, kAskBytes);
  }
  return peer.outbox.empty() && !peer.socket_full;
}

}  // namespace bus::hub
