#include "protocol/json_text.h"

#include "protocol/base/strings.h"
#include "protocol/raw_json.h"
#include "tests/support/catch.h"

using bus::append_json_string;
using bus::decode_json_string;

namespace {

std::string token_of(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace

TEST_CASE("Every escape decodes to what it stands for") {
  CHECK(decode_json_string(R"("")") == "");
  CHECK(decode_json_string(R"("plain")") == "plain");
  CHECK(decode_json_string(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
  CHECK(decode_json_string(R"("\u0041\u00e9\u20AC")") == "A\xC3\xA9\xE2\x82\xAC");
  CHECK(decode_json_string(R"("x\ud83d\ude00y")") == "x\xF0\x9F\x98\x80y");
  CHECK(decode_json_string(R"("\u0000")") == std::string(1, '\0'));
}

TEST_CASE("Half of a surrogate pair becomes U+FFFD, and is told") {
  for (const char* token : {R"("a\ud83db")", R"("a\ude00b")", R"("a\ud83d\u0041b")", R"("a\ud83d\ud83db")"}) {
    CAPTURE(token);
    std::string out;
    CHECK_FALSE(bus::append_decoded(out, token));
    CHECK(bus::is_utf8(out));
    CHECK(out.starts_with("a\xEF\xBF\xBD"));
  }
  CHECK(decode_json_string(R"("\ud83d\ud83d\ude00")") == "\xEF\xBF\xBD\xF0\x9F\x98\x80");
  std::string out;
  CHECK(bus::append_decoded(out, R"("\ud83d\ude00")"));
}

TEST_CASE("Text becomes the shortest token, and control characters are escaped") {
  CHECK(token_of("") == R"("")");
  CHECK(token_of("a/b") == R"("a/b")");
  CHECK(token_of("\"\\\b\f\n\r\t") == R"("\"\\\b\f\n\r\t")");
  CHECK(token_of(std::string("\0\x01\x1f", 3)) == R"("\u0000\u0001\u001f")");
  CHECK(token_of("\x7F\xC3\xA9") == "\"\x7F\xC3\xA9\"");
}

TEST_CASE("Bytes that are not UTF-8 become U+FFFD each") {
  CHECK(token_of("a\xFF\xC3z") == "\"a\xEF\xBF\xBD\xEF\xBF\xBDz\"");
}

TEST_CASE("Every text of one and of two bytes is written as JSON that reads back") {
  bus::RawJson json;
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; second += first < 128 ? 1 : 3) {
      std::string text = {static_cast<char>(first), static_cast<char>(second)};
      std::string token = token_of(text);
      if (json.scan(token)) FAIL("not JSON: " << token);
      if (bus::is_utf8(text) && decode_json_string(token) != text) FAIL("does not read back: " << token);
    }
  }
  SUCCEED();
}

TEST_CASE("Names are compared decoded") {
  CHECK(bus::token_is(R"("type")", "type"));
  CHECK(bus::token_is(R"("\u0074ype")", "type"));
  CHECK_FALSE(bus::token_is(R"("types")", "type"));
  CHECK_FALSE(bus::token_is(R"("\u0074ypes")", "type"));
}
