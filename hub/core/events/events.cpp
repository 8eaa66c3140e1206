#include "hub/core/events/events.h"

#include <cstring>

#include "hub/core/base/config.h"
#include "hub/core/delivery/delivery.h"
#include "hub/core/peers/closing.h"
#include "hub/core/peers/peers.h"
#include "protocol/json_text.h"
#include "protocol/limits.h"
#include "protocol/raw_json.h"

namespace bus::hub {

namespace {

constexpr size_t kUnmatchedTypesShown = 16;

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

void Events::joined(Peer& peer, TimePoint) {
  if (peer.phase != Phase::consumer) return;
  hub_.delivery.subscribers_change();
  router_.subscribe(peer, peer.event_types);
}

void Events::leave(Peer& peer) {
  if (peer.phase != Phase::consumer) return;
  hub_.delivery.subscribers_change();
  router_.unsubscribe(peer, peer.event_types);
}

Answer Events::publish(Peer& peer, const EventLine& event, std::string_view line, TimePoint now) {
  size_t bytes = frame_bytes(event);
  if (bytes + kLargestSeqBytes > kMaxFrameBytes) {
    return Fault{ErrorCode::frame_too_large,
                 "as consumers would get it, with its seq, this event takes up to " +
                     std::to_string(bytes + kLargestSeqBytes) + " bytes; a frame is at most " +
                     std::to_string(kMaxFrameBytes) + "; send a smaller payload"};
  }
  if (!peer.published) peer.published = std::make_unique<Publisher>(hub_.publishers);
  if (is_duplicate(peer, event, now)) {
    ++duplicates_;
    return {};
  }
  peer.published->count_event(now);
  if (peer.published_as_name != nullptr) peer.published_as_name->count_event(now);
  forward(event, line, bytes);
  return {};
}

bool Events::publish_own(std::string_view event_type, std::string_view payload) {
  std::string type_token;
  append_json_string(type_token, event_type);
  EventLine event;
  event.event_type = event_type;
  event.event_type_token = type_token;
  event.payload_token = payload;
  size_t bytes = frame_bytes(event);
  if (bytes + kLargestSeqBytes > kMaxFrameBytes) return false;
  // The frame is the first level of its nesting.
  if (RawJson json; json.scan(payload, kMaxDepth - 1)) return false;
  forward(event, {}, bytes);
  return true;
}

// To all that get it. `bytes`: of its frame, without seq.
void Events::forward(const EventLine& event, std::string_view line, size_t bytes) {
  ++published_;
  published_bytes_ += bytes;
  if (!router_.is_routed(event.event_type)) hub_.delivery.subscribers_change();
  const Subscribers& consumers = router_.route(event.event_type);
  if (consumers.empty()) {
    ++unmatched_events_;
    unmatched_.count(event.event_type);
    return;
  }
  if (size_t seq_at = seq_place_in(line, bytes, event); seq_at != 0) {
    hub_.delivery.event(consumers, line, seq_at);
  } else {
    char* frame = hub_.delivery.keep(bytes);
    seq_at = encode_frame(event, frame);
    hub_.delivery.event(consumers, {frame, bytes}, seq_at);
  }
}

bool Events::is_duplicate(Peer& peer, const EventLine& event, TimePoint now) {
  if (event.event_id.empty() || hub_.config.dedup_window == Duration::zero()) return false;
  Publisher& publisher = peer.published_as_name != nullptr ? *peer.published_as_name : *peer.published;
  Meter& memory = hub_.ledger.total(Pool::event_ids);
  bool seen =
      publisher.dedup.seen(hub_.config.hash_key, event.event_id, hub_.config.dedup_window, now, &memory);
  while (memory.is_over() && forget_event_ids()) {
  }
  return seen;
}

// Of the publisher that has the most; false when none has any.
bool Events::forget_event_ids() {
  Publisher* most = hub_.publishers.with_most_ids();
  if (most == nullptr || most->dedup.memory_bytes() == 0) return false;
  Meter& memory = hub_.ledger.total(Pool::event_ids);
  ++memory.refused;
  most->dedup.forget_half(&memory);
  return true;
}

void Events::describe(StatusWriter& out, TimePoint) const {
  DeliveryCounts deliveries = hub_.peers.deliveries();
  out.begin_object("events");
  out.number("published", published_,
             {"busd_events_published_total", "Events accepted from sources, duplicates excluded."});
  out.number("delivered", deliveries.delivered,
             {"busd_events_delivered_total", "Events written wholly to a consumer's socket, once for each."});
  out.number("dropped", deliveries.dropped,
             {"busd_events_dropped_total", "Events dropped from the queue of a consumer, once for each."});
  out.number(
      "duplicates", duplicates_,
      {"busd_events_duplicate_total", "Events discarded because their source had sent their id before."});
  out.number("unmatched", unmatched_events_,
             {"busd_events_unmatched_total", "Events published that no consumer subscribed to."});
  out.number("refused", hub_.closing.faults,
             {"busd_frames_refused_total", "Frames of any type that were answered with an error."});
  out.number("published_bytes", published_bytes_,
             {"busd_events_published_bytes_total", "Size of the published events as consumers get them."});
  out.number("delivered_bytes", deliveries.delivered_bytes,
             {"busd_events_delivered_bytes_total", "Size of the delivered events, once for each consumer."});
  out.end_object();

  out.begin_list("unmatched_types");
  for (const TypeCount& type : unmatched_.top(kUnmatchedTypesShown)) {
    if (!out.begin_row()) break;
    out.label("event_type", type.event_type);
    out.number("count", type.count,
               {"busd_unmatched_type_events_total",
                "Events that no consumer subscribed to, of the most frequent types; may be too high."});
    out.end_row();
  }
  out.end_list();
}

}  // namespace bus::hub
