#include "consumer/gocache/lease.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <set>
#include <sys/file.h>
#include <sys/stat.h>
#include <vector>

#include "consumer/gocache/private_place.h"
#include "protocol/base/file.h"

namespace bus::gocache {

namespace {

constexpr std::string_view kPrivate = "private ";
constexpr std::string_view kOutput = "d ";
// Of a link beside the run's file that leads to its private directory.
constexpr const char* kLink = ".private";
constexpr size_t kMostBytes = size_t{64} << 20U;

std::vector<std::string> names_in(int at, const char* name) {
  std::vector<std::string> out;
  int fd = ::openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return out;
  std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(fd), &::closedir);
  if (!directory) {
    ::close(fd);
    return out;
  }
  while (const dirent* each = ::readdir(directory.get())) {
    if (each->d_name[0] != '.') out.emplace_back(each->d_name);
  }
  return out;
}

// The beginning of the run with this name; nothing: no run has such a name.
std::optional<int64_t> began_in(std::string_view name) {
  int64_t out = 0;
  auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), out);
  if (fault != std::errc() || end == name.data() + name.size() || *end != '-' || out < 0) return std::nullopt;
  return out;
}

// What a dead run has left in its file. Whether others still need it.
bool take_left(int fd, Leases& leases, int64_t now_ns) {
  struct stat st {};
  if (::fstat(fd, &st) != 0 || st.st_size == 0) return false;
  std::string text(std::min(kMostBytes, static_cast<size_t>(st.st_size)), '\0');
  ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  if (got <= 0) return false;
  text.resize(static_cast<size_t>(got));
  int64_t last_ns = st.st_mtim.tv_sec * int64_t{1'000'000'000} + st.st_mtim.tv_nsec;
  bool is_fresh = last_ns > now_ns - kEscapedNs;
  bool is_needed = false;
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find('\n', at);
    if (end == std::string::npos) break;  // cut off
    std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    if (line.starts_with(kPrivate)) {
      remove_private_place(std::string(line.substr(kPrivate.size())));
    } else if (line.starts_with(kOutput) && is_fresh) {
      if (auto id = id_of_hex(line.substr(kOutput.size()))) leases.escaped.insert(*id);
      is_needed = true;
    }
  }
  return is_needed;
}

}  // namespace

int64_t wall_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

Result<Lease> Lease::take(const Place& place, int64_t began_ns) {
  Lease out;
  out.directory_ = Fd(::openat(place.own(), "run", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!out.directory_) return errno_error("open directory run", errno);
  out.began_ns_ = began_ns;
  for (int tries = 0; tries < 100; ++tries) {
    out.name_ = std::to_string(began_ns) + "-" + std::to_string(::getpid()) +
                (tries == 0 ? std::string() : "." + std::to_string(tries));
    out.file_ = Fd(::openat(out.directory_.get(), out.name_.c_str(),
                            O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!out.file_ && errno == EEXIST) continue;
    if (!out.file_) return errno_error("create run/" + out.name_, errno);
    struct stat st {};
    if (::flock(out.file_.get(), LOCK_EX) != 0 || ::fstat(out.file_.get(), &st) != 0) {
      Error error = errno_error("lock run/" + out.name_, errno);
      ::unlinkat(out.directory_.get(), out.name_.c_str(), 0);
      out.file_.reset();
      return error;
    }
    // Another process that looks for dead ones may have had it before us.
    if (st.st_nlink > 0) return out;
  }
  return Error{Errc::busy, "run/" + out.name_ + " does not stay"};
}

Lease::~Lease() {
  if (!file_) return;
  flush();
  if (has_link_) ::unlinkat(directory_.get(), (name_ + kLink).c_str(), 0);
  if (!has_escaped_) ::unlinkat(directory_.get(), name_.c_str(), 0);
}

void Lease::note_private(const std::string& path) {
  if (write_all(file_.get(), std::string(kPrivate) + path + "\n")) return;
  // A disk that is full takes a short link all the same: it has no data of its own.
  has_link_ = ::symlinkat(path.c_str(), directory_.get(), (name_ + kLink).c_str()) == 0;
}

void Lease::note_escaped(const Id& output) {
  has_escaped_ = true;
  waiting_ += kOutput;
  append_hex(waiting_, output);
  waiting_ += '\n';
}

void Lease::flush() {
  if (waiting_.empty()) return;
  // Where the disk is full, these files live as long as others do.
  static_cast<void>(write_all(file_.get(), waiting_));
  waiting_.clear();
}

namespace {

// The private directory of a dead run that could not write into its file.
void remove_linked(const Place& place, const std::string& run_path) {
  std::array<char, 4096> target{};
  std::string link = run_path + kLink;
  ssize_t length = ::readlinkat(place.own(), link.c_str(), target.data(), target.size());
  if (length <= 0) return;
  remove_private_place(std::string(target.data(), static_cast<size_t>(length)));
  ::unlinkat(place.own(), link.c_str(), 0);
}

}  // namespace

Leases look_at_leases(const Place& place, int64_t now_ns) {
  Leases out;
  std::set<std::string> living;
  // Before the runs are looked at: a run that writes one of these has its own file by now.
  std::vector<std::string> unfinished = names_in(place.own(), "tmp");
  for (const std::string& name : names_in(place.own(), "run")) {
    auto began = began_in(name);
    if (!began) continue;
    std::string path = "run/" + name;
    Fd file(::openat(place.own(), path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!file) continue;
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      ++out.living;
      out.oldest_ns = std::min(out.oldest_ns, *began);
      living.insert(name);
      continue;
    }
    remove_linked(place, path);
    if (!take_left(file.get(), out, now_ns)) ::unlinkat(place.own(), path.c_str(), 0);
  }
  for (const std::string& name : unfinished) {
    if (living.count(name.substr(0, name.rfind('-'))) == 0)
      ::unlinkat(place.own(), ("tmp/" + name).c_str(), 0);
  }
  return out;
}

}  // namespace bus::gocache
