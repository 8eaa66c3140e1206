#include "tests/bench/dbus_calls.h"

#include <array>

#include "protocol/base/strings.h"
#include "tests/bench/dbus_message.h"
#include "tests/bench/dbus_wire.h"
#include "tests/bench/frame_cutter.h"
#include "tests/bench/frame_reader.h"
#include "tests/bench/wire.h"

namespace bus::bench::dbus {

namespace {

constexpr size_t kSerialBytes = 4;

std::string name_of(size_t provider) { return "bench.P" + std::to_string(provider); }

// Serials are 32 bits and never 0.
uint32_t serial_of(uint64_t number) { return static_cast<uint32_t>(number % UINT32_MAX) + 1; }

struct Head {
  uint32_t reply_serial = 0;
  std::string_view sender;
};

// Walks over the header fields of a whole message (Spec, "Header Fields").
Head head_of(std::string_view message) {
  Head head;
  size_t end = kFixedHeadBytes + number_at(message, kFieldsBytesAt);
  for (size_t at = kFixedHeadBytes; at + kSerialBytes < end;) {
    char code = message[at];
    char type = message[at + 2];
    at += 4;
    if (type == 'u') {
      if (code == kReplySerialField) head.reply_serial = number_at(message, at);
      at += kSerialBytes;
    } else if (type == 'g') {
      at += static_cast<uint8_t>(message[at]) + size_t{2};
    } else {
      size_t bytes = number_at(message, at);
      if (code == kSenderField) head.sender = message.substr(at + kSerialBytes, bytes);
      at += kSerialBytes + bytes + 1;
    }
    at = aligned(at, 8);
  }
  return head;
}

class Parser final : public CallParser {
 public:
  bool take(std::string_view bytes, CallSink& sink) override {
    return cutter_.take(bytes, needed_bytes,
                        [&sink](std::string_view message) { return take_message(message, sink); });
  }

 private:
  static bool take_message(std::string_view message, CallSink& sink) {
    if (message[1] == kError) return false;
    if (message[1] == kSignal) return true;
    Head head = head_of(message);
    if (message[1] == kMethodReturn) {
      sink.reply(head.reply_serial - 1, text_in(message));
      return true;
    }
    std::string reply_to(message.substr(kSerialAt, kSerialBytes));
    sink.request(reply_to.append(head.sender), text_in(message));
    return true;
  }

  FrameCutter cutter_;
};

}  // namespace

Result<void> call_bus(int fd, std::string_view message) {
  BUSD_TRY(send_all(fd, message));
  for (;;) {
    BUSD_ASSIGN(std::string answer, read_frame(fd, needed_bytes));
    switch (answer_in(answer)) {
      case Answer::success:
        return {};
      case Answer::error:
        return Error{Errc::protocol, "dbus-daemon answers " + printable(text_in(answer))};
      case Answer::none:
        break;
    }
  }
}

// The bus also tells a new owner of a name by a signal, which the parser passes over.
Result<void> Calls::become_provider(int fd, size_t provider, size_t /*slots*/) {
  return call_bus(fd, request_name(2, name_of(provider)));
}

Result<void> Calls::become_caller(int /*fd*/, size_t /*caller*/) { return {}; }

void Calls::append_request(std::string& out, size_t /*caller*/, uint64_t number, size_t provider,
                           std::string_view args) {
  Writer message(out, kMethodCall, 0, serial_of(number));
  message.field(kPathField, 'o', "/bench");
  message.field(kInterfaceField, 's', "bench.Tasks");
  message.field(kMemberField, 's', "Echo");
  message.field(kDestinationField, 's', name_of(provider));
  message.signature("s");
  message.end_fields();
  message.text(args);
  message.end();
}

void Calls::append_reply(std::string& out, std::string_view reply_to, uint64_t serial,
                         std::string_view result) {
  Writer message(out, kMethodReturn, kNoReplyExpected, serial_of(serial));
  message.reply_serial(number_at(reply_to, 0));
  message.field(kDestinationField, 's', reply_to.substr(kSerialBytes));
  message.signature("s");
  message.end_fields();
  message.text(result);
  message.end();
}

std::unique_ptr<CallParser> Calls::make_call_parser() { return std::make_unique<Parser>(); }

}  // namespace bus::bench::dbus
