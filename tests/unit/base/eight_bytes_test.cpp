#include "protocol/base/eight_bytes.h"

#include <string>

#include "tests/support/catch.h"

using bus::has_none;
namespace eight_bytes = bus::eight_bytes;

namespace {

// Every byte at every place of texts of every length up to two words and one byte, among bytes that are no match.
template <class Marks, class Matches>
void try_all(Marks marks, Matches matches) {
  for (size_t size = 0; size <= 17; ++size) {
    std::string text(size, 'a');
    CHECK(has_none(text, 'a', marks));
    for (size_t at = 0; at < size; ++at) {
      for (unsigned byte = 0; byte < 256; ++byte) {
        text[at] = static_cast<char>(byte);
        if (has_none(text, 'a', marks) == !matches(static_cast<unsigned char>(byte))) continue;
        FAIL("byte " << byte << " at " << at << " of " << size);
      }
      text[at] = 'a';
    }
  }
}

}  // namespace

TEST_CASE("A byte of a kind is found wherever it stands") {
  try_all([](uint64_t word) { return eight_bytes::below(word, 0x20); },
          [](unsigned char c) { return c < 0x20; });
  try_all([](uint64_t word) { return eight_bytes::below(word, 'a'); },
          [](unsigned char c) { return c < 'a'; });
  try_all([](uint64_t word) { return eight_bytes::equal(word, '"'); },
          [](unsigned char c) { return c == '"'; });
  try_all([](uint64_t word) { return eight_bytes::not_ascii(word); },
          [](unsigned char c) { return c >= 0x80; });
}
