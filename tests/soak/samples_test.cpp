// Whether a soak can tell a leak from chance.
#include "tests/soak/samples.h"

#include <cmath>
#include <random>

#include "tests/support/catch.h"

using namespace bus::soak;

namespace {

constexpr double kMiB = 1024.0 * 1024.0;

// Half an hour of samples around 40 MiB, which differ by up to 8 MiB, and what leaks in all.
std::vector<Sample> half_an_hour(double leaked_mib, size_t count = 1800) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> noise(-4, 4);
  std::vector<Sample> out(count);
  for (size_t i = 0; i < count; ++i) {
    double mib = 40 + noise(random) + leaked_mib * static_cast<double>(i) / static_cast<double>(count);
    out[i].resident_bytes = static_cast<size_t>(mib * kMiB);
  }
  return out;
}

}  // namespace

TEST_CASE("A hub whose memory goes up and down by chance is flat") {
  auto growth = growth_of(half_an_hour(0));
  REQUIRE(growth);
  CHECK(growth->flat());
  CHECK(std::abs(growth->mean - 40 * kMiB) < kMiB);
}

TEST_CASE("A hub that leaks 10 MiB in half an hour is not flat") {
  auto growth = growth_of(half_an_hour(10));
  REQUIRE(growth);
  CHECK_FALSE(growth->flat());
  CHECK(std::abs(growth->bytes - 8 * kMiB) < kMiB);
  CHECK(growth->last_quarter > growth->first_quarter + 5 * kMiB);
}

TEST_CASE("Growth in the warm-up is none, and a hub that shrinks is flat") {
  auto samples = half_an_hour(0);
  for (size_t i = 0; i < samples.size() / 5; ++i) samples[i].resident_bytes /= 10;
  CHECK(growth_of(samples)->flat());
  CHECK(growth_of(half_an_hour(-20))->flat());
}

TEST_CASE("Too few samples are not judged") {
  CHECK(growth_of(half_an_hour(10, 200)));
  CHECK_FALSE(growth_of(half_an_hour(10, 199)));
  CHECK_FALSE(growth_of({}));
}
