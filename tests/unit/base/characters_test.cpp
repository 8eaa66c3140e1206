#include "protocol/base/characters.h"

#include "tests/support/catch.h"

using namespace bus;

TEST_CASE("Safe text lets nothing through that a terminal obeys") {
  CHECK(safe_text("plain äöü 日本 😀") == "plain äöü 日本 😀");
  CHECK(safe_text("\x1b[31m\r\n\t\x7f") == "\\x1b[31m\\x0d\\x0a\\x09\\x7f");
  CHECK(safe_text("\xc2\x9b") == "\\x9b");
  CHECK(safe_text("\xe2\x80\xae") == "\\u202e");
  CHECK(safe_text("\xff\xc0\x80\xed\xa0\x80") == "\\xff\\xc0\\x80\\xed\\xa0\\x80");
  CHECK(safe_text("cut \xe2\x82") == "cut \\xe2\\x82");
}
