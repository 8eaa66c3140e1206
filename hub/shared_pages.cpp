#include "hub/shared_pages.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

namespace bus::hub {

namespace {

// One slot of a pipe refers to one page at most. The largest that an ordinary user may have (pipe(7)); where
// it is refused the default of 16 pages works, in more rounds.
constexpr int kPipeBytes = 1024 * 1024;
constexpr size_t kPiecesPerCall = 256;

size_t whole_pages(size_t bytes) {
  static const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

// What splice(2) can say of a socket that is full or broken.
bool is_of_the_socket(int error) {
  return error == EAGAIN || error == EPIPE || error == ECONNRESET || error == ENOTCONN;
}

// What passes; all else is that it cannot be done here.
bool is_short_of_memory(int error) { return error == ENOBUFS || error == ENOMEM; }

// From pieces[piece], without its first `skip` bytes.
size_t fill(iovec (&parts)[kPiecesPerCall], const std::vector<std::string_view>& pieces, size_t piece,
            size_t skip) {
  size_t count = 0;
  for (; piece < pieces.size() && count < kPiecesPerCall; ++piece, skip = 0) {
    std::string_view rest = pieces[piece].substr(skip);
    if (!rest.empty()) parts[count++] = {const_cast<char*>(rest.data()), rest.size()};
  }
  return count;
}

}  // namespace

bool SharedPages::open_pipe() noexcept {
  int ends[2];
  if (pipe_in_ && nowhere_) return true;
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return false;
  pipe_out_ = Fd(ends[0]);
  pipe_in_ = Fd(ends[1]);
  nowhere_ = Fd(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  ::fcntl(pipe_in_.get(), F_SETPIPE_SZ, kPipeBytes);
  return static_cast<bool>(nowhere_);
}

std::shared_ptr<char> SharedPages::shared_buffer(size_t bytes) noexcept {
  if (!works_ || !open_pipe()) return nullptr;
  if (buffer_ && !sent_ && buffer_.use_count() == 1 && bytes <= buffer_bytes_) return buffer_;
  buffer_.reset();
  size_t size = whole_pages(bytes);
  void* pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return nullptr;
  // A reader that leaves one byte unread keeps its page; it must not be one of 2 MiB. All at once is cheaper
  // than a fault for each; where that is not to be had (before Linux 5.14), they come one by one.
  ::madvise(pages, size, MADV_NOHUGEPAGE);
  ::madvise(pages, size, MADV_POPULATE_WRITE);
  buffer_ = std::shared_ptr<char>(static_cast<char*>(pages), [size](char* at) { ::munmap(at, size); });
  buffer_bytes_ = size;
  sent_ = false;
  return buffer_;
}

size_t SharedPages::send(int socket, const std::vector<std::string_view>& pieces, int& error) noexcept {
  iovec parts[kPiecesPerCall];
  size_t total = 0;
  size_t piece = 0;
  size_t skip = 0;
  error = 0;
  sent_ = true;
  for (;;) {
    while (piece < pieces.size() && skip >= pieces[piece].size()) skip -= pieces[piece++].size();
    size_t count = fill(parts, pieces, piece, skip);
    if (count == 0) return total;
    ssize_t piped = -1;
    if (works_ && pipe_in_) {
      piped = ::vmsplice(pipe_in_.get(), parts, count, SPLICE_F_NONBLOCK);
      if (piped < 0 && errno != EAGAIN && errno != ENOMEM && errno != EINTR) works_ = false;
    }
    if (piped <= 0) {
      error = ENOTSUP;  // the socket has no part in this
      return total;
    }
    size_t moved = move_to_socket(socket, static_cast<size_t>(piped), error);
    total += moved;
    skip += moved;
    if (error != 0) return total;
  }
}

size_t SharedPages::move_to_socket(int socket, size_t piped, int& error) noexcept {
  size_t moved = 0;
  while (moved < piped) {
    ssize_t n = ::splice(pipe_out_.get(), nullptr, socket, nullptr, piped - moved, SPLICE_F_NONBLOCK);
    if (n > 0) {
      moved += static_cast<size_t>(n);
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    error = n == 0 ? EAGAIN : errno;
    if (!is_of_the_socket(error)) {
      works_ = works_ && is_short_of_memory(error);
      error = ENOTSUP;
    }
    empty_pipe(piped - moved);
    break;
  }
  return moved;
}

void SharedPages::empty_pipe(size_t piped) noexcept {
  while (piped > 0) {
    ssize_t n = ::splice(pipe_out_.get(), nullptr, nowhere_.get(), nullptr, piped, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      // What is left in it would reach the next socket: a new pipe.
      pipe_in_.reset();
      pipe_out_.reset();
      return;
    }
    piped -= static_cast<size_t>(n);
  }
}

}  // namespace bus::hub
