// The order of tokens, at every place relative to the border of two blocks.
#include "tests/support/catch.h"
#include "tests/unit/protocol/scan/places.h"

using namespace bus::test;

namespace {

void check_all(const std::vector<std::string>& parts, bool valid) {
  for (const std::string& part : parts) CHECK(complaint_anywhere(kValuePlaces, part, valid) == "");
}

// Every text of up to `most` of `tokens`, as a value whose middle is where a block ends.
std::string complaint_about_all(const std::vector<std::string>& tokens, size_t most) {
  Panel panel;
  std::vector<std::string> texts = {""};
  size_t begin = 0;
  for (size_t count = 0; count <= most; ++count) {
    size_t end = texts.size();
    for (size_t at = begin; at < end; ++at) {
      std::string complaint = panel.complaint(placed(kValuePlaces[0], 59 - texts[at].size() / 2, texts[at]));
      if (!complaint.empty()) return complaint;
      for (const std::string& token : tokens) texts.push_back(texts[at] + token);
    }
    begin = end;
  }
  return {};
}

}  // namespace

TEST_CASE("Only an object with nothing around it is taken") {
  Panel panel;
  for (const char* text : {"{}", "{ }", R"({"a":1})", "{\t\r\n}"}) CHECK(panel.complaint(text, true) == "");
  for (const char* text : {"",    "{",    "}",    " ",   "[]",  "1",   "\"{}\"", "null",           " {}",
                           "{} ", "{}\n", "{}{}", "{}}", "{{}", "{}x", "x{}",    "\xEF\xBB\xBF{}", "][",
                           "}{",  "{}[]", "{]",   "[}"}) {
    CHECK(panel.complaint(text, false) == "");
  }
  CHECK(panel.complaint(std::string_view("{}\0", 3), false) == "");
  CHECK(panel.complaint(std::string_view("\0{}", 3), false) == "");
}

TEST_CASE("The object ends with the text, whatever place of a block that is") {
  Panel panel;
  for (size_t shift = 0; shift < kShifts; ++shift) {
    std::string text = "{" + std::string(shift, ' ') + "}";
    CHECK(panel.complaint(text, true) == "");
    for (const char* more : {" ", "}", "{}", "]", "x", "0", "\"", ",", ":"})
      CHECK(panel.complaint(text + more, false) == "");
    CHECK(panel.complaint(text + std::string(64, ' '), false) == "");
    CHECK(panel.complaint(text.substr(0, text.size() - 1), false) == "");
  }
}

TEST_CASE("Arrays and objects are accepted wherever a block ends in them") {
  check_all({"[]", "{}", "[[]]", "[{}]", R"({"a":{}})", R"({"a":[]})", "[[],[]]", "[{},{}]",
             R"([{"a":1},{"b":[2]}])", R"({"a":1,"b":"c","d":[],"e":{},"f":null})", R"({"":""})",
             R"({"a":1,"a":2})", R"(["a","b"])", R"({"a":"b","c":"d"})"},
            true);
}

TEST_CASE("White space may stand between any two tokens, over any number of blocks") {
  for (const std::string& space : {std::string(" "), std::string("\t\r\n"), std::string(63, ' '),
                                   std::string(64, '\n'), std::string(130, '\t')}) {
    std::string text;
    for (const char* token : {"{", R"("a")", ":", "[", "1", ",", R"("b")", ",", "true", ",", "{", "}", "]",
                              ",", R"("c")", ":", "null", "}"}) {
      text += space + token;
    }
    check_all({text}, true);
  }
}

TEST_CASE("Other white space is none") {
  check_all({"\v0", "0\f", "\b0", "0\x1F", std::string("0\0", 2), std::string("\x7F") + "0", "0\xC2\xA0"},
            false);
}

TEST_CASE("Misplaced commas are refused wherever a block ends among them") {
  check_all({",",
             ",1",
             "1,",
             "[,]",
             "[1,]",
             "[,1]",
             "[1,,2]",
             "{,}",
             R"({"a":1,})",
             R"({,"a":1})",
             R"({"a":1,,"b":2})",
             R"({"a",1})",
             R"({"a":,})",
             "[1 2]",
             "[[] []]",
             R"(["a" "b"])",
             R"({"a":1 "b":2})",
             R"({"a":"b" "c":1})",
             "[1,\n]",
             "[1 ,\t, 2]",
             "[{}{}]",
             "[true false]",
             "[1\"a\"]",
             "[\"a\"1]",
             "[[]1]",
             "[1[]]"},
            false);
}

TEST_CASE("Misplaced colons are refused wherever a block ends among them") {
  check_all({":",
             "1:",
             ":1",
             "[:]",
             R"(["a":1])",
             R"([1,"a":2])",
             R"({:1})",
             R"({"a"::1})",
             R"({"a":1:2})",
             R"({"a":"b":1})",
             R"({"a" "b":1})",
             R"({"a":"b","c"})",
             R"({"a"})",
             R"({"a" })",
             R"({"a":})",
             R"({"a": })",
             R"({"a",})",
             R"({"a"1})",
             R"({"a" : : 1})",
             R"({"a":[]:1})",
             R"({[]:1})",
             R"({{}:1})",
             R"(["a"  : 1])",
             R"([["a"]:1])",
             R"([{"a":1}:1])"},
            false);
}

TEST_CASE("A member's name is a string") {
  check_all({"{1:1}", "{true:1}", "{null:1}", "{a:1}", "{'a':1}", R"({"a":1,2:3})", R"({"a":1,null:3})",
             R"({"a":1,{}})", R"({"a":1,[]})", "{1}", "{[]}", "{{}}", "{ 1 : 1 }", R"({"a":1, b:3})"},
            false);
}

TEST_CASE("Brackets are closed by their own kind, wherever a block ends between them") {
  check_all({"[}", "{]", "[1}", R"({"a":1])", "[[]", "[]]", "{}}", "[{]}", "{[}]", R"({"a":[}])",
             R"([{"a":1]})", "]", "}", "[", "{", R"({"a":[1}])", R"([[{"a":[]}]}])"},
            false);
}

// Five; fewer with sanitizers, because each more takes eight times as long.
constexpr size_t kMostTokens = kSlowBuild ? 4 : 5;

TEST_CASE("Every text of a few tokens is judged as the oracle judges it") {
  CHECK(complaint_about_all({"{", "}", "[", "]", ":", ",", "\"a\"", "1"}, kMostTokens) == "");
}

TEST_CASE("Every text of a few parts that touch each other is judged as the oracle judges it") {
  CHECK(complaint_about_all({"\"", "\\", " ", "true", "0", "-", ",", "]"}, kMostTokens) == "");
  CHECK(complaint_about_all({"false", "null", "e", "E+", "0", "-1", "."}, kMostTokens) == "");
}
