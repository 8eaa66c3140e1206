#include "hub/store/key_index.h"

#include <random>

#include "tests/unit/hub_store/support.h"

using namespace bus;
using namespace bus::test;

TEST_CASE("An index finds what a map finds, whatever comes and goes") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 chance(seed);
    const uint64_t hash_key[2] = {chance(), chance()};
    KeyIndex index(hash_key);
    std::map<std::string, std::pair<uint64_t, uint64_t>> model;
    for (int step = 0; step < 5000; ++step) {
      std::string key = "k" + std::to_string(chance() % 300);
      if (chance() % 3 != 0) {
        model[key] = {1 + chance() % kMostChunks, chance() % 0x10000};
        KeyIndex::Place& place = index.at(key);
        place = {model[key].first, model[key].second};
      } else {
        model.erase(key);
        index.erase(key);
      }
      REQUIRE(index.size() == model.size());
      std::string other = "k" + std::to_string(chance() % 300);
      KeyIndex::Place* place = index.find(other);
      auto expected = model.find(other);
      REQUIRE((place != nullptr) == (expected != model.end()));
      if (place == nullptr) continue;
      CHECK(place->chunk() == expected->second.first);
      CHECK(place->units() == expected->second.second);
    }
  }
}

TEST_CASE("A size that is too large for its count is the largest one") {
  CHECK(units_of(0) == 0);
  CHECK(units_of(1) == 1);
  CHECK(units_of(64) == 1);
  CHECK(units_of(65) == 2);
  CHECK(units_of(0xffff * 64) == 0xffff);
  CHECK(units_of(0xffff * 64 + 1) == 0xffff);
}
