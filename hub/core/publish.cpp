// An event's life: checked (json_scan), deduplicated, routed, encoded once, queued for each that matches.
#include <utility>

#include "hub/core/hub_core_impl.h"
#include "protocol/limits.h"

namespace bus::hub {

namespace {

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
  for (const EventLine::Member& member : event.others) {
    bytes += member.name_token.size() + member.value_token.size() + 2;  // ',' and ':'
  }
  return bytes;
}

FramePtr encode_frame(const EventLine& event, size_t bytes) {
  auto frame = std::make_shared<Frame>();
  std::string& out = frame->bytes;
  out.reserve(bytes);
  out += kHead;
  out += event.event_type_token;
  if (!event.event_id_token.empty()) {
    out += kId;
    out += event.event_id_token;
  }
  if (!event.source_time_token.empty()) {
    out += kTime;
    out += event.source_time_token;
  }
  frame->seq_at = out.size();
  for (const EventLine::Member& member : event.others) {
    out += ',';
    out += member.name_token;
    out += ':';
    out += member.value_token;
  }
  out += kPayload;
  out += event.payload_token;
  out += kEnd;
  return frame;
}

}  // namespace

void HubCore::Impl::publish(Peer& peer, TimePoint now) {
  size_t bytes = frame_bytes(line_);
  if (bytes + kLargestSeqBytes > kMaxFrameBytes) {
    fault(peer, ErrorCode::frame_too_large,
          "as consumers would get it, with its seq, this event takes up to " +
              std::to_string(bytes + kLargestSeqBytes) + " bytes; a frame is at most " +
              std::to_string(kMaxFrameBytes),
          now, line_.event_id);
    return;
  }
  if (is_duplicate(peer, now)) {
    ++events_.duplicates;
    return;
  }
  ++events_.published;
  ++peer.published;
  peer.last_event = now;
  if (peer.named != nullptr) {
    ++peer.named->published;
    peer.named->last_event = now;
  }
  router_.route(line_.event_type, found_);
  if (found_.empty()) {
    ++events_.unmatched;
    unmatched_.count(line_.event_type);
    return;
  }
  FramePtr frame = encode_frame(line_, bytes);
  for (Subscriber* subscriber : found_) deliver(static_cast<Peer&>(*subscriber), frame);
}

bool HubCore::Impl::is_duplicate(Peer& peer, TimePoint now) {
  if (line_.event_id.empty() || config_.dedup_window == Duration::zero()) return false;
  DedupWindow* dedup = peer.dedup.get();
  if (peer.named != nullptr) {
    dedup = &peer.named->dedup;
  } else if (dedup == nullptr) {
    peer.dedup = std::make_unique<DedupWindow>();
    dedup = peer.dedup.get();
  }
  return dedup->seen(config_.hash_key, line_.event_id, config_.dedup_window, now);
}

void HubCore::Impl::deliver(Peer& peer, const FramePtr& frame) {
  if (peer.outbox.is_full_for(*frame, config_.queue) && peer.refused_in_turn != turn_) {
    // Before anything is dropped its socket is asked, once a turn: asking again for each event would let one
    // stopped consumer cost every other a system call per event.
    if (!edge_.flush(peer.id)) peer.refused_in_turn = turn_;
  }
  size_t dropped = peer.outbox.push_event(frame, config_.queue);
  if (dropped > 0 && !std::exchange(peer.drop_noticed, true)) {
    notice(Notice::Kind::slow_consumer, peer,
           "consumer " + peer.key + " is too slow: its oldest events are dropped");
  }
  touch(peer);
}

void HubCore::Impl::broadcast(const FramePtr& frame) {
  for (Peer* consumer : consumers_) {
    if (consumer->outbox.push_best_effort(frame, config_.queue)) touch(*consumer);
  }
}

}  // namespace bus::hub
