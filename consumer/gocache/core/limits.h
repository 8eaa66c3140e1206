// What a cache may take, and what has to go for that. Functions of numbers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace bus::gocache {

struct Limits {
  uint64_t max_bytes = uint64_t{10} << 30U;
  int64_t max_age_ns = int64_t{30} * 24 * 3600 * 1'000'000'000;
  uint64_t min_free_bytes = 0;  // of the disk, for everybody
};

// What a cache has, by when it was used last.
class Ages {
 public:
  void add(int64_t used_ns, uint64_t disk_bytes) {
    bytes_[used_ns / kSlotNs] += disk_bytes;
    total_ += disk_bytes;
  }
  uint64_t total() const { return total_; }

  // Files that were used before this time go, so that the rest keeps to the limits. Above the size limit, a tenth of it is made free, so that the
  // next run does not begin it again. `free_bytes`: of the disk, now.
  int64_t cutoff(const Limits& limits, int64_t now_ns, uint64_t free_bytes) const;

 private:
  // About a tick of the clock of files. What a slot has goes together.
  static constexpr int64_t kSlotNs = int64_t{10} * 1'000'000;

  std::map<int64_t, uint64_t> bytes_;
  uint64_t total_ = 0;
};

}  // namespace bus::gocache
