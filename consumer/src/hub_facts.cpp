#include "consumer/src/hub_facts.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <string_view>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <system_error>
#include <unistd.h>

#include "consumer/src/socket_trouble.h"
#include "protocol/base/file.h"
#include "protocol/base/unix_socket.h"
#include "protocol/codec.h"

namespace bus::sdk {

namespace {

constexpr size_t kMaxLocksFileBytes = 4'194'304;

template <class Number>
std::optional<Number> number_of(std::string_view text, int base) {
  Number value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view next_word(std::string_view& text) {
  size_t begin = std::min(text.find_first_not_of(' '), text.size());
  size_t end = std::min(text.find(' ', begin), text.size());
  std::string_view word = text.substr(begin, end - begin);
  text.remove_prefix(end);
  return word;
}

// The pid in a line of /proc/locks (proc(5)) if it is an flock held on `file`:
//   1: FLOCK  ADVISORY  WRITE 708 fe:01:1234 0 EOF
std::optional<int64_t> flock_holder(std::string_view line, const struct stat& file) {
  next_word(line);
  if (next_word(line) != "FLOCK") return std::nullopt;  // "->" there: one who waits
  next_word(line);
  next_word(line);
  auto pid = number_of<int64_t>(next_word(line), 10);
  std::string_view where = next_word(line);
  size_t first = where.find(':');
  size_t second = where.rfind(':');
  if (!pid || first == std::string_view::npos || first == second) return std::nullopt;
  auto device_major = number_of<unsigned>(where.substr(0, first), 16);
  auto device_minor = number_of<unsigned>(where.substr(first + 1, second - first - 1), 16);
  auto inode = number_of<uint64_t>(where.substr(second + 1), 10);
  if (device_major != major(file.st_dev) || device_minor != minor(file.st_dev) || inode != file.st_ino)
    return std::nullopt;
  return pid;
}

enum class LockState { free, held, unknown };

// `pid` gets the holder, if the kernel names one.
LockState inspect_lock(const std::string& path, int64_t& pid) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) return errno == ENOENT ? LockState::free : LockState::unknown;
  if (!S_ISREG(file.st_mode)) return LockState::unknown;
  auto locks = read_file("/proc/locks", kMaxLocksFileBytes);
  std::string_view rest = locks ? std::string_view(*locks) : std::string_view();
  while (!rest.empty()) {
    size_t end = std::min(rest.find('\n'), rest.size());
    if (auto holder = flock_holder(rest.substr(0, end), file)) {
      pid = std::max<int64_t>(*holder, 0);
      return LockState::held;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  // Not every lock is listed: not one from another pid namespace, and some file systems name another device.
  // A shared lock, held for no time, tells; a hub that wants the lock in that moment tries again. The lock of
  // another user's hub cannot be opened.
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return LockState::unknown;
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) return LockState::free;
  return errno == EWOULDBLOCK ? LockState::held : LockState::unknown;
}

void inspect_socket(const Endpoint& endpoint, HubFacts& facts) {
  auto socket = connect_unix(endpoint.socket, milliseconds(100));
  if (!socket) {
    facts.trouble = explained(endpoint, std::move(socket.error()));
    return;
  }
  // A status query is no activity (PROTOCOL.md 4): looking at a hub does not keep it from leaving for lack of
  // use.
  std::string query = encode(StatusQuery{});
  (void)::send(socket->get(), query.data(), query.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  auto peer = peer_credentials(socket->get());
  if (!peer) return;
  facts.peer_pid = peer->pid;
  facts.peer_uid = peer->uid;
}

}  // namespace

HubFacts hub_inspect(const Endpoint& endpoint) {
  HubFacts facts;
  int64_t unused = 0;
  LockState lock = inspect_lock(endpoint.lock, facts.lock_pid);
  facts.lock_held = lock == LockState::held;
  if (inspect_lock(endpoint.start_lock, unused) == LockState::held) facts.starter_pid = unused;
  struct stat at_path {};
  bool found = ::lstat(endpoint.socket.c_str(), &at_path) == 0;
  bool missing = !found && (errno == ENOENT || errno == ENOTDIR);
  facts.socket_exists = found && S_ISSOCK(at_path.st_mode);
  inspect_socket(endpoint, facts);
  bool silent = facts.peer_pid == 0 && facts.trouble.code == Errc::unavailable;
  facts.absent = silent && ((missing && lock != LockState::held) || (found && lock == LockState::free));
  return facts;
}

bool has_open(int64_t pid, const std::string& path) {
  struct stat wanted {};
  if (::lstat(path.c_str(), &wanted) != 0) return false;
  std::error_code failure;
  std::filesystem::directory_iterator files("/proc/" + std::to_string(pid) + "/fd", failure);
  for (; !failure && files != std::filesystem::directory_iterator(); files.increment(failure)) {
    struct stat file {};
    if (::stat(files->path().c_str(), &file) == 0 && file.st_ino == wanted.st_ino &&
        file.st_dev == wanted.st_dev) {
      return true;
    }
  }
  return false;
}

bool has_open_removed(int64_t pid, const std::string& path) {
  std::error_code failure;
  std::filesystem::directory_iterator files("/proc/" + std::to_string(pid) + "/fd", failure);
  for (; !failure && files != std::filesystem::directory_iterator(); files.increment(failure)) {
    std::error_code gone;
    if (std::filesystem::read_symlink(files->path(), gone) == path + " (deleted)") {
      struct stat file {};
      if (::stat(files->path().c_str(), &file) == 0 && S_ISREG(file.st_mode) && file.st_nlink == 0)
        return true;
    }
  }
  return false;
}

bool is_own_hub(const HubFacts& facts) {
  return facts.peer_pid > 0 && (facts.peer_uid == 0 || facts.peer_uid == ::geteuid());
}

Endpoint locate(const Endpoint& endpoint) {
  if (endpoint.elsewhere.empty() || !hub_inspect(endpoint).absent) return endpoint;
  for (const std::string& socket : endpoint.elsewhere) {
    auto other = endpoint_at(socket);
    if (!other || !check_own_dir(other->directory) || !is_own_hub(hub_inspect(*other))) continue;
    other->name = endpoint.name;
    other->notice = endpoint.notice;
    return std::move(*other);
  }
  return endpoint;
}

std::vector<Endpoint> hubs_at(const StandardPlaces& places) {
  std::vector<Endpoint> found;
  for (const std::string& directory : places.directories) {
    if (!check_own_dir(directory)) continue;
    std::vector<std::string> sockets;
    std::error_code failure;
    std::filesystem::directory_iterator files(directory, failure);
    for (; !failure && files != std::filesystem::directory_iterator(); files.increment(failure)) {
      if (files->path().extension() == ".sock") sockets.push_back(files->path().string());
    }
    std::sort(sockets.begin(), sockets.end());
    for (std::string& socket : sockets) {
      auto endpoint = endpoint_at(std::move(socket));
      if (endpoint && is_own_hub(hub_inspect(*endpoint))) found.push_back(std::move(*endpoint));
    }
  }
  return found;
}

}  // namespace bus::sdk
