// Where the scanner says that an object's own members stand.
#include "tests/support/catch.h"
#include "tests/unit/protocol/scan/places.h"

using namespace bus;
using namespace bus::test;

namespace {

std::vector<size_t> marks_of(const scan::Body& body, std::string_view text, scan::Marks& marks) {
  REQUIRE(body.scan(text.data(), text.size(), 0, marks));
  std::vector<size_t> out;
  for (size_t i = 0; i < marks.size(); ++i) out.push_back(marks[i]);
  return out;
}

std::string with_members(size_t count) {
  std::string text = "{";
  for (size_t i = 0; i < count; ++i)
    text += (i > 0 ? ",\"m" : "\"m") + std::to_string(i) + "\":" + std::to_string(i);
  return text + "}";
}

}  // namespace

TEST_CASE("The bodies are listed best first, and the portable one is always there") {
  std::vector<scan::Body> bodies = scan::bodies();
  REQUIRE_FALSE(bodies.empty());
  CHECK(std::string(bodies.back().name) == "portable");
  CHECK(scan::best() == bodies.front().scan);
}

TEST_CASE("Colons and commas of the object itself are marked, in order") {
  for (const scan::Body& body : scan::bodies()) {
    CAPTURE(body.name);
    scan::Marks marks;
    CHECK(marks_of(body, "{}", marks).empty());
    CHECK(marks_of(body, R"({"a":1})", marks) == std::vector<size_t>{4});
    CHECK(marks_of(body, R"({"a":1,"b":2})", marks) == std::vector<size_t>{4, 6, 10});
    CHECK(marks_of(body, R"({ "a" : 1 , "b" : 2 })", marks) == std::vector<size_t>{6, 10, 16});
  }
}

TEST_CASE("Neither what is nested nor what is in strings is marked") {
  for (const scan::Body& body : scan::bodies()) {
    CAPTURE(body.name);
    scan::Marks marks;
    CHECK(marks_of(body, R"({"a":{"b":1,"c":[2,3]},"d":[{"e":4}]})", marks) ==
          std::vector<size_t>{4, 22, 26});
    CHECK(marks_of(body, R"({":,":",:","\",:":1})", marks) == std::vector<size_t>{5, 10, 17});
  }
}

TEST_CASE("Marks are right wherever a block ends") {
  // The panel compares them with RawJson's children.
  for (const char* part :
       {"1,\"b\":2", " 1 , \"b\" : 2 ", "[1,2],\"b\":{\"c\":3,\"d\":4}", "\":,\",\"\\\":\":\"\""}) {
    for (const Place& place : {kValuePlaces[0], kValuePlaces[3]}) {
      Panel panel;
      for (size_t shift = 0; shift < kShifts; ++shift)
        CHECK(panel.complaint(placed(place, shift, part), true) == "");
    }
  }
}

TEST_CASE("An object may have any number of members") {
  Panel panel;
  for (size_t count : std::initializer_list<size_t>{0, 1, 2, 63, 64, 65, 1000, 100000})
    CHECK(panel.complaint(with_members(count), true) == "");
  // As dense as can be.
  std::string text = "{";
  for (int i = 0; i < 5000; ++i) text += "\"\":0,";
  CHECK(panel.complaint(text + "\"\":0}", true) == "");
}

TEST_CASE("Marks that are used again forget the object before") {
  for (const scan::Body& body : scan::bodies()) {
    CAPTURE(body.name);
    scan::Marks marks;
    CHECK(marks_of(body, with_members(1000), marks).size() == 1999);
    CHECK(marks_of(body, R"({"a":1})", marks) == std::vector<size_t>{4});
    CHECK(marks_of(body, "{}", marks).empty());
    CHECK(marks_of(body, with_members(1000), marks).size() == 1999);
  }
}
