#include "tests/bench/dbus_wire.h"

#include "tests/bench/dbus_message.h"
#include "tests/bench/frame_cutter.h"

namespace bus::bench::dbus {

namespace {

constexpr std::string_view kBusName = "org.freedesktop.DBus";
constexpr std::string_view kBusPath = "/org/freedesktop/DBus";

std::string bus_call_with(uint32_t serial, std::string_view member, const std::string_view* argument) {
  std::string out;
  Writer message(out, kMethodCall, 0, serial);
  message.field(kPathField, 'o', kBusPath);
  message.field(kInterfaceField, 's', kBusName);
  message.field(kMemberField, 's', member);
  message.field(kDestinationField, 's', kBusName);
  if (argument != nullptr) message.signature("s");
  message.end_fields();
  if (argument != nullptr) message.text(*argument);
  message.end();
  return out;
}

bool is_name_byte(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

class SignalParser final : public Parser {
 public:
  bool take(std::string_view bytes, MessageSink& sink) override {
    return cutter_.take(bytes, needed_bytes, [&sink](std::string_view message) {
      if (message[1] == kSignal) sink.message(text_in(message));
      return true;
    });
  }

 private:
  FrameCutter cutter_;
};

}  // namespace

size_t needed_bytes(std::string_view bytes) {
  if (!bytes.empty() && bytes[0] != kLittleEndian) return 0;
  if (bytes.size() < kFixedHeadBytes) return kFixedHeadBytes;
  size_t fields_bytes = number_at(bytes, kFieldsBytesAt);
  return kFixedHeadBytes + aligned(fields_bytes, 8) + number_at(bytes, kBodyBytesAt);
}

std::string bus_call(uint32_t serial, std::string_view member) {
  return bus_call_with(serial, member, nullptr);
}

std::string bus_call(uint32_t serial, std::string_view member, std::string_view argument) {
  return bus_call_with(serial, member, &argument);
}

std::string request_name(uint32_t serial, std::string_view name) {
  std::string out;
  Writer message(out, kMethodCall, 0, serial);
  message.field(kPathField, 'o', kBusPath);
  message.field(kInterfaceField, 's', kBusName);
  message.field(kMemberField, 's', "RequestName");
  message.field(kDestinationField, 's', kBusName);
  message.signature("su");
  message.end_fields();
  message.text(name);
  message.number_argument(0);
  message.end();
  return out;
}

std::string interface_of(std::string_view topic) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string name = "bench.T";
  for (char c : topic) {
    if (is_name_byte(c)) {
      name += c;
    } else {
      name += '_';
      name += kDigits[static_cast<uint8_t>(c) >> 4];
      name += kDigits[static_cast<uint8_t>(c) & 15];
    }
  }
  return name;
}

std::string match_rule(std::string_view topic) {
  return "type='signal',interface='" + interface_of(topic) + "'";
}

void append_signal(std::string& out, uint32_t serial, std::string_view topic, std::string_view text) {
  Writer message(out, kSignal, kNoReplyExpected, serial);
  message.field(kPathField, 'o', "/bench");
  message.field(kInterfaceField, 's', interface_of(topic));
  message.field(kMemberField, 's', "Event");
  message.signature("s");
  message.end_fields();
  message.text(text);
  message.end();
}

Answer answer_in(std::string_view message) {
  if (message[1] == kMethodReturn) return Answer::success;
  if (message[1] == kError) return Answer::error;
  return Answer::none;
}

std::string_view text_in(std::string_view message) {
  size_t body_bytes = number_at(message, kBodyBytesAt);
  std::string_view body = message.substr(message.size() - body_bytes);
  if (body.size() < 4 || number_at(body, 0) > body.size() - 4) return {};
  return body.substr(4, number_at(body, 0));
}

std::unique_ptr<Parser> make_parser() { return std::make_unique<SignalParser>(); }

}  // namespace bus::bench::dbus
