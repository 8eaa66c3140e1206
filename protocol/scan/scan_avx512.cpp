#include "protocol/scan/block_avx512.h"
#include "protocol/scan/grammar.h"
#include "protocol/scan/scan_x86.h"

namespace bus::scan {

bool scan_avx512(const char* object, size_t size, size_t known, Marks& marks) {
  return scan_object<Avx512Block>(object, size, known, marks);
}

}  // namespace bus::scan
