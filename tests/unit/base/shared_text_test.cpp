#include "protocol/base/shared_text.h"

#include <string>
#include <utility>

#include "tests/support/catch.h"

using namespace bus;

TEST_CASE("SharedText is held by several, and by none") {
  SharedText none;
  CHECK_FALSE(none);
  CHECK(none == nullptr);
  SharedText empty("");
  CHECK(empty);
  CHECK((*empty).empty());

  std::string source = "a text that does not fit into a few bytes";
  SharedText text(source);
  std::string expected = std::exchange(source, "");
  SharedText copy = text;
  CHECK((*copy).data() == (*text).data());
  text = nullptr;
  CHECK(*copy == expected);
  CHECK(copy.size() == expected.size());
  SharedText moved = std::move(copy);
  CHECK(*moved == expected);
  SharedText& itself = moved;
  moved = itself;
  CHECK(*moved == expected);
  moved = SharedText("another");
  CHECK(*moved == "another");
}
