// Any line: decoding never crashes, and agrees with the scanner of event lines and with a second opinion on
// JSON; what decodes is encoded, and decodes to the same.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/check.h"
#include "protocol/frame.h"
#include "protocol/limits.h"
#include "tests/fuzz/json_oracle.h"
#include "tests/support/messages.h"

namespace {

using namespace bus;
using namespace bus::test;

Message decoded(const std::string& line_with_end) {
  BUSD_CHECK(line_with_end.ends_with('\n') && line_with_end.find('\n') == line_with_end.size() - 1);
  Decoded result = decode(std::string_view(line_with_end).substr(0, line_with_end.size() - 1));
  BUSD_CHECK(std::holds_alternative<Message>(result));
  return std::get<Message>(result);
}

// A second opinion on names that other libraries take for those of the wire (PROTOCOL.md 2): spelled out, and
// without the code under test.
bool is_own_name_in_other_letters(const std::string& name) {
  static const std::vector<std::string> kOwn = {"type",        "event_type", "event_id",
                                                "source_time", "seq",        "payload"};
  std::string folded;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name.compare(i, 2, "\u017F") == 0) {
      folded += 's';
      i += 1;
    } else if (name.compare(i, 3, "\u212A") == 0) {
      folded += 'k';
      i += 2;
    } else {
      folded += name[i] >= 'A' && name[i] <= 'Z' ? static_cast<char>(name[i] + 32) : name[i];
    }
  }
  return std::find(kOwn.begin(), kOwn.end(), folded) != kOwn.end();
}

void check_inside(std::string_view line, std::string_view token) {
  BUSD_CHECK(token.data() >= line.data() && token.data() + token.size() <= line.data() + line.size());
  BUSD_CHECK(!json_fault(token));
}

void check_tokens(std::string_view line, const EventLine& event) {
  check_inside(line, event.event_type_token);
  if (!event.event_id_token.empty()) check_inside(line, event.event_id_token);
  if (!event.source_time_token.empty()) check_inside(line, event.source_time_token);
  if (event.payload_token != "null") check_inside(line, event.payload_token);
  BUSD_CHECK(!identifier_fault("event_type", event.event_type));
  for (const Member& member : event.others) {
    check_inside(line, member.name_token);
    check_inside(line, member.value_token);
  }
}

void check_agreement(std::string_view line, const Decoded& result) {
  static constexpr const char* kEarlierLine =
      R"({"type":"event","event_type":"x","event_id":"\u0061","o":[1]})";
  FrameScanner scanner;
  EventLine event;
  BUSD_CHECK(scanner.scan(kEarlierLine, event) == FrameKind::event);
  const auto* message = std::get_if<Message>(&result);
  switch (scanner.scan(line, event)) {
    case FrameKind::event:
      BUSD_CHECK(message != nullptr && std::holds_alternative<Event>(*message));
      check_tokens(line, event);
      return;
    case FrameKind::fault:
      BUSD_CHECK(message == nullptr);
      BUSD_CHECK(std::get<Fault>(result).code == scanner.fault().code &&
                 std::get<Fault>(result).message == scanner.fault().message);
      return;
    case FrameKind::other:
      BUSD_CHECK(message == nullptr || !std::holds_alternative<Event>(*message));
      return;
  }
}

void check_round_trip(const Message& message) {
  if (const auto* event = std::get_if<Event>(&message)) {
    for (const auto& [name, value] : event->others) BUSD_CHECK(!is_own_name_in_other_letters(name));
  }
  Message once = decoded(encode(message));
  if (std::holds_alternative<StatusResponse>(message)) {
    // What has one spelling less on the wire (a kernel pid equal to the pid, an age below zero) settles in
    // one round.
    BUSD_CHECK(decoded(encode(once)) == once);
  } else {
    BUSD_CHECK(once == message);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  // In memory of its own size, so that a read past its end is seen.
  std::vector<char> exact(input.begin(),
                          input.begin() + static_cast<ptrdiff_t>(std::min(input.find('\n'), input.size())));
  std::string_view line(exact.data(), exact.size());

  Decoded result = decode(line);
  const auto* fault = std::get_if<Fault>(&result);
  bool is_json = fault == nullptr || fault->code != ErrorCode::bad_json;
  BUSD_CHECK(is_json == fuzz::JsonOracle::accepts(line, kMaxDepth));
  check_agreement(line, result);
  if (fault != nullptr) {
    BUSD_CHECK(!fault->message.empty() && fault->message.size() < 400);
  } else {
    check_round_trip(std::get<Message>(result));
  }
  return 0;
}
