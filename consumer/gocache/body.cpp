#include "consumer/gocache/body.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace bus::gocache {

namespace {

using Buffer = std::array<char, 16384>;

bool write_at(int fd, std::string_view bytes, uint64_t at) {
  while (!bytes.empty()) {
    ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(put));
    at += static_cast<uint64_t>(put);
  }
  return true;
}

// At most as many bytes as the buffer has; nothing at the end of the file, and where it cannot be read.
std::string_view read_at(int fd, Buffer& buffer, uint64_t most, uint64_t at) {
  ssize_t got = 0;
  do {
    got = ::pread(fd, buffer.data(), static_cast<size_t>(std::min<uint64_t>(buffer.size(), most)),
                  static_cast<off_t>(at));
  } while (got < 0 && errno == EINTR);
  return {buffer.data(), got < 0 ? 0 : static_cast<size_t>(got)};
}

bool copy(int from, int to, uint64_t bytes) {
  Buffer buffer;
  for (uint64_t at = 0; at < bytes;) {
    std::string_view piece = read_at(from, buffer, bytes - at, at);
    if (piece.empty() || !write_at(to, piece, at)) return false;
    at += piece.size();
  }
  return true;
}

}  // namespace

Body::Body(Writing& writing, const Id& output, uint64_t size)
    : writing_(writing), output_(output), size_(size) {
  where_ = writing_.place != nullptr ? Where::same : Where::elsewhere;
  if (writing_.place != nullptr && !writing_.place->is_in_place()) {
    trouble_ = "its directory was moved away or removed";
    where_ = Where::elsewhere;
  } else if (writing_.place != nullptr && !writing_.place->trusts(output_)) {
    trouble_ = "the directory " + name_of(output_, Kind::output).substr(0, 2) + " cannot be used";
    where_ = Where::elsewhere;
  }
  if (!open_here()) move_on();
}

Body::~Body() {
  if (where_ == Where::cache) ::unlinkat(writing_.place->own(), file_.path.c_str(), 0);
}

void Body::write(std::string_view bytes) {
  while (where_ != Where::nowhere && !write_here(bytes)) move_on();
  bytes_ += bytes.size();
}

Result<Body::Kept> Body::end() {
  bool is_misplaced = (where_ == Where::same || where_ == Where::cache) && !writing_.place->is_in_place();
  if (is_misplaced && trouble_.empty()) trouble_ = "its directory was moved away or removed";
  // Past what is in the cache.
  if (is_misplaced && where_ == Where::same) move_on();
  if (where_ == Where::cache && (is_misplaced || !name_in_cache())) move_on();
  Kept out;
  out.in_cache = where_ == Where::same || where_ == Where::cache;
  out.is_new = where_ == Where::cache;
  out.trouble = trouble_;
  if (where_ == Where::nowhere) return Error{Errc::io, trouble_};
  if (out.in_cache) {
    out.path = writing_.place->path_of(output_, Kind::output);
    where_ = Where::same;  // nothing is left to remove
  } else {
    out.path = file_.path;
    writing_.elsewhere.keep(std::move(file_));
  }
  return out;
}

bool Body::open_here() {
  switch (where_) {
    case Where::same:
      return open_existing();
    case Where::cache:
      return open_in_cache();
    case Where::elsewhere:
      return take(writing_.elsewhere.on_disk());
    case Where::memory:
      return take(writing_.elsewhere.in_memory());
    case Where::nowhere:
      break;
  }
  return false;
}

// Another file of this size may have the same bytes. Its time stamp is renewed before they come, so that it is not pruned while this run lives.
bool Body::open_existing() {
  std::string name = name_of(output_, Kind::output);
  OutputLock lock(*writing_.place, output_, false);
  Fd fd(::openat(writing_.place->fd(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat st {};
  bool is_like = lock.is_free() && fd && ::fstat(fd.get(), &st) == 0 && writing_.place->may_serve(st) &&
                 static_cast<uint64_t>(st.st_size) == size_ && ::futimens(fd.get(), nullptr) == 0;
  if (is_like) file_.fd = std::move(fd);
  return is_like;
}

bool Body::open_in_cache() {
  file_.path = "tmp/" + writing_.run + "-" + std::to_string(++writing_.files);
  file_.fd = Fd(::openat(writing_.place->own(), file_.path.c_str(),
                         O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!file_.fd) note_trouble("create a file in the cache");
  return static_cast<bool>(file_.fd);
}

bool Body::take(Result<PrivatePlace::File> file) {
  if (file) {
    file_ = std::move(*file);
  } else if (trouble_.empty()) {
    trouble_ = file.error().what;
  }
  return file.has_value();
}

bool Body::write_here(std::string_view bytes) {
  if (where_ == Where::same) return is_in_existing(bytes);
  bool is_written = write_at(file_.fd.get(), bytes, bytes_);
  if (!is_written) note_trouble("write to the cache");
  return is_written;
}

bool Body::is_in_existing(std::string_view bytes) {
  Buffer buffer;
  for (uint64_t at = bytes_; !bytes.empty();) {
    std::string_view piece = read_at(file_.fd.get(), buffer, bytes.size(), at);
    if (piece.empty() || !bytes.starts_with(piece)) return false;
    bytes.remove_prefix(piece.size());
    at += piece.size();
  }
  return true;
}

// To the next place that can be had, with what has come so far.
void Body::move_on() {
  PrivatePlace::File from = std::exchange(file_, {});
  bool was_in_cache = where_ == Where::cache && from.fd;
  while (where_ != Where::nowhere) {
    where_ = static_cast<Where>(static_cast<int>(where_) + 1);
    if (open_here() && (bytes_ == 0 || copy(from.fd.get(), file_.fd.get(), bytes_))) break;
    if (where_ == Where::cache && file_.fd) {
      note_trouble("write to the cache");
      ::unlinkat(writing_.place->own(), file_.path.c_str(), 0);
    }
    file_ = {};
  }
  if (was_in_cache) ::unlinkat(writing_.place->own(), from.path.c_str(), 0);
}

bool Body::name_in_cache() {
  const Place& place = *writing_.place;
  // Elsewhere than here, an error may come only then.
  if (!place.is_local() && ::fsync(file_.fd.get()) != 0) {
    note_trouble("write to the cache");
    return false;
  }
  bool is_named = place.move_in(file_.path, name_of(output_, Kind::output));
  if (!is_named) note_trouble("name a file in the cache");
  return is_named;
}

void Body::note_trouble(const char* what) {
  if (trouble_.empty()) trouble_ = std::string(what) + ": " + std::strerror(errno);
}

}  // namespace bus::gocache
