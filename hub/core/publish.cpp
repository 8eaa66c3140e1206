// An event's life up to delivery.cpp: checked (protocol/frame.h), deduplicated, routed, put into the hub's form if
// it is not in it, and added to the turn.
#include <cstring>

#include "hub/core/hub_core_impl.h"
#include "protocol/limits.h"

namespace bus::hub {

namespace {

// What goes out to a consumer costs as much as looking at one for every so many bytes.
constexpr size_t kBytesPerCost = 176;

constexpr std::string_view kHead = R"({"type":"event","event_type":)";
constexpr std::string_view kId = R"(,"event_id":)";
constexpr std::string_view kTime = R"(,"source_time":)";
constexpr std::string_view kPayload = R"(,"payload":)";
constexpr std::string_view kEnd = "}\n";
constexpr size_t kLargestSeqBytes = std::string_view(R"(,"seq":18446744073709551615)").size();

// Length of the frame that consumers get, without its seq.
size_t frame_bytes(const EventLine& event) {
  size_t bytes = kHead.size() + event.event_type_token.size() + kPayload.size() + event.payload_token.size() +
                 kEnd.size();
  if (!event.event_id_token.empty()) bytes += kId.size() + event.event_id_token.size();
  if (!event.source_time_token.empty()) bytes += kTime.size() + event.source_time_token.size();
  for (const Member& member : event.others) {
    bytes += member.name_token.size() + member.value_token.size() + 2;  // ',' and ':'
  }
  return bytes;
}

// Where in `line`, a frame with its LF that has exactly `bytes`, `,"seq":N` goes; 0 unless the line is in the
// very form that consumers get, which most sources send. Names, order and spaces need no look: the line is
// valid, and when every value stands as far from the one before as in that form, nothing else can stand
// between them.
size_t seq_place_in(std::string_view line, size_t bytes, const EventLine& event) {
  if (line.size() != bytes || event.seq || !event.others.empty()) return 0;
  auto stands_at = [&](std::string_view token, size_t at) { return token.data() == line.data() + at; };
  size_t at = kHead.size();
  if (!stands_at(event.event_type_token, at)) return 0;
  at += event.event_type_token.size();
  if (!event.event_id_token.empty()) {
    at += kId.size();
    if (!stands_at(event.event_id_token, at)) return 0;
    at += event.event_id_token.size();
  }
  if (!event.source_time_token.empty()) {
    at += kTime.size();
    if (!stands_at(event.source_time_token, at)) return 0;
    at += event.source_time_token.size();
  }
  return stands_at(event.payload_token, at + kPayload.size()) ? at : 0;
}

char* put(char* out, std::string_view bytes) {
  std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}

// Writes the frame that consumers get, without seq; returns where `,"seq":N` goes.
size_t encode_frame(const EventLine& event, char* frame) {
  char* out = put(put(frame, kHead), event.event_type_token);
  if (!event.event_id_token.empty()) out = put(put(out, kId), event.event_id_token);
  if (!event.source_time_token.empty()) out = put(put(out, kTime), event.source_time_token);
  auto seq_at = static_cast<size_t>(out - frame);
  for (const Member& member : event.others) {
    out = put(put(put(put(out, ","), member.name_token), ":"), member.value_token);
  }
  put(put(put(out, kPayload), event.payload_token), kEnd);
  return seq_at;
}

}  // namespace

void HubCore::Impl::publish(Peer& peer, std::string_view line, TimePoint now) {
  size_t bytes = frame_bytes(line_);
  if (bytes + kLargestSeqBytes > kMaxFrameBytes) {
    fault(peer, ErrorCode::frame_too_large,
          "as consumers would get it, with its seq, this event takes up to " +
              std::to_string(bytes + kLargestSeqBytes) + " bytes; a frame is at most " +
              std::to_string(kMaxFrameBytes) + "; send a smaller payload",
          now, line_.event_id);
    return;
  }
  if (!peer.publications) peer.publications = std::make_unique<Publications>();
  Publications& publications = *peer.publications;
  if (is_duplicate(peer, now)) {
    ++events_.duplicates;
    return;
  }
  ++events_.published;
  events_.published_bytes += bytes;
  ++publications.count;
  publications.last = now;
  if (peer.named != nullptr) {
    ++peer.named->published;
    peer.named->last_event = now;
  }
  if (!router_.is_routed(line_.event_type)) close_run();
  const Router::List& consumers = router_.route(line_.event_type);
  if (consumers.empty()) {
    ++events_.unmatched;
    unmatched_.count(line_.event_type);
    return;
  }
  run_consumers_ = &consumers;
  cost_ += consumers.size() * bytes / kBytesPerCost;
  if (size_t seq_at = seq_place_in(line, bytes, line_); seq_at != 0) {
    batch_.add(line, seq_at);
  } else {
    char* frame = batch_.keep(bytes);
    seq_at = encode_frame(line_, frame);
    batch_.add({frame, bytes}, seq_at);
  }
}

bool HubCore::Impl::is_duplicate(Peer& peer, TimePoint now) {
  if (line_.event_id.empty() || config_.dedup_window == Duration::zero()) return false;
  DedupWindow& dedup = peer.named != nullptr ? peer.named->dedup : peer.publications->dedup;
  Meter& memory = ledger_.total(Pool::event_ids);
  bool seen = dedup.seen(config_.hash_key, line_.event_id, config_.dedup_window, now, &memory);
  while (memory.is_over() && forget_event_ids()) {
  }
  return seen;
}

// Of the source that has the most; false when none has any.
bool HubCore::Impl::forget_event_ids() {
  DedupWindow* largest = nullptr;
  auto look = [&](DedupWindow& window) {
    if (largest == nullptr || window.memory_bytes() > largest->memory_bytes()) largest = &window;
  };
  sources_.for_each([&](NamedSource& source) { look(source.dedup); });
  peers_.for_each([&](Peer& peer) {
    if (peer.publications) look(peer.publications->dedup);
  });
  if (largest == nullptr || largest->memory_bytes() == 0) return false;
  Meter& memory = ledger_.total(Pool::event_ids);
  ++memory.refused;
  largest->forget_half(&memory);
  return true;
}

}  // namespace bus::hub
