#include "consumer/gocache/prune.h"

#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <fcntl.h>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <thread>
#include <utility>
#include <vector>

#include "consumer/gocache/core/entry.h"
#include "consumer/gocache/evicted.h"
#include "consumer/gocache/lease.h"
#include "consumer/gocache/run_log.h"
#include "consumer/gocache/walk.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"

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

Result<Upkeep> Upkeep::begin(Place& place, std::chrono::milliseconds patience) {
  Fd lock(::openat(place.own(), "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return errno_error("open the lock of the cache", errno);
  constexpr std::chrono::milliseconds kPause{20};
  auto left = patience;
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return errno_error("lock the cache", errno);
    if (left <= std::chrono::milliseconds(0))
      return Error{Errc::busy, "another bus-gocache prunes this cache; try again in a moment"};
    std::this_thread::sleep_for(kPause);
    left -= kPause;
  }
  return Upkeep(place, std::move(lock));
}

Upkeep::Size Upkeep::size_of(const Place& place) {
  Size out;
  Fd fd(::openat(place.own(), "size", O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  std::array<char, 64> text{};
  if (!fd || ::pread(fd.get(), text.data(), text.size() - 1, 0) <= 0) return out;
  // "BYTES TIME\n"
  std::string_view line(text.data());
  size_t space = line.find(' ');
  size_t end = line.find('\n');
  if (space == std::string_view::npos || end == std::string_view::npos || end < space) return out;
  auto bytes = parse_u64(line.substr(0, space));
  auto time = parse_u64(line.substr(space + 1, end - space - 1));
  if (!bytes || !time || *time > static_cast<uint64_t>(INT64_MAX)) return out;
  return {*bytes, static_cast<int64_t>(*time)};
}

void Upkeep::forget_size(const Place& place) { ::unlinkat(place.own(), "size", 0); }

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

// What a run has renewed since it was looked at stays, and so does what a run is just renewing.
bool Upkeep::remove(const CacheFile& file, int64_t cutoff) const {
  if (file.what.kind == Kind::action) return ::unlinkat(file.directory, file.name, 0) == 0;
  OutputLock lock(place_, file.what.id, true);
  struct stat st {};
  if (!lock.is_free() || ::fstatat(file.directory, file.name, &st, AT_SYMLINK_NOFOLLOW) != 0) return false;
  if (st.st_mtim.tv_sec * kSecondNs + st.st_mtim.tv_nsec >= cutoff) return false;
  return ::unlinkat(file.directory, file.name, 0) == 0;
}

Upkeep::Pruned Upkeep::prune(const Limits& limits, int64_t now_ns) {
  Pruned out;
  Ages ages;
  for_each_file(place_, std::nullopt, [&](const CacheFile& file) {
    ages.add(file.used_ns, file.disk_bytes);
    ++out.left_files;
  });
  out.left_bytes = ages.total();
  // Elsewhere a build may hold a file and no lock of it be seen.
  if (place_.is_local())
    remove_before(ages.cutoff(limits, now_ns, free_bytes_of(place_)), false, now_ns, out);
  shorten_run_log(place_, now_ns);
  set_size({out.left_bytes, now_ns});
  return out;
}

// Builds that begin meanwhile lose nothing that they were given.
Upkeep::Pruned Upkeep::clear(int64_t now_ns) {
  Pruned out;
  for_each_file(place_, std::nullopt, [&](const CacheFile& file) {
    ++out.left_files;
    out.left_bytes += file.disk_bytes;
  });
  remove_before(INT64_MAX, true, now_ns, out);
  set_size({out.left_bytes, now_ns});
  return out;
}

void Upkeep::remove_before(int64_t wanted, bool with_escaped, int64_t now_ns, Pruned& out) {
  // What a run hands out is not older than the run, those included that begin from now on.
  Leases leases = look_at_leases(place_, now_ns);
  int64_t cutoff = std::min(wanted, std::min(now_ns, leases.oldest_ns) - kClockMarginNs);
  // A run that began before the clock was put back: what it hands out is older than itself.
  if (leases.living > 0 && leases.oldest_ns > now_ns) cutoff = INT64_MIN;
  std::vector<uint64_t> evicted;
  // What is known of an action goes before its output: a process that is killed between leaves no entry without one.
  for (Kind kind : {Kind::action, Kind::output}) {
    for_each_file(place_, kind, [&](const CacheFile& file) {
      if (file.used_ns >= wanted) return;
      bool has_escaped = kind == Kind::output && !with_escaped && leases.escaped.count(file.what.id) > 0;
      if (file.used_ns >= cutoff) {
        out.held_by_builds = out.held_by_builds || leases.living > 0;
      } else if (has_escaped) {
        out.held_by_paths = true;
      } else if (remove(file, cutoff)) {
        ++out.files;
        out.disk_bytes += file.disk_bytes;
        if (kind == Kind::action) evicted.push_back(file.what.id.number());
      }
    });
  }
  out.entries = evicted.size();
  out.left_files -= std::min(out.left_files, out.files);
  out.left_bytes -= std::min(out.left_bytes, out.disk_bytes);
  if (!evicted.empty()) note_evicted(place_, std::move(evicted), now_ns);
}

}  // namespace bus::gocache
