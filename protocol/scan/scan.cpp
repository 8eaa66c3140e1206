#include "protocol/scan/scan.h"

#include "protocol/scan/block_portable.h"
#include "protocol/scan/grammar.h"
#if defined(__x86_64__)
#include "protocol/scan/block_sse2.h"
#include "protocol/scan/scan_x86.h"
#elif defined(__aarch64__)
#include "protocol/scan/block_neon.h"
#endif

namespace bus::scan {

void Marks::grow() {
  buffer_.resize(2 * capacity_ + 2 * kBlockBytes);
  offsets_ = buffer_.data();
  capacity_ = buffer_.size();
}

std::vector<Body> bodies() {
  std::vector<Body> out;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("pclmul"))
    out.push_back({"avx512", scan_avx512});
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("pclmul"))
    out.push_back({"avx2", scan_avx2});
  out.push_back({"sse2", scan_object<Sse2Block>});
#elif defined(__aarch64__)
  out.push_back({"neon", scan_object<NeonBlock>});
#endif
  out.push_back({"portable", scan_object<PortableBlock>});
  return out;
}

Scan best() { return bodies().front().scan; }

}  // namespace bus::scan
