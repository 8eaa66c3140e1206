#include "protocol/base/siphash.h"

#include <string>

#include "tests/support/catch.h"

using namespace bus;

TEST_CASE("SipHash gives the authors' 128-bit vectors") {
  constexpr uint64_t kKey[2] = {0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
  // vectors.h of the reference implementation: key 00..0f, messages of 0, 1 and 15 bytes 00, 01, 02 …
  std::string message;
  CHECK(siphash128(kKey, message) == Hash128{0xe6a825ba047f81a3U, 0x930255c71472f66dU});
  message = std::string(1, '\0');
  CHECK(siphash128(kKey, message) == Hash128{0x44af996bd8c187daU, 0x45fc229b11597634U});
}
