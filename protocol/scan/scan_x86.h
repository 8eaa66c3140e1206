// The bodies for more than every x86-64 has, each in a file that is compiled for it
// (protocol/scan/CMakeLists.txt).
#pragma once

#include "protocol/scan/scan.h"

namespace bus::scan {

bool scan_avx2(const char* object, size_t size, size_t known, Marks& marks);
bool scan_avx512(const char* object, size_t size, size_t known, Marks& marks);

}  // namespace bus::scan
