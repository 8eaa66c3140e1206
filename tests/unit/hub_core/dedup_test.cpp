#include "hub/core/base/dedup.h"

#include <deque>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/slow.h"

using namespace bus;
using namespace bus::hub;

namespace {

constexpr uint64_t kKey[2] = {0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
constexpr Duration kWindow = seconds(300);
const TimePoint kStart = TimePoint{} + seconds(1);

}  // namespace

TEST_CASE("DedupWindow finds an id again, and no other") {
  DedupWindow window;
  CHECK_FALSE(window.seen(kKey, "a", kWindow, kStart));
  CHECK_FALSE(window.seen(kKey, "b", kWindow, kStart));
  CHECK(window.seen(kKey, "a", kWindow, kStart));
  CHECK(window.seen(kKey, "b", kWindow, kStart));
}

TEST_CASE("DedupWindow forgets an id when the window has passed, counted from the first time it was seen") {
  DedupWindow window;
  CHECK_FALSE(window.seen(kKey, "a", kWindow, kStart));
  CHECK(window.seen(kKey, "a", kWindow, kStart + kWindow - milliseconds(1)));
  CHECK_FALSE(window.seen(kKey, "a", kWindow, kStart + kWindow));
}

TEST_CASE("DedupWindow keeps exactly the last ten thousand ids") {
  DedupWindow window;
  for (size_t i = 0; i < kMaxDedupIds; ++i)
    REQUIRE_FALSE(window.seen(kKey, std::to_string(i), kWindow, kStart));
  CHECK(window.size() == kMaxDedupIds);
  CHECK(window.seen(kKey, "0", kWindow, kStart));
  CHECK_FALSE(window.seen(kKey, "one more", kWindow, kStart));
  CHECK(window.size() == kMaxDedupIds);
  CHECK(window.seen(kKey, "1", kWindow, kStart));
  CHECK_FALSE(window.seen(kKey, "0", kWindow, kStart));
}

TEST_CASE("DedupWindow agrees with a plain list over many ids and a running clock", "[long]") {
  DedupWindow window;
  std::deque<std::pair<std::string, TimePoint>> model;
  uint64_t random = 42;
  TimePoint clock = kStart;
  for (int i = 0; i < (test::kSlowBuild ? 30'000 : 150'000); ++i) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    std::string id = std::to_string((random >> 33U) % 700);
    if (random % 7 == 0) clock += milliseconds(900);
    while (!model.empty() && clock - model.front().second >= kWindow) model.pop_front();
    bool known = false;
    for (const auto& [seen, at] : model) known = known || seen == id;
    if (!known) model.emplace_back(id, clock);
    REQUIRE(window.seen(kKey, id, kWindow, clock) == known);
    REQUIRE(window.size() == model.size());
  }
}
