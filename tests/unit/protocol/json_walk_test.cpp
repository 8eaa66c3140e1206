#include "protocol/json_walk.h"

#include <string>

#include "tests/support/catch.h"

using bus::JsonWalk;
using bus::Member;

namespace {

// All children, "name=value;" each. In memory of its own size, so that a read past the end shows under a sanitizer.
std::string children(const std::string& token) {
  std::vector<char> exact(token.begin(), token.end());
  JsonWalk walk({exact.data(), exact.size()});
  std::string out;
  Member child;
  while (walk.next(child)) {
    if (!child.name_token.empty()) out += std::string(child.name_token) + "=";
    out += std::string(child.value_token) + ";";
  }
  CHECK_FALSE(walk.next(child));
  return out;
}

}  // namespace

TEST_CASE("A walk visits the elements of an array without the space around them") {
  CHECK(children("[]") == "");
  CHECK(children("[ \t\r\n]") == "");
  CHECK(children("[1]") == "1;");
  CHECK(children("[ 1 , -2.5e3,\ttrue,null ]") == "1;-2.5e3;true;null;");
  CHECK(children(R"(["a",[1,[2]],{"b":[3]}])") == R"("a";[1,[2]];{"b":[3]};)");
}

TEST_CASE("A walk visits the members of an object in their order") {
  CHECK(children("{}") == "");
  CHECK(children(R"({"a":1})") == R"("a"=1;)");
  CHECK(children(R"({ "a" : {"x":[]} , "a":"b" ,"":0})") == R"("a"={"x":[]};"a"="b";""=0;)");
}

TEST_CASE("Brackets, commas and quotes inside strings do not end a walk's value") {
  CHECK(children(R"(["]",",","\"","\\","\\\"]"])") == R"("]";",";"\"";"\\";"\\\"]";)");
  CHECK(children(R"({"}\"":["]","\\",{"[":"}"}],"b":2})") == R"("}\""=["]","\\",{"[":"}"}];"b"=2;)");
}

TEST_CASE("A walk goes through any depth without recursion") {
  std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  CHECK(children("[" + deep + ",1]") == deep + ";1;");
}
