#include "consumer/cli/standard_input.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace bus::cli {

std::optional<Error> read_standard_input(std::string& text) {
  char chunk[65536];
  while (text.size() <= kMostInputBytes) {
    ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return error_of(ErrorCode::input_failed, std::string("cannot read stdin: ") + std::strerror(errno));
    if (n == 0) break;
    text.append(chunk, static_cast<size_t>(n));
  }
  return std::nullopt;
}

}  // namespace bus::cli
