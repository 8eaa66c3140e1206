#include "protocol/raw_json.h"

#include "protocol/base/strings.h"
#include "tests/support/catch.h"

using bus::RawJson;

namespace {

bool accepts(std::string_view text, size_t max_depth = bus::kMaxDepth) {
  // In memory of its own size, so that a read past the end shows under a sanitizer.
  std::vector<char> exact(text.begin(), text.end());
  RawJson json;
  return !json.scan({exact.data(), exact.size()}, max_depth);
}

std::string repeated(std::string_view text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

std::string nested_arrays(size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

}  // namespace

TEST_CASE("What RFC 8259 allows is accepted") {
  for (const char* text : {
           "{}",
           "[]",
           "0",
           "-0",
           "1.5",
           "-1.5e-10",
           "1E+2",
           "\"\"",
           "true",
           "false",
           "null",
           " [ ] ",
           "\t{\r\n}\n",
           R"({"a":1,"a":2})",
           R"([1,"x",{"y":[]},null])",
           R"("\u0000\uD83D\uDE00\/")",
           "\"\x7F\"",
           "\"\xC2\x80\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"",
           R"({"":""})",
       }) {
    CAPTURE(text);
    CHECK(accepts(text));
  }
}

TEST_CASE("What RFC 8259 does not allow is refused") {
  for (const char* text : {
           "",
           " ",
           "{",
           "}",
           "[",
           "]",
           "{]",
           "[}",
           "[1,]",
           "[,1]",
           "[1 2]",
           "[1,,2]",
           R"({"a"})",
           R"({"a":})",
           R"({"a":1,})",
           R"({,"a":1})",
           R"({"a" 1})",
           R"({a:1})",
           R"({'a':1})",
           R"({1:1})",
           "{} {}",
           "{}x",
           "1 2",
           "[1]]",
           "tru",
           "truee",
           "True",
           "nul",
           "nulll",
           "NaN",
           "Infinity",
           "-Infinity",
           "undefined",
           "+1",
           "01",
           "-01",
           "1.",
           ".5",
           "-",
           "1e",
           "1e+",
           "0x1",
           "1_0",
           "- 1",
           "--1",
           "1.5.5",
           "1e5e5",
           "\"",
           "\"a",
           "a\"",
           "'a'",
           R"("\x")",
           R"("\u12")",
           R"("\u12g4")",
           R"("\)",
           "\"\t\"",
           "\"\n\"",
           "\"\x1f\"",
           "// x\n{}",
           "{} // x",
           "/* x */ {}",
           "# x",
           "\xEF\xBB\xBF{}",
           "{}\xEF\xBB\xBF",
           "\v{}",
           "\f{}",
           "\xC2\xA0{}",
       }) {
    CAPTURE(text);
    CHECK_FALSE(accepts(text));
  }
}

TEST_CASE("A NUL byte is refused wherever it stands") {
  const std::string text = R"({"a":["b",1]})";
  for (size_t at = 0; at <= text.size(); ++at) {
    std::string with_nul = text;
    with_nul.insert(at, 1, '\0');
    CAPTURE(at);
    CHECK_FALSE(accepts(with_nul));
  }
}

TEST_CASE("A text is refused at every length but its whole") {
  const std::string text = R"({"a":[1.5e3,"b\n\u0041",{"c":true},false,null]})";
  CHECK(accepts(text));
  for (size_t length = 0; length < text.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(accepts(std::string_view(text).substr(0, length)));
  }
}

TEST_CASE("A string is accepted exactly when its bytes are UTF-8") {
  for (unsigned first = 0x80; first < 0x100; ++first) {
    for (unsigned second = 0x00; second < 0x100; ++second) {
      if (second == '"' || second == '\\' || second < 0x20) continue;
      for (const char* rest : {"", "\x80", "\xBF", "\x80\x80", "\xBF\xBF", "\x80\x7F"}) {
        std::string text = {static_cast<char>(first), static_cast<char>(second)};
        text += rest;
        if (accepts('"' + text + '"') != bus::is_utf8(text)) FAIL(first << " " << second << " " << rest);
      }
    }
  }
  SUCCEED();
}

TEST_CASE("Nesting is accepted to its limit and refused one level deeper") {
  CHECK(accepts(nested_arrays(bus::kMaxDepth)));
  CHECK_FALSE(accepts(nested_arrays(bus::kMaxDepth + 1)));
  CHECK(accepts(repeated("{\"a\":", bus::kMaxDepth - 1) + "{}" + std::string(bus::kMaxDepth - 1, '}')));
  CHECK_FALSE(accepts(repeated("{\"a\":", bus::kMaxDepth) + "{}" + std::string(bus::kMaxDepth, '}')));
  CHECK(accepts(nested_arrays(3), 3));
  CHECK_FALSE(accepts(nested_arrays(4), 3));
  CHECK(accepts("[[],[],[[]],[]]", 3));
}

TEST_CASE("A million brackets do not grow the machine stack") {
  CHECK_FALSE(accepts(std::string(1'000'000, '[')));
  CHECK_FALSE(accepts(repeated("{\"a\":", 200'000)));
}

TEST_CASE("The reason names the byte and what is wrong there") {
  RawJson json;
  CHECK(*json.scan(R"({"a" 1})") == "not JSON at byte 6: Missing a colon after a name of object member");
  CHECK(*json.scan(std::string_view("{}\0", 3)) == "not JSON at byte 3: a NUL byte");
  CHECK(*json.scan("[[[]]]", 2) == "not JSON at byte 3: nested deeper than 2 levels");
  CHECK(*json.scan("[1e400,1e]") == "not JSON at byte 8: Invalid number");
}

TEST_CASE("Numbers beyond the range of double are JSON") {
  for (const char* number :
       {"1e400", "-1e400", "1E+99999999999999999999", "1e-400", "1e-99999999999999999999", "0e400", "1.5e309",
        "0.0000000000e-2147483639", "0.1234567890123e-2147483639"}) {
    CAPTURE(number);
    CHECK(accepts(number));
    CHECK(accepts("[" + std::string(number) + "]"));
    CHECK(accepts("{\"a\":" + std::string(number) + ",\"b\":1}"));
    CHECK_FALSE(accepts("[" + std::string(number) + "e]"));
    CHECK_FALSE(accepts("[" + std::string(number) + "true]"));
    CHECK_FALSE(accepts("[" + std::string(number) + " " + number + "]"));
    CHECK_FALSE(accepts("[0" + std::string(number) + "]"));
  }
  CHECK(accepts(std::string(400, '9')));
  CHECK(accepts("-" + std::string(100'000, '9')));
  CHECK(accepts("0." + std::string(400, '0') + "1"));
  CHECK(accepts("0." + std::string(1'000'000, '0') + "1e-2147483639"));
  CHECK_FALSE(accepts(std::string(400, '9') + "."));
  CHECK_FALSE(accepts("0" + std::string(400, '9')));
}

TEST_CASE("What looks like a wild number inside a string is left alone") {
  CHECK(accepts(R"(["1e400\"","x\\",1e400,"e-99999999999",12,-3])"));
  CHECK_FALSE(accepts(R"(["1e400\",1e400])"));
}

TEST_CASE("Half of a surrogate pair is an escape like any other") {
  for (const char* text :
       {R"("\ud800")", R"("\udc00")", R"("\uDBFF\u0041")", R"("\ud800\ud800\udc00")", R"({"\udfff":1})"}) {
    CAPTURE(text);
    CHECK(accepts(text));
  }
  CHECK_FALSE(accepts(R"("\ud80")"));
  CHECK_FALSE(accepts(R"("\ud800)"));
  CHECK_FALSE(accepts(R"(["\ud800","\ud8zz"])"));
}

TEST_CASE("Children of an object are views of their exact bytes") {
  const std::string text =
      " {\t\"a\" : 1.10 ,\"b\":\"x\\\"y\", \"\\u0063\":[1, {\"d\":2} ] ,\"e\":{ },\"\":null\r} ";
  RawJson json;
  REQUIRE_FALSE(json.scan(text));
  CHECK(json.value() == text.substr(1, text.size() - 2));
  std::vector<std::pair<std::string, std::string>> found;
  for (const bus::Member& child : json.children()) {
    CHECK(child.value_token.data() >= text.data());
    CHECK(child.value_token.data() + child.value_token.size() <= text.data() + text.size());
    found.emplace_back(child.name_token, child.value_token);
  }
  CHECK(found == std::vector<std::pair<std::string, std::string>>{{"\"a\"", "1.10"},
                                                                  {"\"b\"", "\"x\\\"y\""},
                                                                  {"\"\\u0063\"", "[1, {\"d\":2} ]"},
                                                                  {"\"e\"", "{ }"},
                                                                  {"\"\"", "null"}});
}

TEST_CASE("Children of an array have no name") {
  const std::string text = R"([ true ,[[]],"s" , -1e400,"\ud800",{}])";
  RawJson json;
  REQUIRE_FALSE(json.scan(text));
  std::vector<std::string> found;
  for (const bus::Member& child : json.children()) {
    CHECK(child.name_token.empty());
    CHECK(child.value_token.data() >= text.data());
    CHECK(child.value_token.data() < text.data() + text.size());
    found.emplace_back(child.value_token);
  }
  CHECK(found == std::vector<std::string>{"true", "[[]]", "\"s\"", "-1e400", "\"\\ud800\"", "{}"});
}

TEST_CASE("A scanner that is used again forgets the text before") {
  RawJson json;
  REQUIRE_FALSE(json.scan(R"({"a":1,"b":2})"));
  REQUIRE(json.scan(R"({"a":1,"b")"));
  REQUIRE_FALSE(json.scan("[7]"));
  REQUIRE(json.children().size() == 1);
  CHECK(json.children()[0].name_token.empty());
  CHECK(json.children()[0].value_token == "7");
  REQUIRE_FALSE(json.scan("7"));
  CHECK(json.children().empty());
}

TEST_CASE("A text of the largest frame with the most children is scanned") {
  std::string text = "[0";
  while (text.size() + 3 < bus::kMaxFrameBytes) text += ",0";
  text += "]";
  RawJson json;
  REQUIRE_FALSE(json.scan(text));
  CHECK(json.children().size() == (text.size() - 1) / 2);
}

TEST_CASE("The kind of a token shows in its first byte") {
  using bus::JsonKind;
  using bus::kind_of;
  CHECK(kind_of("null") == JsonKind::null);
  CHECK(kind_of("true") == JsonKind::boolean);
  CHECK(kind_of("false") == JsonKind::boolean);
  CHECK(kind_of("-1") == JsonKind::number);
  CHECK(kind_of("7") == JsonKind::number);
  CHECK(kind_of("\"\"") == JsonKind::string);
  CHECK(kind_of("[]") == JsonKind::array);
  CHECK(kind_of("{}") == JsonKind::object);
  CHECK(bus::kind_fault("x", "a string", "1.0") == "x must be a string, not 1.0");
  CHECK(bus::kind_fault("x", "a string", "{}") == "x must be a string, not an object");
  CHECK(bus::kind_fault("x", "true or false", "\"true\"") == "x must be true or false, not a string");
  CHECK(bus::kind_fault("x", "a string", std::string(100, '1')).size() < 80);
}

TEST_CASE("A text that needs a second look is refused for its depth by its own places") {
  bus::RawJson json;
  CHECK_FALSE(json.scan("[1e400,[]]", 2));
  CHECK(*json.scan("[1e400,[[]]]", 2) == "not JSON at byte 9: nested deeper than 2 levels");
}

TEST_CASE("What was found moves with the one who found it") {
  std::string text = R"({"a":1,"b":[]})";
  bus::RawJson first;
  REQUIRE_FALSE(first.scan(text));
  bus::RawJson second(std::move(first));
  REQUIRE(second.children().size() == 2);
  bus::RawJson third;
  third = std::move(second);
  REQUIRE(third.children().size() == 2);
  CHECK(third.children()[1].value_token == "[]");
  CHECK_FALSE(third.scan("{}"));
  CHECK(third.children().empty());
}
