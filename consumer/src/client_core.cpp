#include "consumer/src/client_core.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "protocol/base/strings.h"
#include "protocol/codec.h"
#include "protocol/event_pattern.h"

namespace bus::sdk {

namespace {

bool is_pattern(const std::string& entry) {
  return parse_event_pattern(entry).kind != EventPattern::Kind::exact;
}

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view kAround = " \t\r";
  size_t begin = line.find_first_not_of(kAround);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kAround) - begin + 1);
}

Refusal refusal_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::denied:
    case ErrorCode::not_allowed:
      return Refusal::denied;
    case ErrorCode::too_many:
    case ErrorCode::timeout:
    case ErrorCode::busy:
      return Refusal::busy;
    default:
      return Refusal::protocol;
  }
}

}  // namespace

ClientCore::ClientCore(Hello hello) : hello_(std::move(hello)) {
  wants_patterns_ = std::any_of(hello_.event_types.begin(), hello_.event_types.end(), is_pattern);
}

std::string ClientCore::connected(TimePoint answer_due) {
  reader_ = LineReader();
  stage_ = Stage::greeting;
  answer_due_ = answer_due;
  event_waits_ = false;
  last_seq_ = 0;
  lost_already_ = 0;
  return encode(hello_);
}

const Inbound* ClientCore::next() {
  if (event_waits_) {
    event_waits_ = false;
    inbound_.kind = Inbound::Kind::event;
    return &inbound_;
  }
  for (;;) {
    std::string_view line;
    LineReader::Next got = reader_.next(line);
    if (got == LineReader::Next::none) return nullptr;
    // After a refusal the rest is still taken out of the reader, as it requires, but means nothing.
    if (stage_ == Stage::refused) continue;
    const Inbound* inbound = got == LineReader::Next::too_long ? on_too_long() : on_line(line);
    if (inbound != nullptr) return inbound;
  }
}

const Inbound* ClientCore::on_line(std::string_view line) {
  if (stage_ == Stage::ready && hub_events_.read(line, inbound_.event)) return on_event(line);
  if (is_blank(line)) return nullptr;
  if (stage_ == Stage::greeting) return on_greeting(line);
  switch (scanner_.scan(line, inbound_.event)) {
    case FrameKind::event:
      return on_event(trimmed(line));
    case FrameKind::other:
      return on_frame(scanner_.frame());
    case FrameKind::fault:
      break;
  }
  // Of an event that we cannot read, the gap in seq will tell.
  ++skipped_;
  return nullptr;
}

// hello_ack is the first frame (PROTOCOL.md 4); only an `error` may stand in its place.
const Inbound* ClientCore::on_greeting(std::string_view line) {
  Decoded decoded = decode(line);
  const Message* message = std::get_if<Message>(&decoded);
  if (message == nullptr) {
    return refuse(Refusal::protocol, "this is not a busd hub: its first frame is " + printable(line, 80));
  }
  if (const auto* error = std::get_if<ErrorMessage>(message)) {
    return refuse(refusal_of(error->code), error->message.empty() ? name_of(error->code) : error->message);
  }
  const auto* ack = std::get_if<HelloAck>(message);
  if (ack == nullptr) {
    return refuse(Refusal::protocol,
                  "this is not a busd hub: its first frame is not hello_ack but " + printable(line, 80));
  }
  if (ack->rejected) {
    return refuse(Refusal::rejected,
                  ack->reject_reason.empty() ? "the hub gave no reason" : ack->reject_reason);
  }
  if (ack->bus_version != kBusVersion) {
    return refuse(Refusal::protocol,
                  "the hub speaks " + printable(ack->bus_version) + ", this client " + kBusVersion);
  }
  const auto& offered = ack->capabilities;
  if (wants_patterns_ && std::find(offered.begin(), offered.end(), kCapabilityPatterns) == offered.end()) {
    return refuse(Refusal::protocol,
                  "the hub is too old for patterns such as \"build.*\": list the event types one by one");
  }
  stage_ = Stage::ready;
  inbound_.kind = Inbound::Kind::welcome;
  inbound_.first = ack->first_for_key;
  return &inbound_;
}

const Inbound* ClientCore::on_event(std::string_view frame) {
  inbound_.frame = frame;
  inbound_.kind = Inbound::Kind::event;
  if (!inbound_.event.seq) return &inbound_;
  uint64_t seq = *inbound_.event.seq;
  uint64_t before = std::exchange(last_seq_, seq);
  uint64_t known = std::exchange(lost_already_, 0);
  if (seq <= before) return &inbound_;
  uint64_t missing = seq - before - 1;
  if (missing <= known) return &inbound_;
  event_waits_ = true;
  inbound_.kind = Inbound::Kind::lost;
  inbound_.text.clear();
  inbound_.lost_count = missing - known;
  inbound_.lost_after = before + known;
  inbound_.lost_before = seq;
  return &inbound_;
}

const Inbound* ClientCore::on_frame(const Frame& frame) {
  Decoded decoded = decode(frame);
  Message* message = std::get_if<Message>(&decoded);
  if (message == nullptr) {
    ++skipped_;
    return nullptr;
  }
  if (auto* status = std::get_if<SourceStatus>(message)) {
    inbound_.kind = Inbound::Kind::source_status;
    inbound_.status = std::move(*status);
    return &inbound_;
  }
  if (auto* error = std::get_if<ErrorMessage>(message)) {
    inbound_.kind = Inbound::Kind::error;
    inbound_.error = std::move(*error);
    return &inbound_;
  }
  if (const auto* ack = std::get_if<PreShutdownAck>(message)) {
    inbound_.kind = Inbound::Kind::check_ack;
    inbound_.last = ack->last_for_key;
    return &inbound_;
  }
  ++skipped_;
  return nullptr;
}

// The only frames of a hub that can grow so long are events, so it counts as one that is lost; when the next
// event's seq says so too, it is not reported again.
const Inbound* ClientCore::on_too_long() {
  if (stage_ == Stage::greeting) {
    return refuse(Refusal::protocol, "this is not a busd hub: its first frame is over " +
                                         std::to_string(kMaxFrameBytes) + " bytes");
  }
  inbound_.kind = Inbound::Kind::lost;
  inbound_.text = "a frame over " + std::to_string(kMaxFrameBytes) + " bytes was dropped";
  inbound_.lost_count = 1;
  inbound_.lost_after = last_seq_ + lost_already_;
  ++lost_already_;
  inbound_.lost_before = last_seq_ + lost_already_ + 1;
  return &inbound_;
}

const Inbound* ClientCore::refuse(Refusal refusal, std::string text) {
  stage_ = Stage::refused;
  inbound_.kind = Inbound::Kind::refused;
  inbound_.refusal = refusal;
  inbound_.text = std::move(text);
  return &inbound_;
}

}  // namespace bus::sdk
