// Literals and numbers, at every place relative to the border of two blocks.
#include "tests/support/catch.h"
#include "tests/unit/protocol/scan/places.h"

using namespace bus::test;

namespace {

void check_all(const std::vector<std::string>& parts, bool valid) {
  for (const std::string& part : parts) CHECK(complaint_anywhere(kValuePlaces, part, valid) == "");
}

// RFC 8259, section 6, as a table: what each state becomes behind a sign, a dot, a zero, another digit, an e.
bool is_number(std::string_view text) {
  constexpr std::string_view kKinds = "+-.01e";
  constexpr std::string_view kEnds = "ZWFX";
  struct Row {
    char state;
    std::string_view next;  // in the order of kKinds; a space is an error
  };
  constexpr Row kRows[] = {{'S', " M ZW "}, {'M', "   ZW "}, {'Z', "  P  E"},
                           {'W', "  PWWE"}, {'P', "   FF "}, {'F', "   FFE"},
                           {'E', "NN XX "}, {'N', "   XX "}, {'X', "   XX "}};
  char state = 'S';
  for (char c : text) {
    for (const Row& row : kRows) {
      if (row.state != state) continue;
      state = row.next[kKinds.find(c)];
      break;
    }
    if (state == ' ') return false;
  }
  return kEnds.find(state) != std::string_view::npos;
}

}  // namespace

TEST_CASE("Literals are accepted wherever a block ends in them") {
  check_all({"true", "false", "null", "[true,false,null,true,false,null]", "{\"t\":true,\"f\":false}"}, true);
}

TEST_CASE("What only resembles a literal is refused wherever a block ends in it") {
  check_all({"t",        "tru",       "truE",  "True",   "TRUE",     "truee",     "truee5", "nulle+1",
             "false0",   "false.0",   "true1", "true.5", "true-1",   "truetrue",  "f",      "fals",
             "falsE",    "falsee",    "fald",  "nul",    "nulL",     "nulll",     "Null",   "nullnull",
             "none",     "undefined", "NaN",   "-true",  "Infinity", "-Infinity", "1true",  "tr ue",
             "t\"rue\"", "trueX",     "xtrue", "true\\", "@",        "\x7F",      "'true'", "\xC3\xA9"},
            false);
}

TEST_CASE("Numbers are accepted wherever a block ends in them") {
  check_all({"0",
             "-0",
             "7",
             "-7",
             "10",
             "1234567890",
             "0.5",
             "-0.25",
             "0.0",
             "10.01",
             "1e5",
             "1E5",
             "1e+5",
             "1E-5",
             "0e0",
             "-0E-0",
             "12.75e+10",
             "-12.75E-10",
             "1e05",
             "0.00",
             "18446744073709551616",
             "1e400",
             "-0.00000000001e-2147483639",
             "[0,-0,1.5,2e3,-4.5E-6]"},
            true);
}

TEST_CASE("Numbers may be longer than blocks in each of their parts") {
  std::string many(70, '1');
  std::string more(140, '0');
  check_all({many, "-" + many, "1" + more, "0." + more, many + "." + many, "1e" + more, "1E+" + many,
             "-" + many + "." + more + "e-" + many},
            true);
  check_all({"0" + many, "-0" + more, many + ".", many + ".e1", "1." + more + ".1", many + "e",
             many + "e" + many + "e1", many + "-" + many, many + "x" + many, "1e+" + many + "+",
             many + "." + more + "e-" + many + "." + many},
            false);
}

TEST_CASE("What is no number is refused wherever a block ends in it") {
  check_all(
      {"-",    "+1",    "--1",      "-+1",   "00",    "01",  "-01",  "-00",   "1.",          ".5",    "-.5",
       "1..5", "1.5.5", "1.e5",     "1e",    "1E",    "1e+", "1e-",  "1e++5", "1e5e5",       "1e5.5", "1e5-5",
       "e5",   "1-",    "1+1",      "1-1",   "- 1",   "1 1", "1 .5", "1. 5",  "1e 5",        "0x1",   "1f",
       "1_0",  "1,.5",  "1\\u0030", "1\"\"", "\"\"1", "1[",  "[]1",  "1{}",   "\xEF\xBC\x91"},
      false);
}

TEST_CASE("Every text of a few characters of numbers is judged by the table of RFC 8259") {
  constexpr std::string_view kKinds = "+-.01e";
  constexpr size_t kMost = kSlowBuild ? 5 : 6;
  Panel panel;
  std::string first_complaint;
  std::vector<std::string> texts = {""};
  for (size_t at = 0; at < texts.size() && first_complaint.empty(); ++at) {
    if (texts[at].size() < kMost) {
      for (char c : kKinds) texts.push_back(texts[at] + c);
    }
    // The text's middle is where the block ends.
    std::string line = placed(kValuePlaces[0], 59 - texts[at].size() / 2, texts[at]);
    first_complaint = panel.complaint(line, is_number(texts[at]));
  }
  CHECK(first_complaint == "");
}
