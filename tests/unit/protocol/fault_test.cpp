#include "protocol/fault.h"

#include "protocol/limits.h"
#include "protocol/messages/source_status.h"
#include "tests/support/catch.h"

using bus::ErrorCode;
using bus::identifier_fault;
using bus::SourceState;

TEST_CASE("Names of error codes read back, and unknown ones are unknown") {
  for (int i = 0; i < static_cast<int>(ErrorCode::unknown); ++i) {
    auto code = static_cast<ErrorCode>(i);
    CAPTURE(bus::name_of(code));
    CHECK(bus::error_code_of(bus::name_of(code)) == code);
  }
  CHECK(bus::error_code_of("no_such_code") == ErrorCode::unknown);
  CHECK(bus::error_code_of("") == ErrorCode::unknown);
  CHECK(std::string(bus::name_of(ErrorCode::frame_too_large)) == "frame_too_large");
  CHECK(std::string(bus::name_of(ErrorCode::unknown)) == "unknown");
}

TEST_CASE("Names of source states read back") {
  for (auto state : {SourceState::connecting, SourceState::connected, SourceState::disconnected,
                     SourceState::reconnecting}) {
    CHECK(bus::source_state_of(bus::name_of(state)) == state);
  }
  CHECK_FALSE(bus::source_state_of("gone"));
  CHECK_FALSE(bus::source_state_of("Connected"));
}

TEST_CASE("An identifier has 1 to 255 bytes") {
  CHECK_FALSE(identifier_fault("event_key", "k"));
  CHECK_FALSE(identifier_fault("event_key", std::string(bus::kMaxIdentifierBytes, 'k')));
  auto too_long = identifier_fault("event_key", std::string(bus::kMaxIdentifierBytes + 1, 'k'));
  REQUIRE(too_long);
  CHECK(*too_long == "event_key has 256 bytes; the limit is 255");
  auto empty = identifier_fault("event_key", "");
  REQUIRE(empty);
  CHECK(*empty == "event_key is empty; it must have 1 to 255 bytes");
}

TEST_CASE("An identifier counts bytes, not characters") {
  std::string text;
  for (int i = 0; i < 127; ++i) text += "\xC3\xA9";
  CHECK_FALSE(identifier_fault("source", text + "x"));
  CHECK(identifier_fault("source", text + "\xC3\xA9"));
}

TEST_CASE("An identifier holds no control character and is UTF-8") {
  for (int c = 0; c < 0x20; ++c) {
    CAPTURE(c);
    CHECK(identifier_fault("source", std::string(1, static_cast<char>(c))));
  }
  CHECK(identifier_fault("source", "a\x7F"));
  CHECK_FALSE(identifier_fault("source", " ~\"\\"));
  CHECK_FALSE(identifier_fault("source", "\xC2\x80"));
  CHECK(identifier_fault("source", "\xC3"));
  CHECK(identifier_fault("source", "\xED\xB0\x80"));
  CHECK(*identifier_fault("source", "\xFF") == "source is not UTF-8");
}
