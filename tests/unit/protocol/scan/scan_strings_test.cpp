// Strings and their escapes, at every place relative to the border of two blocks.
#include "tests/support/catch.h"
#include "tests/unit/protocol/scan/places.h"

using namespace bus::test;

namespace {

void check_all(const std::vector<std::string>& parts, bool valid) {
  for (const std::string& part : parts) CHECK(complaint_anywhere(kStringPlaces, part, valid) == "");
}

}  // namespace

TEST_CASE("Every escape of JSON is accepted wherever a block ends in it") {
  check_all({R"(\")", R"(\\)", R"(\/)", R"(\b)", R"(\f)", R"(\n)", R"(\r)", R"(\t)", R"(\u0000)", R"(\u12aF)",
             R"(\uFFFF)", R"(\ud83d\ude00)", R"(\"\"\")", R"(a\\\"b\\)", R"(\u005c\u0022)"},
            true);
}

TEST_CASE("Half of a surrogate pair as an escape is accepted: what it means is not the scanner's") {
  check_all({R"(\ud800)", R"(\udc00)", R"(\ude00\ud83d)", R"(\ud800\n)", R"(\uD83Dx)"}, true);
}

TEST_CASE("No byte but those of JSON's escapes may follow a backslash") {
  const std::string allowed = R"("\/bfnrtu)";
  for (int c = 0; c < 256; ++c) {
    if (allowed.find(static_cast<char>(c)) != std::string::npos) continue;
    std::string part = std::string("\\") + static_cast<char>(c) + "0000";
    CHECK(complaint_anywhere({kStringPlaces[0]}, part, false) == "");
  }
}

TEST_CASE("\\u takes four hexadecimal digits, wherever a block ends among them") {
  check_all({R"(\u)", R"(\u1)", R"(\u12)", R"(\u123)", R"(\u123g)", R"(\u12g4)", R"(\u1g34)", R"(\ug234)",
             R"(\u123\u1234)", R"(\U1234)", R"(\u 123)", R"(\u+123)", R"(\u12"4)"},
            false);
  Panel panel;
  const std::string hex = "0123456789abcdefABCDEF";
  for (size_t place = 2; place < 6; ++place) {
    for (int c = 0; c < 256; ++c) {
      std::string part = R"(\u0000)";
      part[place] = static_cast<char>(c);
      bool valid = hex.find(static_cast<char>(c)) != std::string::npos;
      CHECK(panel.complaint(placed(kStringPlaces[0], 57 - place, part), valid) == "");
      CHECK(panel.complaint(placed(kStringPlaces[0], 58 - place, part), valid) == "");
    }
  }
}

TEST_CASE("In a run of backslashes every second one is escaped, over any number of blocks") {
  for (size_t count : std::initializer_list<size_t>{1, 2, 3, 4, 63, 64, 65, 128, 131}) {
    std::string run(count, '\\');
    bool even = count % 2 == 0;
    check_all({run + "n", run + (even ? "" : "\\")}, true);
    CHECK(complaint_anywhere({kStringPlaces[0]}, run, even) == "");
    CHECK(complaint_anywhere({kStringPlaces[0]}, run + "\"", !even) == "");
    CHECK(complaint_anywhere({kStringPlaces[0]}, run + "x", even) == "");
  }
}

TEST_CASE("A control character stands in no string, and only white space outside of them") {
  for (int c = 0; c < 0x20; ++c) {
    std::string part(1, static_cast<char>(c));
    CHECK(complaint_anywhere(kStringPlaces, part, false) == "");
    bool space = c == '\t' || c == '\n' || c == '\r';
    CHECK(complaint_anywhere(kValuePlaces, part + "0", space) == "");
    CHECK(complaint_anywhere(kValuePlaces, "0" + part, space) == "");
  }
  check_all({"\x7F"}, true);
}

TEST_CASE("Every ASCII character from the space on is text in a string, but the quote and the backslash") {
  for (int c = 0x20; c < 0x80; ++c) {
    if (c == '"' || c == '\\') continue;
    CHECK(complaint_anywhere({kStringPlaces[0]}, std::string(1, static_cast<char>(c)), true) == "");
  }
  check_all({"{}[]:,", "true", "-1.5e5", "'", "//", "/* */", R"({\"a\":[1,2]})"}, true);
  check_all({"\"", "a\"b", "\"\"", "\",", "\":\""}, false);
}

TEST_CASE("A string may fill several blocks, as a value and as a name") {
  for (size_t size :
       std::initializer_list<size_t>{0, 1, 2, 31, 62, 63, 64, 65, 66, 127, 128, 129, 130, 192, 200}) {
    std::string text(size, 's');
    CHECK(complaint_anywhere({kValuePlaces[0], kValuePlaces[3]}, "\"" + text + "\"", true) == "");
    CHECK(complaint_anywhere({kValuePlaces[0]}, R"({")" + text + R"(": {")" + text + R"(":0}})", true) == "");
    CHECK(complaint_anywhere({kValuePlaces[0]}, "\"" + text, false) == "");
  }
}
