#include "protocol/base/descriptors.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace bus {

namespace {

// The kernel's default of fs.nr_open: no process has a higher one unless somebody has raised that.
constexpr unsigned kMostDescriptors = 1U << 20U;

// The layout of getdents64(2), of which libc has only the wrapped form; readdir(3) allocates.
struct Entry {
  uint64_t inode;
  int64_t next;
  uint16_t bytes;
  uint8_t kind;
  char name[1];
};
constexpr size_t kNameAt = offsetof(Entry, name);

// False for "." and "..".
bool read_number(const char* text, unsigned& number) noexcept {
  number = 0;
  for (; *text >= '0' && *text <= '9'; ++text) number = number * 10 + static_cast<unsigned>(*text - '0');
  return *text == '\0';
}

// Closing does not disturb the listing: a position in /proc/self/fd is a descriptor's number (fs/proc/fd.c).
bool close_listed(unsigned first, unsigned last) noexcept {
  int listing = ::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (listing < 0) return false;
  alignas(Entry) char entries[2048];
  long bytes = 0;
  while ((bytes = ::syscall(SYS_getdents64, listing, entries, sizeof entries)) > 0) {
    for (long at = 0; at < bytes;) {
      uint16_t length = 0;
      std::memcpy(&length, entries + at + offsetof(Entry, bytes), sizeof length);
      unsigned fd = 0;
      bool is_number = read_number(entries + at + kNameAt, fd);
      bool is_ours = static_cast<int>(fd) == listing;
      if (is_number && !is_ours && fd >= first && fd <= last) ::close(static_cast<int>(fd));
      at += length;
    }
  }
  ::close(listing);
  return bytes == 0;
}

// The limit of open files says nothing: a descriptor may be above one that was lowered.
void close_each(unsigned first, unsigned last) noexcept {
  for (unsigned fd = first; fd <= std::min(last, kMostDescriptors); ++fd) ::close(static_cast<int>(fd));
}

}  // namespace

void close_descriptors(unsigned first, unsigned last) noexcept {
  // As a bare system call: libc's wrapper is younger than some machines' libc.
  if (::syscall(SYS_close_range, first, last, 0U) == 0) return;
  if (!close_listed(first, last)) close_each(first, last);
}

}  // namespace bus
