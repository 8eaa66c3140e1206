#include "consumer/gocache/verify.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "consumer/gocache/cache.h"
#include "consumer/gocache/walk.h"
#include "protocol/base/file.h"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace bus::gocache {

namespace {

// So many files are hashed by one process.
constexpr size_t kBatch = 10'000;

// sha256sum --check over "HASH  NAME" lines: the names of those that do not match, or cannot be read.
Result<void> hash(const Place& place, const std::string& lines, std::vector<std::string>& damaged) {
  Fd in(::memfd_create("names", MFD_CLOEXEC));
  Fd out(::memfd_create("answers", MFD_CLOEXEC));
  if (!in || !out) return errno_error("create a file in memory", errno);
  BUSD_TRY(write_all(in.get(), lines));
  ::lseek(in.get(), 0, SEEK_SET);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.get(), 0);
  posix_spawn_file_actions_adddup2(&actions, out.get(), 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addchdir_np(&actions, place.path().c_str());
  std::array<char*, 5> arguments = {const_cast<char*>("sha256sum"), const_cast<char*>("--check"),
                                    const_cast<char*>("--quiet"), const_cast<char*>("-"), nullptr};
  // In English, whatever the locale: its words are read.
  std::vector<char*> environment;
  for (char** each = environ; *each != nullptr; ++each) {
    if (!std::string_view(*each).starts_with("LC_") && !std::string_view(*each).starts_with("LANG"))
      environment.push_back(*each);
  }
  environment.push_back(nullptr);
  pid_t pid = 0;
  int failed = ::posix_spawnp(&pid, "sha256sum", &actions, nullptr, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0)
    return Error{Errc::io, errno_error("start sha256sum, which hashes the files", failed).what};
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
    return Error{Errc::io, "sha256sum, which hashes the files, has failed"};
  ::lseek(out.get(), 0, SEEK_SET);
  std::string answers;
  std::array<char, 65536> buffer{};
  for (ssize_t got = 0; (got = ::read(out.get(), buffer.data(), buffer.size())) > 0;)
    answers.append(buffer.data(), static_cast<size_t>(got));
  // "NAME: FAILED", or "NAME: FAILED open or read"
  for (size_t at = 0, end = 0; (end = answers.find('\n', at)) != std::string::npos; at = end + 1) {
    size_t colon = answers.find(": FAILED", at);
    if (colon < end) damaged.push_back(answers.substr(at, colon - at));
  }
  return {};
}

bool exists(const Place& place, const std::string& name) {
  return ::faccessat(place.fd(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace

Result<Verified> verify(const Place& place) {
  Verified out;
  std::string lines;
  size_t batch = 0;
  Result<void> hashed;
  auto flush = [&] {
    if (hashed && batch > 0) hashed = hash(place, lines, out.damaged);
    lines.clear();
    batch = 0;
  };
  for_each_file(place, Kind::output, [&](const CacheFile& file) {
    ++out.outputs;
    append_hex(lines, file.what.id);
    lines += "  " + name_of(file.what.id, Kind::output) + "\n";
    if (++batch == kBatch) flush();
  });
  flush();
  BUSD_TRY(std::move(hashed));
  auto remove = [&](const std::string& name) {
    if (!place.read_only() && ::unlinkat(place.fd(), name.c_str(), 0) == 0) ++out.removed;
  };
  // One that was pruned meanwhile is no damage.
  std::erase_if(out.damaged, [&](const std::string& name) { return !exists(place, name); });
  for (const std::string& name : out.damaged) remove(name);
  for_each_file(place, Kind::action, [&](const CacheFile& file) {
    ++out.entries;
    if (Cache::is_whole(place, file.what.id)) return;
    out.broken.push_back(name_of(file.what.id, Kind::action));
    remove(out.broken.back());
  });
  return out;
}

}  // namespace bus::gocache
