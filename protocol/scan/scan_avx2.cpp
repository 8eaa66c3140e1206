#include "protocol/scan/block_avx2.h"
#include "protocol/scan/grammar.h"
#include "protocol/scan/scan_x86.h"

namespace bus::scan {

bool scan_avx2(const char* object, size_t size, size_t known, Marks& marks) {
  return scan_object<Avx2Block>(object, size, known, marks);
}

}  // namespace bus::scan
