#include "consumer/gocache/prune.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <utility>
#include <vector>

#include "consumer/gocache/evicted.h"
#include "consumer/gocache/lease.h"
#include "consumer/gocache/run_log.h"
#include "consumer/gocache/walk.h"
#include "protocol/base/file.h"

namespace bus::gocache {

namespace {

constexpr int64_t kDayNs = int64_t{24} * 3600 * 1'000'000'000;

struct statvfs disk_of(const Place& place) {
  struct statvfs out {};
  if (::fstatvfs(place.fd(), &out) != 0) out = {};
  return out;
}

}  // namespace

uint64_t free_bytes_of(const Place& place) {
  struct statvfs disk = disk_of(place);
  return static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
}

uint64_t disk_size_of(const Place& place) {
  struct statvfs disk = disk_of(place);
  return static_cast<uint64_t>(disk.f_blocks) * disk.f_frsize;
}

Result<Upkeep> Upkeep::begin(Place& place, bool waits) {
  Fd lock(::openat(place.own(), "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return errno_error("open the lock of the cache", errno);
  while (::flock(lock.get(), LOCK_EX | (waits ? 0 : LOCK_NB)) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return Error{Errc::busy, "another bus-gocache prunes this cache"};
    return errno_error("lock the cache", errno);
  }
  return Upkeep(place, std::move(lock));
}

Upkeep::Size Upkeep::size_of(const Place& place) {
  Size out;
  Fd fd(::openat(place.own(), "size", O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  std::array<char, 64> text{};
  if (!fd || ::pread(fd.get(), text.data(), text.size() - 1, 0) <= 0) return out;
  Size read;
  if (std::sscanf(text.data(), "%" SCNu64 " %" SCNd64 "\n", &read.disk_bytes, &read.counted_ns) != 2)
    return out;
  return read;
}

void Upkeep::set_size(const Size& size) const {
  Fd fd(::openat(place_.own(), "size", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return;
  // Always as long, so that what a kill leaves is whole.
  std::array<char, 64> text{};
  int length = std::snprintf(text.data(), text.size(), "%020" PRIu64 " %020" PRId64 "\n", size.disk_bytes,
                             size.counted_ns);
  static_cast<void>(::pwrite(fd.get(), text.data(), static_cast<size_t>(length), 0) == length);
}

void Upkeep::add(uint64_t disk_bytes) {
  Size now = size();
  now.disk_bytes += disk_bytes;
  set_size(now);
}

bool Upkeep::is_due(const Limits& limits, int64_t now_ns) const {
  Size counted = size();
  return counted.disk_bytes > limits.max_bytes || counted.counted_ns + kDayNs < now_ns ||
         counted.counted_ns > now_ns || free_bytes_of(place_) < limits.min_free_bytes;
}

// An output that a run has just renewed, and handed out, stays: it is looked at once more when no run can find it any more.
bool Upkeep::remove(const CacheFile& file, int64_t cutoff) const {
  if (file.what.kind == Kind::action) return ::unlinkat(file.directory, file.name, 0) == 0;
  std::string aside = "tmp/prune-" + std::to_string(::getpid());
  struct stat st {};
  if (::renameat(file.directory, file.name, place_.own(), aside.c_str()) != 0) return false;
  bool is_renewed = ::fstatat(place_.own(), aside.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                    st.st_mtim.tv_sec * int64_t{1'000'000'000} + st.st_mtim.tv_nsec >= cutoff;
  if (is_renewed) {
    ::renameat(place_.own(), aside.c_str(), file.directory, file.name);
    return false;
  }
  return ::unlinkat(place_.own(), aside.c_str(), 0) == 0;
}

Upkeep::Pruned Upkeep::prune(const Limits& limits, int64_t now_ns) {
  Pruned out;
  // Elsewhere a build may hold a file and no lock of it be seen.
  bool may_remove = place_.is_local();
  Ages ages;
  for_each_file(place_, std::nullopt, [&](const CacheFile& file) {
    ages.add(file.used_ns, file.disk_bytes);
    ++out.left_files;
  });
  out.left_bytes = ages.total();
  int64_t wanted = ages.cutoff(limits, now_ns, free_bytes_of(place_));
  // What a run hands out is not older than the run, those included that begin from now on.
  Leases leases = look_at_leases(place_, now_ns);
  int64_t cutoff = std::min(wanted, std::min(now_ns, leases.oldest_ns) - kClockMarginNs);
  // A run that began before the clock was put back: what it hands out is older than itself.
  if (leases.living > 0 && leases.oldest_ns > now_ns) cutoff = INT64_MIN;
  std::vector<uint64_t> evicted;
  if (may_remove) {
    // What is known of an action goes before its output: whoever is killed between leaves no entry without one.
    for (Kind kind : {Kind::action, Kind::output}) {
      for_each_file(place_, kind, [&](const CacheFile& file) {
        if (file.used_ns >= wanted) return;
        bool is_kept =
            file.used_ns >= cutoff || (kind == Kind::output && leases.escaped.count(file.what.id) > 0);
        if (is_kept) {
          out.is_held_back = true;
        } else if (remove(file, cutoff)) {
          ++out.files;
          out.disk_bytes += file.disk_bytes;
          if (kind == Kind::action) evicted.push_back(file.what.id.number());
        }
      });
    }
  }
  out.entries = evicted.size();
  out.left_files -= std::min(out.left_files, out.files);
  out.left_bytes -= std::min(out.left_bytes, out.disk_bytes);
  if (!evicted.empty()) note_evicted(place_, std::move(evicted), now_ns);
  shorten_run_log(place_, now_ns);
  set_size({out.left_bytes, now_ns});
  return out;
}

Upkeep::Pruned Upkeep::clear() {
  Pruned out;
  for (Kind kind : {Kind::action, Kind::output}) {
    for_each_file(place_, kind, [&](const CacheFile& file) {
      if (::unlinkat(file.directory, file.name, 0) != 0) return;
      ++out.files;
      out.disk_bytes += file.disk_bytes;
    });
  }
  set_size({0, wall_ns()});
  return out;
}

}  // namespace bus::gocache
