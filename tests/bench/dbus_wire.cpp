#include "tests/bench/dbus_wire.h"

#include "tests/bench/frame_cutter.h"

namespace bus::bench::dbus {

namespace {

constexpr char kLittleEndian = 'l';
constexpr char kProtocolVersion = 1;

// Message types and header fields (Spec, "Header Fields").
constexpr char kMethodCall = 1;
constexpr char kMethodReturn = 2;
constexpr char kError = 3;
constexpr char kSignal = 4;
constexpr char kNoReplyExpected = 1;
constexpr char kPathField = 1;
constexpr char kInterfaceField = 2;
constexpr char kMemberField = 3;
constexpr char kDestinationField = 6;
constexpr char kSignatureField = 8;

constexpr size_t kBodyBytesAt = 4;
constexpr size_t kFieldsBytesAt = 12;
constexpr size_t kFixedHeadBytes = 16;  // up to the first header field

constexpr size_t aligned(size_t offset, size_t unit) { return (offset + unit - 1) / unit * unit; }

uint32_t number_at(std::string_view bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = 4; i-- > 0;) number = number << 8 | static_cast<uint8_t>(bytes[at + i]);
  return number;
}

// Appends one message; offsets, and with them the padding, count from its first byte.
class Writer {
 public:
  Writer(std::string& out, char type, char flags, uint32_t serial) : out_(out), start_(out.size()) {
    out_ += kLittleEndian;
    out_ += type;
    out_ += flags;
    out_ += kProtocolVersion;
    number(0);
    number(serial);
    number(0);
  }

  // A header field that holds a string ('s') or an object path ('o').
  void field(char code, char type, std::string_view value) {
    begin_field(code, type);
    text(value);
  }

  // What the arguments are.
  void signature(std::string_view types) {
    begin_field(kSignatureField, 'g');
    out_ += static_cast<char>(types.size());
    out_ += types;
    out_ += '\0';
  }

  void end_fields() {
    set_number(kFieldsBytesAt, offset() - kFixedHeadBytes);
    align(8);
    body_at_ = offset();
  }

  void text(std::string_view value) {
    align(4);
    number(value.size());
    out_ += value;
    out_ += '\0';
  }

  void end() { set_number(kBodyBytesAt, offset() - body_at_); }

 private:
  size_t offset() const { return out_.size() - start_; }
  void align(size_t unit) { out_.append(aligned(offset(), unit) - offset(), '\0'); }

  void begin_field(char code, char type) {
    align(8);
    out_ += code;
    out_ += '\x01';
    out_ += type;
    out_ += '\0';
  }

  void number(size_t value) {
    for (int shift = 0; shift < 32; shift += 8) out_ += static_cast<char>(value >> shift);
  }

  void set_number(size_t at, size_t value) {
    for (size_t i = 0; i < 4; ++i) out_[start_ + at + i] = static_cast<char>(value >> (8 * i));
  }

  std::string& out_;
  size_t start_;
  size_t body_at_ = 0;
};

std::string bus_call_with(uint32_t serial, std::string_view member, const std::string_view* argument) {
  std::string out;
  Writer message(out, kMethodCall, 0, serial);
  message.field(kPathField, 'o', "/org/freedesktop/DBus");
  message.field(kInterfaceField, 's', "org.freedesktop.DBus");
  message.field(kMemberField, 's', member);
  message.field(kDestinationField, 's', "org.freedesktop.DBus");
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
