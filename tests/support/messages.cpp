#include "tests/support/messages.h"

#include "protocol/json_text.h"

namespace bus::test {

namespace {

std::string text_of(std::string_view token) {
  return token.empty() ? std::string() : decode_json_string(token);
}

Event to_event(const EventLine& line) {
  Event event;
  event.event_type = line.event_type;
  event.event_id = line.event_id;
  event.source_time = text_of(line.source_time_token);
  event.seq = line.seq;
  for (const Member& member : line.others) {
    event.others.emplace_back(decode_json_string(member.name_token), member.value_token);
  }
  event.payload = line.payload_token;
  return event;
}

template <class T>
Decoded decoded_as(const Frame& frame) {
  OrFault<T> message = bus::decode<T>(frame);
  if (!message) return std::move(message.fault());
  return Message(std::move(*message));
}

// The first of the types that is the frame's.
template <class T, class... Others>
Decoded decoded_as_one_of(const Frame& frame) {
  if (frame.type == T::kType) return decoded_as<T>(frame);
  if constexpr (sizeof...(Others) > 0) return decoded_as_one_of<Others...>(frame);
  return type_fault(frame);
}

}  // namespace

Decoded decode(std::string_view line) {
  FrameScanner scanner;
  EventLine event;
  switch (scanner.scan(line, event)) {
    case FrameKind::event:
      return Message(to_event(event));
    case FrameKind::fault:
      return scanner.fault();
    case FrameKind::other:
      break;
  }
  return decoded_as_one_of<Hello, HelloAck, SourceStatus, PreShutdownCheck, PreShutdownAck, StatusQuery,
                           StatusResponse, InterestMessage, Bye, Shutdown, ErrorMessage>(scanner.frame());
}

std::string encode(const Event& event) {
  std::string out;
  ObjectWriter writer(out);
  writer.text("type", "event");
  writer.text("event_type", event.event_type);
  writer.text_if_any("event_id", event.event_id);
  writer.text_if_any("source_time", event.source_time);
  if (event.seq) writer.number("seq", *event.seq);
  for (const auto& [name, value] : event.others) writer.foreign_member(name) += value;
  writer.raw("payload", event.payload);
  writer.end();
  out += '\n';
  return out;
}

std::string encode(const Message& message) {
  return std::visit(
      [](const auto& one) {
        using bus::encode;
        return encode(one);
      },
      message);
}

}  // namespace bus::test
