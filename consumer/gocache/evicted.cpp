#include "consumer/gocache/evicted.h"

#include <algorithm>
#include <fcntl.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>

#include "protocol/base/file.h"

namespace bus::gocache {

namespace {

constexpr const char* kNewer = "evicted";
constexpr const char* kOlder = "evicted.1";
constexpr const char* kNewerUnfinished = "evicted.new";
constexpr int64_t kDay = int64_t{24} * 3600;
// The newer file takes what comes for so long; then it becomes the older one.
constexpr int64_t kSecondsOfAFile = 7 * kDay / 2;

std::vector<uint64_t> read(const Place& place, const char* name, struct stat& st) {
  Fd fd(::openat(place.own(), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  std::vector<uint64_t> out;
  if (!fd || ::fstat(fd.get(), &st) != 0) return out;
  out.resize(static_cast<size_t>(st.st_size) / sizeof(uint64_t));
  ssize_t got = ::pread(fd.get(), out.data(), out.size() * sizeof(uint64_t), 0);
  out.resize(got < 0 ? 0 : static_cast<size_t>(got) / sizeof(uint64_t));
  return out;
}

}  // namespace

Evicted::~Evicted() {
  for (Map& each : maps_) {
    if (each.count > 0) ::munmap(const_cast<uint64_t*>(each.numbers), each.count * sizeof(uint64_t));
  }
}

// The file is only ever replaced as a whole, so that what is mapped does not become shorter, and a new one has another inode.
void Evicted::map(const char* name, Map& out) {
  struct stat st {};
  if (::fstatat(place_->own(), name, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_ino == out.inode) return;
  Fd fd(::openat(place_->own(), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd || ::fstat(fd.get(), &st) != 0) return;
  size_t count = static_cast<size_t>(st.st_size) / sizeof(uint64_t);
  void* memory = MAP_FAILED;
  if (count > 0) memory = ::mmap(nullptr, count * sizeof(uint64_t), PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (memory == MAP_FAILED) return;
  if (out.count > 0) ::munmap(const_cast<uint64_t*>(out.numbers), out.count * sizeof(uint64_t));
  out = {static_cast<const uint64_t*>(memory), count, st.st_ino};
}

bool Evicted::has(const Id& action) {
  if (place_ == nullptr || place_->own() < 0) return false;
  map(kNewer, maps_[0]);
  map(kOlder, maps_[1]);
  return std::any_of(std::begin(maps_), std::end(maps_), [&](const Map& each) {
    return std::binary_search(each.numbers, each.numbers + each.count, action.number());
  });
}

void note_evicted(const Place& place, std::vector<uint64_t> actions, int64_t now_ns) {
  struct stat st {};
  std::vector<uint64_t> known = read(place, kNewer, st);
  if (!known.empty() && now_ns / 1'000'000'000 - st.st_mtim.tv_sec > kSecondsOfAFile) {
    ::renameat(place.own(), kNewer, place.own(), kOlder);
    known.clear();
  }
  actions.insert(actions.end(), known.begin(), known.end());
  std::sort(actions.begin(), actions.end());
  actions.erase(std::unique(actions.begin(), actions.end()), actions.end());
  Fd fd(::openat(place.own(), kNewerUnfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return;
  std::string_view bytes(reinterpret_cast<const char*>(actions.data()), actions.size() * sizeof(uint64_t));
  if (write_all(fd.get(), bytes)) {
    ::renameat(place.own(), kNewerUnfinished, place.own(), kNewer);
  } else {
    ::unlinkat(place.own(), kNewerUnfinished, 0);
  }
}

}  // namespace bus::gocache
