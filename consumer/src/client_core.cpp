#include "consumer/src/client_core.h"

#include <algorithm>
#include <utility>

#include "protocol/base/strings.h"
#include "protocol/decode.h"
#include "protocol/encode.h"
#include "protocol/event_pattern.h"
#include "protocol/messages/error.h"
#include "protocol/messages/interest.h"
#include "protocol/messages/pre_shutdown.h"
#include "protocol/messages/source_status.h"
#include "protocol/messages/value.h"

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

TurnedAway turned_away_by(ErrorCode code) {
  switch (code) {
    case ErrorCode::denied:
    case ErrorCode::not_allowed:
      return TurnedAway::denied;
    case ErrorCode::too_many:
    case ErrorCode::timeout:
    case ErrorCode::busy:
      return TurnedAway::busy;
    default:
      return TurnedAway::protocol;
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

Item* ClientCore::next() {
  if (event_waits_) {
    event_waits_ = false;
    item_.kind = ItemKind::event;
    return &item_;
  }
  for (;;) {
    std::string_view line;
    LineReader::Next got = reader_.next(line);
    if (got == LineReader::Next::none) return nullptr;
    // After that answer the rest is still taken out of the reader, as it requires, but means nothing.
    if (stage_ == Stage::turned_away) continue;
    Item* item = got == LineReader::Next::too_long ? on_too_long() : on_line(line);
    if (item != nullptr) return item;
  }
}

Item* ClientCore::on_line(std::string_view line) {
  if (stage_ == Stage::ready && hub_events_.read(line, event_)) return on_event(line);
  if (is_blank(line)) return nullptr;
  if (stage_ == Stage::greeting) return on_greeting(line);
  switch (scanner_.scan(line, event_)) {
    case FrameKind::event:
      return on_event(trimmed(line));
    case FrameKind::other:
      return on_frame(scanner_.frame());
    case FrameKind::fault:
      break;
  }
  // Of an event that we cannot read, the gap in seq will tell.
  return skip();
}

Item* ClientCore::skip() {
  ++skipped_;
  return nullptr;
}

// hello_ack is the first frame (PROTOCOL.md 4); only an `error` may stand in its place.
Item* ClientCore::on_greeting(std::string_view line) {
  bool is_frame = scanner_.scan(line, event_) == FrameKind::other;
  const Frame& frame = scanner_.frame();
  if (is_frame && frame.type == HelloAck::kType) {
    if (OrFault<HelloAck> ack = decode<HelloAck>(frame)) return on_hello_ack(*ack);
  }
  if (is_frame && frame.type == ErrorMessage::kType) {
    if (OrFault<ErrorMessage> error = decode<ErrorMessage>(frame)) {
      return turn_away(turned_away_by(error->code),
                       error->message.empty() ? name_of(error->code) : error->message);
    }
  }
  return turn_away(TurnedAway::protocol,
                   "this is not a busd hub: its first frame is not hello_ack but " + printable(line, 80));
}

Item* ClientCore::on_hello_ack(const HelloAck& ack) {
  if (ack.rejected) {
    return turn_away(TurnedAway::rejected,
                     ack.reject_reason.empty() ? "the hub gave no reason" : ack.reject_reason);
  }
  if (ack.bus_version != kBusVersion) {
    return turn_away(TurnedAway::protocol,
                     "the hub speaks " + printable(ack.bus_version) + ", this client " + kBusVersion);
  }
  auto offers = [&ack](std::string_view name) {
    return std::find(ack.capabilities.begin(), ack.capabilities.end(), name) != ack.capabilities.end();
  };
  if (wants_patterns_ && !offers(kCapabilityPatterns)) {
    return turn_away(TurnedAway::protocol,
                     "the hub is too old for patterns such as \"build.*\": list the event types one by one");
  }
  if (!hello_.publishes.empty() && !offers(kCapabilityInterest)) {
    return turn_away(TurnedAway::protocol,
                     "the hub is too old to tell who listens to publish_types: leave them out");
  }
  stage_ = Stage::ready;
  item_.kind = ItemKind::reset;
  item_.first = ack.first_for_key;
  item_.has_calls = offers(kCapabilityCalls);
  item_.has_values = offers(kCapabilityValues);
  return &item_;
}

Item* ClientCore::on_event(std::string_view frame) {
  item_.frame = frame;
  item_.event = &event_;
  item_.kind = ItemKind::event;
  if (!event_.seq) return &item_;
  uint64_t seq = *event_.seq;
  uint64_t before = std::exchange(last_seq_, seq);
  uint64_t known = std::exchange(lost_already_, 0);
  if (seq <= before) return &item_;
  uint64_t missing = seq - before - 1;
  if (missing <= known) return &item_;
  event_waits_ = true;
  item_.kind = ItemKind::lost;
  item_.detail.clear();
  item_.lost_count = missing - known;
  item_.lost_after = before + known;
  item_.lost_before = seq;
  return &item_;
}

// Reads a frame of calls that is a T.
template <class T>
Item* ClientCore::on_call(const Frame& frame, ItemKind kind) {
  OrFault<T> message = decode<T>(frame);
  if (!message) return skip();
  item_.kind = kind;
  item_.frame = frame.line;
  item_.number = 0;
  item_.call = std::move(*message);
  return &item_;
}

// The texts keep their room from item to item.
Item* ClientCore::on_value(const Frame& frame) {
  OrFault<Value> message = decode<Value>(frame);
  auto watch = message ? parse_u64(message->watch) : std::nullopt;
  if (!watch) return skip();
  item_.kind = ItemKind::value;
  item_.detail.clear();
  item_.number = *watch;
  item_.news.keys.resize(1);
  KeyFact& fact = item_.news.keys.front();
  fact.key = std::move(message->key);
  fact.version = message->version;
  fact.rev = message->rev;
  fact.age_ms = message->age_ms;
  fact.ttl_ms = message->ttl_ms.value_or(0);
  fact.uid = 0;
  fact.skipped = message->skipped;
  fact.deleted = message->deleted;
  fact.expired = message->expired;
  fact.snapshot = message->snapshot;
  fact.value = message->value;
  return &item_;
}

Item* ClientCore::on_synced(const Frame& frame) {
  OrFault<Synced> message = decode<Synced>(frame);
  auto watch = message ? parse_u64(message->watch) : std::nullopt;
  if (!watch) return skip();
  item_.kind = ItemKind::synced;
  item_.detail.clear();
  item_.number = *watch;
  item_.news = ValueNews{};
  item_.news.rev = message->rev;
  item_.news.epoch = std::move(message->epoch);
  item_.news.count = message->keys;
  item_.news.reset = message->reset;
  return &item_;
}

Item* ClientCore::on_frame(const Frame& frame) {
  if (frame.type == Value::kType) return on_value(frame);
  if (frame.type == Synced::kType) return on_synced(frame);
  if (frame.type == Response::kType) return on_call<Response>(frame, ItemKind::call_end);
  if (frame.type == Chunk::kType) return on_call<Chunk>(frame, ItemKind::chunk);
  if (frame.type == Progress::kType) return on_call<Progress>(frame, ItemKind::progress);
  if (frame.type == GivenRequest::kType) return on_call<GivenRequest>(frame, ItemKind::request);
  if (frame.type == Cancel::kType) return on_call<Cancel>(frame, ItemKind::canceled);
  if (frame.type == Pause::kType) return on_call<Pause>(frame, ItemKind::pause);
  if (frame.type == Resume::kType) return on_call<Resume>(frame, ItemKind::resume);
  if (frame.type == SourceStatus::kType) {
    OrFault<SourceStatus> status = decode<SourceStatus>(frame);
    if (!status) return skip();
    item_.kind = ItemKind::source_status;
    item_.status = std::move(*status);
  } else if (frame.type == ErrorMessage::kType) {
    OrFault<ErrorMessage> error = decode<ErrorMessage>(frame);
    if (!error) return skip();
    item_.kind = ItemKind::refused;
    item_.error = std::move(*error);
  } else if (frame.type == InterestMessage::kType) {
    OrFault<InterestMessage> interest = decode<InterestMessage>(frame);
    if (!interest) return skip();
    item_.kind = ItemKind::interest;
    item_.interest = std::move(*interest);
  } else if (frame.type == PreShutdownAck::kType) {
    OrFault<PreShutdownAck> ack = decode<PreShutdownAck>(frame);
    if (!ack) return skip();
    item_.kind = ItemKind::check_ack;
    item_.last = ack->last_for_key;
  } else {
    return skip();
  }
  return &item_;
}

// The only frames of a hub that can grow so long are events, so it counts as one that is lost; when the next
// event's seq says so too, it is not reported again.
Item* ClientCore::on_too_long() {
  if (stage_ == Stage::greeting) {
    return turn_away(TurnedAway::protocol, "this is not a busd hub: its first frame is over " +
                                               std::to_string(kMaxFrameBytes) + " bytes");
  }
  item_.kind = ItemKind::lost;
  item_.detail = "a frame over " + std::to_string(kMaxFrameBytes) + " bytes was dropped";
  item_.lost_count = 1;
  item_.lost_after = last_seq_ + lost_already_;
  ++lost_already_;
  item_.lost_before = last_seq_ + lost_already_ + 1;
  return &item_;
}

Item* ClientCore::turn_away(TurnedAway why, std::string text) {
  stage_ = Stage::turned_away;
  item_.kind = ItemKind::turned_away;
  item_.turned_away = why;
  item_.detail = std::move(text);
  return &item_;
}

}  // namespace bus::sdk
