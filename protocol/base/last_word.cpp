#include "protocol/base/last_word.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <initializer_list>
#include <new>
#include <sys/uio.h>
#include <unistd.h>

namespace bus {

namespace {

// The only variables of the project that are neither local nor a member: std::new_handler is called without
// an argument.
const char* program_name = "program";
int reader = -1;
bool as_json = false;

void write_parts(int fd, std::initializer_list<const char*> words) noexcept {
  std::array<iovec, 5> parts{};
  size_t count = 0;
  for (const char* word : words) parts[count++] = {const_cast<char*>(word), std::strlen(word)};
  // In one piece, so that it stands on a line of its own.
  while (::writev(fd, parts.data(), static_cast<int>(count)) < 0 && errno == EINTR) {
  }
}

void write_line(int fd, const char* reason) noexcept { write_parts(fd, {program_name, ": ", reason, "\n"}); }

// `reason` is text of ours, without anything that JSON escapes.
void write_json(int fd, const char* reason, int exit_code) noexcept {
  std::array<char, 16> digits{};
  std::to_chars(digits.data(), digits.data() + digits.size() - 1, exit_code);
  write_parts(fd, {"{\"code\":\"failed\",\"exit\":", digits.data(), ",\"message\":\"", reason,
                   "\",\"hint\":\"\"}\n"});
}

}  // namespace

void end_when_memory_is_out(const char* program) noexcept {
  program_name = program;
  std::set_new_handler(end_without_memory);
}

void tell_last_word_to(int fd) noexcept { reader = fd; }

void write_last_word_as_json() noexcept { as_json = true; }

void end_at_once(const char* reason, int exit_code) noexcept {
  if (as_json) {
    write_json(STDERR_FILENO, reason, exit_code);
  } else {
    write_line(STDERR_FILENO, reason);
  }
  if (reader >= 0) write_line(reader, reason);
  // Nothing is flushed or destroyed: that could allocate.
  ::_exit(exit_code);
}

void end_without_memory() noexcept { end_at_once("out of memory", kExitNoMemory); }

}  // namespace bus
