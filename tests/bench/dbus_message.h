// Messages of D-Bus byte by byte: the constants of the head, and a writer. For dbus_wire.h and dbus_calls.h.
//
// Little-endian only. "Spec" is the D-Bus Specification 0.41.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bus::bench::dbus {

inline constexpr char kLittleEndian = 'l';
inline constexpr char kProtocolVersion = 1;

// Message types and header fields (Spec, "Header Fields").
inline constexpr char kMethodCall = 1;
inline constexpr char kMethodReturn = 2;
inline constexpr char kError = 3;
inline constexpr char kSignal = 4;
inline constexpr char kNoReplyExpected = 1;
inline constexpr char kPathField = 1;
inline constexpr char kInterfaceField = 2;
inline constexpr char kMemberField = 3;
inline constexpr char kReplySerialField = 5;
inline constexpr char kDestinationField = 6;
inline constexpr char kSenderField = 7;
inline constexpr char kSignatureField = 8;

inline constexpr size_t kBodyBytesAt = 4;
inline constexpr size_t kSerialAt = 8;
inline constexpr size_t kFieldsBytesAt = 12;
inline constexpr size_t kFixedHeadBytes = 16;  // up to the first header field

constexpr size_t aligned(size_t offset, size_t unit) { return (offset + unit - 1) / unit * unit; }

inline uint32_t number_at(std::string_view bytes, size_t at) {
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

  // The serial of the call that this message answers.
  void reply_serial(uint32_t serial) {
    begin_field(kReplySerialField, 'u');
    number(serial);
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

  void number_argument(uint32_t value) {
    align(4);
    number(value);
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

}  // namespace bus::bench::dbus
