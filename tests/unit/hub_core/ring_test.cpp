#include "hub/core/base/ring.h"

#include <deque>
#include <memory>

#include "tests/support/catch.h"

using bus::hub::Ring;

TEST_CASE("Ring behaves as a deque through growth, wrap-around and erasing near the front") {
  Ring<int> ring;
  std::deque<int> model;
  unsigned random = 1;
  for (int i = 0; i < 20'000; ++i) {
    random = random * 1664525U + 1013904223U;
    unsigned action = (random >> 16U) % 8;
    if (action < (i < 10'000 ? 5U : 3U)) {
      ring.push_back(i);
      model.push_back(i);
    } else if (action < 7 && !model.empty()) {
      ring.pop_front();
      model.pop_front();
    } else if (model.size() > 1) {
      ring.erase(1);
      model.erase(model.begin() + 1);
    }
    REQUIRE(ring.size() == model.size());
    for (size_t at : {size_t{0}, model.size() / 2, model.size() - 1}) {
      if (at < model.size()) REQUIRE(ring[at] == model[at]);
    }
  }
}

TEST_CASE("Ring lets go of what it held as soon as it is popped") {
  auto value = std::make_shared<int>(1);
  Ring<std::shared_ptr<int>> ring;
  ring.push_back(value);
  ring.pop_front();
  CHECK(value.use_count() == 1);
}
