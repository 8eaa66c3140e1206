#include "consumer/cli/keys.h"

#include <cstddef>

namespace bus::cli {

namespace {

constexpr char kEscape = '\x1b';
constexpr char kControlL = '\x0c';

// Bytes of the escape sequence at the front of `bytes` (ECMA-48: CSI, SS3, or one character).
size_t sequence_length(std::string_view bytes) {
  if (bytes.size() < 2) return 1;
  if (bytes[1] == 'O') return 3;
  if (bytes[1] != '[') return 2;
  size_t i = 2;
  while (i < bytes.size() && (bytes[i] < '@' || bytes[i] > '~')) ++i;
  return i + 1;
}

}  // namespace

std::vector<Key> keys_in(std::string_view bytes) {
  std::vector<Key> keys;
  while (!bytes.empty()) {
    size_t used = bytes[0] == kEscape ? sequence_length(bytes) : 1;
    if (bytes[0] == 'q') keys.push_back(Key::quit);
    if (bytes[0] == 's') keys.push_back(Key::sort);
    if (bytes[0] == 'p') keys.push_back(Key::pause);
    if (bytes[0] == kControlL) keys.push_back(Key::redraw);
    bytes.remove_prefix(used < bytes.size() ? used : bytes.size());
  }
  return keys;
}

}  // namespace bus::cli
