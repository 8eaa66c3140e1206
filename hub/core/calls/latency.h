// How long calls of one task took: percentiles without a sort, in constant memory.
//
// Counts by buckets that are a quarter of a power of two wide, so a percentile is at most 25 % above the truth.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace bus::hub {

class Latency {
 public:
  void add(uint64_t us) {
    ++counts_[bucket_of(us)];
    ++total_;
  }

  // What `percent` of the calls took at most, in microseconds; 0 when there was none.
  uint64_t percentile(uint64_t percent) const {
    uint64_t wanted = (total_ * percent + 99) / 100;
    uint64_t seen = 0;
    for (size_t i = 0; i < kBuckets && wanted > 0; ++i) {
      seen += counts_[i];
      if (seen >= wanted) return most_of(i);
    }
    return 0;
  }
  uint64_t total() const { return total_; }

 private:
  static constexpr size_t kSteps = 4;    // buckets of a power of two
  static constexpr size_t kPowers = 38;  // 2^38 µs are three days, more than a call may take
  static constexpr size_t kBuckets = kPowers * kSteps;

  // Below kSteps each number has a bucket of its own.
  static size_t bucket_of(uint64_t us) {
    if (us < kSteps) return us;
    auto power = static_cast<size_t>(std::bit_width(us)) - 1;
    size_t step = (us >> (power - 2)) & (kSteps - 1);
    size_t bucket = (power - 1) * kSteps + step;
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  static uint64_t most_of(size_t bucket) {
    if (bucket < kSteps) return bucket;
    size_t power = bucket / kSteps + 1;
    size_t step = bucket % kSteps;
    return ((kSteps + step + 1) << (power - 2)) - 1;
  }

  std::array<uint32_t, kBuckets> counts_{};
  uint64_t total_ = 0;
};

}  // namespace bus::hub
