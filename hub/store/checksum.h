// A sum that tells whether what was stored is what was written. Against accidents only: anybody can compute it.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace bus::hub::store {

class Checksum {
 public:
  // Each step can be undone, so that two texts that differ in one word never have one sum.
  void add(uint64_t word) {
    sum_ = (sum_ ^ word) * 0x9e37'79b9'7f4a'7c15;
    sum_ ^= sum_ >> 29;
  }

  void add(std::string_view text) {
    add(uint64_t{text.size()});
    const char* at = text.data();
    size_t left = text.size();
    uint64_t word = 0;
    for (; left >= sizeof word; at += sizeof word, left -= sizeof word) {
      std::memcpy(&word, at, sizeof word);
      add(word);
    }
    if (left == 0) return;
    word = 0;
    std::memcpy(&word, at, left);
    add(word);
  }

  uint64_t value() const { return sum_; }

 private:
  uint64_t sum_ = 0x6275'7364;
};

}  // namespace bus::hub::store
