#include "protocol/base/strings.h"

#include "tests/support/catch.h"

using namespace bus;

TEST_CASE("A number is decimal digits and nothing else") {
  CHECK(parse_u64("0") == 0);
  CHECK(parse_u64("007") == 7);
  CHECK(parse_u64("18446744073709551615") == UINT64_MAX);
  for (const char* text : {"", "18446744073709551616", "-1", "+1", " 1", "1 ", "1.0", "1e2", "0x1", "x"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_u64(text));
  }
}

TEST_CASE("A duration is a whole number with its unit") {
  CHECK(*parse_duration("500ms") == milliseconds(500));
  CHECK(*parse_duration("2s") == seconds(2));
  CHECK(*parse_duration("10m") == seconds(600));
  CHECK(*parse_duration("1h") == seconds(3600));
  CHECK(*parse_duration("0s") == seconds(0));
  for (const char* text :
       {"", "5", "s", "ms", "-1s", "+1s", "1.5s", "1 s", "1S", "1d", "99999999999999999999s"}) {
    CAPTURE(text);
    auto result = parse_duration(text);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Errc::invalid);
  }
}

TEST_CASE("A duration of a year is accepted, a longer one refused") {
  CHECK(parse_duration("8784h"));
  auto longer = parse_duration("8785h");
  REQUIRE_FALSE(longer);
  CHECK(longer.error().what == "duration \"8785h\" is longer than a year");
}

TEST_CASE("A formatted duration reads back") {
  CHECK(format_duration(seconds(0)) == "0s");
  CHECK(format_duration(seconds(90)) == "90s");
  CHECK(format_duration(milliseconds(1500)) == "1500ms");
  CHECK(format_duration(seconds(600)) == "10m");
  CHECK(format_duration(seconds(7200)) == "120m");
  for (int ms : {1, 999, 1000, 59'999, 60'000, 61'000, 3'600'000, 86'400'001}) {
    CHECK(*parse_duration(format_duration(milliseconds(ms))) == milliseconds(ms));
  }
}

TEST_CASE("UTF-8 is judged by RFC 3629") {
  for (const char* text :
       {"", "a", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "a\xC3\xA9z"}) {
    CAPTURE(text);
    CHECK(is_utf8(text));
  }
  for (const char* text : {"\x80", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x20", "\xE0\x9F\xBF", "\xE0\xA0",
                           "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF0\x90\x80",
                           "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "ab\xFE"}) {
    CAPTURE(text);
    CHECK_FALSE(is_utf8(text));
  }
  CHECK(utf8_sequence_bytes("a") == 1);
  CHECK(utf8_sequence_bytes("\xC3\xA9z") == 2);
  CHECK(utf8_sequence_bytes("\xE2\x82\xACz") == 3);
  CHECK(utf8_sequence_bytes("\xF0\x9F\x98\x80z") == 4);
  CHECK(utf8_sequence_bytes("\xA9") == 0);
}

TEST_CASE("Quoted text stays on one line and cannot close its quotes") {
  CHECK(printable("") == "\"\"");
  CHECK(printable("plain text") == "\"plain text\"");
  CHECK(printable("a\"b\\c") == R"("a\"b\\c")");
  CHECK(printable("a\nb\r\t\x1b[31m\x7F") == R"("a\nb\x0d\x09\x1b[31m\x7f")");
  CHECK(printable(std::string("\0", 1)) == R"("\x00")");
  CHECK(printable("\xC3\xA9\xFF") == "\"\xC3\xA9\\xff\"");
  CHECK(printable("\xC2\x9B"
                  "31m") == R"("\xc2\x9b31m")");
  // A line separator, and marks that turn the direction of text: first, last, and what stands beside them.
  CHECK(printable("a\u2028b") == R"("a\xe2\x80\xa8b")");
  CHECK(printable("\u202E") == R"("\xe2\x80\xae")");
  CHECK(printable("\u2066\u2069") == R"("\xe2\x81\xa6\xe2\x81\xa9")");
  CHECK(printable("\u200E\u200F\u061C") == R"("\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c")");
  CHECK(printable("\u200D\u2027\u202F\u2065\u206A") == "\"\u200D\u2027\u202F\u2065\u206A\"");
}

TEST_CASE("Quoted text is cut at its limit, and not below it") {
  CHECK(printable(std::string(10, 'x'), 10) == "\"xxxxxxxxxx\"");
  CHECK(printable(std::string(11, 'x'), 10) == "\"xxxxxxxxxx…\"");
  CHECK(printable(std::string(100'000, '\n'), 10).size() < 20);
}

TEST_CASE("Sizes are read with their units and printed in the largest that is exact") {
  CHECK(*parse_size("8MiB") == 8388608);
  CHECK(*parse_size("8388608") == 8388608);
  CHECK(*parse_size("3GiB") == size_t{3} << 30U);
  CHECK(format_size(8388608) == "8MiB");
  CHECK(format_size(1114112) == "1088KiB");
  CHECK(format_size(1114113) == "1114113");
  for (const char* wrong : {"", "MiB", "8 MiB", "8mib", "-1", "1.5MiB", "0x10", "17179869184GiB"})
    CHECK_FALSE(parse_size(wrong));
}
