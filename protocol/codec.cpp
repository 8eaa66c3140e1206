#include "protocol/codec.h"

#include <algorithm>
#include <array>

#include "protocol/base/strings.h"
#include "protocol/fields.h"
#include "protocol/json_writer.h"
#include "protocol/status_codec.h"

namespace bus {

namespace {

constexpr size_t kTypeBytesShown = 64;

Message decode_hello(Fields& fields) {
  Hello hello;
  hello.pid = fields.integer("pid");
  std::string role = fields.text("role");
  if (role == "source") hello.role = Role::source;
  if (!role.empty() && role != "source" && role != "consumer")
    fields.fail("role must be \"consumer\" or \"source\"");
  // A source belongs to no key, so it need not name one.
  hello.event_key =
      hello.role == Role::source ? fields.optional_identifier("event_key") : fields.identifier("event_key");
  hello.event_types = fields.identifiers("event_types", kMaxEventTypes);
  hello.version = fields.text("version");
  hello.subscription_id = fields.optional_identifier("subscription_id");
  hello.source = fields.optional_identifier("source");
  hello.exclusive = fields.flag("exclusive");
  hello.capabilities = fields.identifiers("capabilities", kMaxCapabilities);
  return hello;
}

Message decode_hello_ack(Fields& fields) {
  HelloAck ack;
  ack.bus_version = fields.text("bus_version");
  ack.first_for_key = fields.required_flag("first_for_key");
  ack.rejected = fields.flag("rejected");
  ack.reject_reason = fields.text("reject_reason");
  ack.capabilities = fields.identifiers("capabilities", kMaxCapabilities);
  return ack;
}

Message decode_source_status(Fields& fields) {
  SourceStatus status;
  status.source = fields.identifier("source");
  std::string state = fields.required_text("state");
  status.detail = fields.text("detail", kMaxDetailBytes);
  if (auto known = source_state_of(state)) {
    status.state = *known;
  } else {
    fields.fail("state must be one of connecting, connected, disconnected, reconnecting");
  }
  return status;
}

Message decode_pre_shutdown_check(Fields& fields) {
  PreShutdownCheck check;
  check.event_key = fields.optional_identifier("event_key");
  check.subscription_id = fields.optional_identifier("subscription_id");
  return check;
}

Message decode_pre_shutdown_ack(Fields& fields) {
  return PreShutdownAck{fields.required_flag("last_for_key")};
}

Message decode_error(Fields& fields) {
  ErrorMessage error;
  error.code = error_code_of(fields.required_text("code"));
  error.message = fields.text("message");
  error.id = fields.text("id");
  error.frame = fields.count("frame");
  return error;
}

Message decode_status(Fields& fields) { return decode_status_response(fields); }

template <class Empty>
Message decode_empty(Fields&) {
  return Empty{};
}

struct Decoder {
  std::string_view type;
  Message (*decode)(Fields& fields);
};

constexpr std::array<Decoder, 10> kDecoders = {{
    {"hello", decode_hello},
    {"hello_ack", decode_hello_ack},
    {"source_status", decode_source_status},
    {"pre_shutdown_check", decode_pre_shutdown_check},
    {"pre_shutdown_ack", decode_pre_shutdown_ack},
    {"status_query", decode_empty<StatusQuery>},
    {"status_response", decode_status},
    {"bye", decode_empty<Bye>},
    {"shutdown", decode_empty<Shutdown>},
    {"error", decode_error},
}};

Decoded decode_other(const Frame& frame) {
  Fields fields(frame.members);
  std::string type = fields.required_text("type");
  if (fields.fault()) return Fault{ErrorCode::bad_frame, *fields.fault()};
  const auto* decoder =
      std::find_if(kDecoders.begin(), kDecoders.end(), [&](const Decoder& d) { return d.type == type; });
  if (decoder == kDecoders.end()) {
    return Fault{ErrorCode::unknown_type,
                 "unknown type " + printable(type, kTypeBytesShown) +
                     "; a client sends hello, event, source_status, pre_shutdown_check, status_query, bye or "
                     "shutdown"};
  }
  Message message = decoder->decode(fields);
  if (fields.fault()) return Fault{ErrorCode::bad_frame, *fields.fault()};
  return message;
}

std::string text_of(std::string_view token) {
  return token.empty() ? std::string() : decode_json_string(token);
}

Event to_event(const EventLine& line) {
  Event event;
  event.event_type = line.event_type;
  event.event_id = line.event_id;
  event.source_time = text_of(line.source_time_token);
  event.seq = line.seq;
  event.others.reserve(line.others.size());
  for (const Member& member : line.others) {
    event.others.emplace_back(decode_json_string(member.name_token), member.value_token);
  }
  event.payload = line.payload_token;
  return event;
}

std::string encode_event(const Event& event, bool with_seq) {
  std::string out;
  out.reserve(event.payload.size() + event.event_type.size() + event.event_id.size() + 128);
  ObjectWriter writer(out);
  writer.text("type", "event");
  writer.text("event_type", event.event_type);
  writer.text_if_any("event_id", event.event_id);
  writer.text_if_any("source_time", event.source_time);
  if (with_seq && event.seq) writer.number("seq", *event.seq);
  for (const auto& [name, value] : event.others) writer.foreign_member(name) += value;
  writer.raw("payload", event.payload.empty() ? "null" : std::string_view(event.payload));
  writer.end();
  std::replace(out.begin(), out.end(), '\n', ' ');
  out += '\n';
  return out;
}

// Writes the members of one message after its type.
struct MemberWriter {
  ObjectWriter& writer;

