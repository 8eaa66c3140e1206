// How deep brackets may nest, and what closes them, at every place relative to the border of two blocks.
#include "tests/support/catch.h"
#include "tests/unit/protocol/scan/places.h"

using namespace bus::test;

namespace {

std::string repeated(std::string_view text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

// An object with `levels` levels, itself the first.
std::string arrays(size_t levels) {
  return R"({"a":)" + std::string(levels - 1, '[') + std::string(levels - 1, ']') + "}";
}
std::string objects(size_t levels) {
  return repeated(R"({"a":)", levels - 1) + "{}" + std::string(levels - 1, '}');
}

}  // namespace

TEST_CASE("Nesting ends at 512 levels, wherever blocks end") {
  Panel panel;
  for (size_t levels : std::initializer_list<size_t>{2, 63, 64, 65, 511, 512}) {
    CHECK(panel.complaint(arrays(levels), true) == "");
    CHECK(panel.complaint(objects(levels), true) == "");
  }
  for (size_t levels : std::initializer_list<size_t>{513, 514, 575, 576, 577, 578, 640, 5000, 200000}) {
    // The oracle is recursive; within its depth it agrees.
    CHECK(panel.complaint(arrays(levels), false) == "");
    CHECK(panel.complaint(objects(levels), false) == "");
    CHECK(panel.complaint(R"({"a":)" + std::string(levels - 1, '['), false) == "");
  }
  CHECK(complaint_anywhere(kValuePlaces, std::string(600, '[') + std::string(600, ']'), false) == "");
}

TEST_CASE("A level too deep is seen although it is left in the same block") {
  Panel panel;
  for (size_t shift = 0; shift < kShifts; ++shift) {
    auto spike = [&](size_t base, size_t height) {
      return R"({"a":)" + std::string(base - 1, '[') + std::string(shift, ' ') + std::string(height, '[') +
             std::string(height, ']') + std::string(base - 1, ']') + "}";
    };
    CHECK(panel.complaint(spike(512, 0), true) == "");
    CHECK(panel.complaint(spike(511, 1), true) == "");
    CHECK(panel.complaint(spike(512, 1), false) == "");
    CHECK(panel.complaint(spike(511, 2), false) == "");
    CHECK(panel.complaint(spike(500, 12), true) == "");
    CHECK(panel.complaint(spike(500, 13), false) == "");
  }
}

TEST_CASE("Of 512 nested brackets of both kinds each is closed by its own") {
  Panel panel;
  std::string open = R"({"a":)";
  std::string close = "}";
  for (unsigned level = 1; level < 512; ++level) {
    bool object = (level * 2654435761U >> 16U) % 2 == 0;
    open += object ? R"({"b":)" : "[";
    close.insert(0, object ? "}" : "]");
  }
  std::string text = open + "0" + close;
  REQUIRE(panel.complaint(text, true) == "");
  for (size_t at = open.size() + 1; at < text.size(); ++at) {
    std::string other = text;
    other[at] = other[at] == '}' ? ']' : '}';
    CHECK(panel.complaint(other, false) == "");
  }
}
