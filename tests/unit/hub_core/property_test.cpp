// Random histories through the core, compared with the model (model.h) after every step, byte for byte.
//
// BUSD_SEED=N runs the history of that seed alone; BUSD_HISTORIES=N runs so many, from seed 1 on.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "protocol/base/strings.h"
#include "tests/support/catch.h"
#include "tests/support/slow.h"
#include "tests/unit/hub_core/history.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr size_t kSteps = 10'000;
constexpr uint64_t kHistories = kSlowBuild ? 2 : 16;
// What the histories are about has to happen so often in all of them together.
constexpr uint64_t kOften = 60 * kHistories;
constexpr uint64_t kSeldom = 6 * kHistories;

uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return otherwise;
  auto number = parse_u64(text);
  INFO(variable << "=" << text);
  REQUIRE(number.has_value());
  return *number;
}

}  // namespace

TEST_CASE("Random histories are, byte for byte, what the model says") {
  uint64_t first = number_from("BUSD_SEED", 1);
  bool one = std::getenv("BUSD_SEED") != nullptr;
  uint64_t last = one ? first : number_from("BUSD_HISTORIES", kHistories);
  History::Met met;
  for (uint64_t seed = first; seed <= last; ++seed) {
    History history(seed);
    std::string difference = history.run(kSteps);
    if (!difference.empty()) FAIL("replay with BUSD_SEED=" << seed << "\n" << difference);
    history.add_to(met);
  }
  std::printf("histories: %llu of %zu steps%s\n", static_cast<unsigned long long>(last - first + 1), kSteps,
              kSlowBuild ? " (fewer, since this is a build with sanitizers)" : "");
  if (one || last < kHistories) return;
  CHECK(met.dropped > kOften);
  CHECK(met.duplicates > kOften);
  CHECK(met.unmatched > kOften);
  CHECK(met.refused > kOften);
  CHECK(met.connections.denied > 0);
  CHECK(met.connections.too_many > 0);
  CHECK(met.connections.timed_out > 0);
  CHECK(met.connections.cleanup_timeouts > 0);
  CHECK(met.connections.unread > 0);
  CHECK(met.connections.uncleaned > kSeldom);
  CHECK(met.cleanup_calls > kSeldom);
  CHECK(met.crowded_out > 0);
  CHECK(met.shares > kOften);
  CHECK(met.interest > kOften);
}