  void operator()(const Hello& hello) {
    writer.number("pid", hello.pid);
    writer.text("event_key", hello.event_key);
    writer.texts("event_types", hello.event_types);
    writer.text("version", hello.version);
    writer.text_if_any("subscription_id", hello.subscription_id);
    if (hello.role == Role::source) writer.text("role", "source");
    writer.text_if_any("source", hello.source);
    writer.flag_if_set("exclusive", hello.exclusive);
    if (!hello.capabilities.empty()) writer.texts("capabilities", hello.capabilities);
  }
  void operator()(const HelloAck& ack) {
    writer.text("bus_version", ack.bus_version);
    writer.flag("first_for_key", ack.first_for_key);
    writer.flag_if_set("rejected", ack.rejected);
    writer.text_if_any("reject_reason", ack.reject_reason);
    if (!ack.capabilities.empty()) writer.texts("capabilities", ack.capabilities);
  }
  void operator()(const SourceStatus& status) {
    writer.text("source", status.source);
    writer.text("state", name_of(status.state));
    writer.text_if_any("detail", status.detail);
  }
  void operator()(const PreShutdownCheck& check) {
    writer.text("event_key", check.event_key);
    writer.text_if_any("subscription_id", check.subscription_id);
  }
  void operator()(const PreShutdownAck& ack) { writer.flag("last_for_key", ack.last_for_key); }
  void operator()(const StatusQuery&) {}
  void operator()(const Bye&) {}
  void operator()(const Shutdown&) {}
  void operator()(const ErrorMessage& error) {
    writer.text("code", name_of(error.code));
    writer.text("message", error.message);
    writer.text_if_any("id", error.id);
    if (error.frame != 0) writer.number("frame", error.frame);
  }
};

const char* type_of(const Hello&) { return "hello"; }
const char* type_of(const HelloAck&) { return "hello_ack"; }
const char* type_of(const SourceStatus&) { return "source_status"; }
const char* type_of(const PreShutdownCheck&) { return "pre_shutdown_check"; }
const char* type_of(const PreShutdownAck&) { return "pre_shutdown_ack"; }
const char* type_of(const StatusQuery&) { return "status_query"; }
const char* type_of(const Bye&) { return "bye"; }
const char* type_of(const Shutdown&) { return "shutdown"; }
const char* type_of(const ErrorMessage&) { return "error"; }

std::string encode_one(const Event& event) { return encode_event(event, true); }
std::string encode_one(const StatusResponse& response) { return encode_status_response(response); }
template <class T>
std::string encode_one(const T& message) {
  std::string out;
  ObjectWriter writer(out);
  writer.text("type", type_of(message));
  MemberWriter{writer}(message);
  writer.end();
  out += '\n';
  return out;
}

}  // namespace

Decoded decode(std::string_view line) {
  FrameScanner scanner;
  EventLine event;
  switch (scanner.scan(line, event)) {
    case FrameKind::event:
      return to_event(event);
    case FrameKind::fault:
      return scanner.fault();
    case FrameKind::other:
      break;
  }
  return decode(scanner.frame());
}

Decoded decode(const Frame& frame) { return decode_other(frame); }

std::string encode(const Message& message) {
  return std::visit([](const auto& one) { return encode_one(one); }, message);
}

std::string encode_publish(const Event& event) { return encode_event(event, false); }

}  // namespace bus
