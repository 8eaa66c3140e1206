#include "protocol/base/spelling.h"

#include "tests/support/catch.h"

using namespace bus;

TEST_CASE("Neighbours that were swapped are one edit") {
  CHECK(edit_distance("vresion", "version") == 1);
  CHECK(edit_distance("version", "version") == 0);
  CHECK(edit_distance("", "abc") == 3);
}

TEST_CASE("The option that was probably meant is found by its spelling, its beginning or its letter's case") {
  const std::vector<std::string> names = {"--version", "-V", "--socket", "--timeout"};
  CHECK(nearest_option("--vresion", names) == "--version");
  CHECK(nearest_option("--sock", names) == "--socket");
  CHECK(nearest_option("-timeout", names) == "--timeout");
  CHECK(nearest_option("-v", names) == "-V");
  CHECK(nearest_option("--zebra", names).empty());
  CHECK(nearest_option("-x", names).empty());
}
