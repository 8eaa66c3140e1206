// Checks one JSON object by its bytes, 64 at a time, and notes where its own members stand.
//
// The fast half of frame.h: a frame goes through here and, when all is well, through nothing else.
// How it works is told at the top of grammar.h. Same function, several bodies: block_*.h hold what differs
// between processors, and best() picks what this one can run. All give identical verdicts and marks.
//
// Gives no reasons. Whoever gets `false` asks RawJson (raw_json.h), which is also the judge that tests and
// the fuzzer hold every body to. Allocates nothing but the marks' buffer, and that is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bus::scan {

// PROTOCOL.md 2 (kMaxDepth).
inline constexpr size_t kMaxLevels = 512;

// Where the colons and commas of the object itself stand, not those of what is nested in it: offsets into the
// text, in order. In a valid object they take turns: colon, comma, colon, …, colon; none in an empty one.
class Marks {
 public:
  size_t size() const { return size_; }
  uint32_t operator[](size_t i) const { return offsets_[i]; }

  // For the scan, which sees to it that there is room before it adds.
  void clear() { size_ = 0; }
  size_t room() const { return capacity_ - size_; }
  void grow();
  void add(size_t offset) { offsets_[size_++] = static_cast<uint32_t>(offset); }

 private:
  std::vector<uint32_t> buffer_;
  uint32_t* offsets_ = nullptr;  // the buffer's
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// Whether `object` is one JSON object of RFC 8259 in valid UTF-8, nested at most kMaxLevels levels, itself
// the first, and nothing before or after it, no space either. Fills `marks` if so.
//
// The first `known` bytes are not looked at, nor marked: 0, or they begin a valid object and end with a comma
// of its own, as those of the line before did.
//
// Reads nothing outside the `size` bytes, fewer than 4 GiB. Linear, without recursion.
using Scan = bool (*)(const char* object, size_t size, size_t known, Marks& marks);

struct Body {
  const char* name;  // "avx2", for tests and benchmarks
  Scan scan;
};

// Those that this machine can run, the best first; the last, "portable", runs on all.
std::vector<Body> bodies();

// The first of them.
Scan best();

}  // namespace bus::scan
