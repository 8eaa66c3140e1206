#include "protocol/base/last_word.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <sys/uio.h>
#include <unistd.h>

namespace bus {

namespace {

// The only variables of the project that are neither local nor a member: std::new_handler is called without
// an argument.
const char* program_name = "program";
int reader = -1;

void write_line(int fd, const char* reason) noexcept {
  std::array<const char*, 4> words = {program_name, ": ", reason, "\n"};
  std::array<iovec, 4> parts{};
  for (size_t i = 0; i < words.size(); ++i) parts[i] = {const_cast<char*>(words[i]), std::strlen(words[i])};
  // In one piece, so that it stands on a line of its own.
  while (::writev(fd, parts.data(), static_cast<int>(parts.size())) < 0 && errno == EINTR) {
  }
}

}  // namespace

void end_when_memory_is_out(const char* program) noexcept {
  program_name = program;
  std::set_new_handler(end_without_memory);
}

void tell_last_word_to(int fd) noexcept { reader = fd; }

void end_at_once(const char* reason, int exit_code) noexcept {
  write_line(STDERR_FILENO, reason);
  if (reader >= 0) write_line(reader, reason);
  // Nothing is flushed or destroyed: that could allocate.
  ::_exit(exit_code);
}

void end_without_memory() noexcept { end_at_once("out of memory", kExitNoMemory); }

}  // namespace bus
