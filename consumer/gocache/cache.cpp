#include "consumer/gocache/cache.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consumer/gocache/lease.h"
#include "protocol/base/file.h"

namespace bus::gocache {

namespace {

// What is known of an action is small, and nobody holds it: its time stamp only tells how long ago it was used.
constexpr int64_t kStaleNs = 600 * kSecondNs;

int64_t time_of(const struct stat& st) { return st.st_mtim.tv_sec * kSecondNs + st.st_mtim.tv_nsec; }

// The file of an action, with its time stamp.
struct Read {
  std::string text;
  struct stat st {};
};

std::optional<Read> read_entry(const Place& place, const std::string& name) {
  Fd fd(::openat(place.fd(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  Read out;
  if (!fd || ::fstat(fd.get(), &out.st) != 0 || !place.may_serve(out.st)) return std::nullopt;
  // One byte more than there may be.
  std::array<char, kEntryBytes + 1> buffer{};
  ssize_t got = ::pread(fd.get(), buffer.data(), buffer.size(), 0);
  if (got < 0) return std::nullopt;
  out.text.assign(buffer.data(), static_cast<size_t>(got));
  return out;
}

}  // namespace

std::optional<Cache::Found> Cache::get(const Id& action) {
  if (!place_.trusts(action)) return std::nullopt;
  std::string name = name_of(action, Kind::action);
  auto read = read_entry(place_, name);
  if (!read) return std::nullopt;
  auto entry = entry_of(read->text);
  if (!entry || entry->action != action) {
    remove(action, nullptr);
    return std::nullopt;
  }
  std::string output = name_of(entry->output, Kind::output);
  struct stat st {};
  bool is_there = ::fstatat(place_.fd(), output.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
  // The go command keeps what it can execute in a directory of this name: not ours, and no damage.
  if (is_there && S_ISDIR(st.st_mode)) return std::nullopt;
  if (!is_there || !place_.may_serve(st) || static_cast<uint64_t>(st.st_size) != entry->size ||
      !place_.trusts(entry->output)) {
    remove(action, is_there ? &entry->output : nullptr);
    return std::nullopt;
  }
  if (!place_.read_only() && !renew(name, read->st, output, st, entry->output)) return std::nullopt;
  return Found{*entry, place_.path_of(entry->output, Kind::output)};
}

bool Cache::is_whole(const Place& place, const Id& action) {
  auto read = read_entry(place, name_of(action, Kind::action));
  auto entry = read ? entry_of(read->text) : std::nullopt;
  struct stat st {};
  if (!entry || entry->action != action ||
      ::fstatat(place.fd(), name_of(entry->output, Kind::output).c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return false;
  }
  return S_ISDIR(st.st_mode) || static_cast<uint64_t>(st.st_size) == entry->size;
}

bool Cache::put(const Entry& entry, const std::string& run) {
  std::string name = name_of(entry.action, Kind::action);
  if (!place_.trusts(entry.action)) {
    errno = EPERM;
    return false;
  }
  // One after another, so one name will do.
  std::string unfinished = "tmp/" + run + "-a";
  Fd fd(::openat(place_.own(), unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                 0644));
  if (!fd) return false;
  bool is_named = write_all(fd.get(), line_of(entry)).has_value() && place_.move_in(unfinished, name);
  if (!is_named) {
    int saved = errno;
    ::unlinkat(place_.own(), unfinished.c_str(), 0);
    errno = saved;
  }
  return is_named;
}

// False: the output has just been pruned, or is just being. Its time stamp is renewed before that of what leads to it: so it is hardly ever the older one.
bool Cache::renew(const std::string& action, const struct stat& its, const std::string& output,
                  const struct stat& outputs, const Id& id) const {
  auto is_from = [](const struct stat& st, int64_t began, int64_t ended) {
    return time_of(st) >= began && time_of(st) <= ended;
  };
  int64_t ends = wall_ns() + kSecondNs;  // whatever is later comes from a clock that was put back
  bool is_fresh = is_from(its, began_ns_ - kStaleNs, ends);
  if (is_fresh && is_from(outputs, began_ns_, ends)) return true;
  {
    OutputLock lock(place_, id, false);
    if (!lock.is_free()) return false;
    if (::utimensat(place_.fd(), output.c_str(), nullptr, AT_SYMLINK_NOFOLLOW) != 0) return false;
  }
  if (!is_fresh) ::utimensat(place_.fd(), action.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
  return true;
}

void Cache::remove(const Id& action, const Id* output) {
  ++healed_;
  if (place_.read_only()) return;
  ::unlinkat(place_.fd(), name_of(action, Kind::action).c_str(), 0);
  if (output != nullptr) ::unlinkat(place_.fd(), name_of(*output, Kind::output).c_str(), 0);
}

}  // namespace bus::gocache
