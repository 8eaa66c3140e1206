#include "hub/passed_socket.h"

#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/base/strings.h"

namespace bus::hub {

namespace {

Error refused(int fd, const std::string& why) {
  return {Errc::invalid, "the passed descriptor " + std::to_string(fd) + " " + why};
}

Result<int> socket_option(int fd, int option) {
  int value = 0;
  socklen_t length = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, option, &value, &length) != 0) {
    if (errno == EBADF) return refused(fd, "is not open");
    if (errno == ENOTSOCK) return refused(fd, "is not a socket: give busd a socket unit with ListenStream=");
    return errno_error("getsockopt of the passed descriptor " + std::to_string(fd), errno);
  }
  return value;
}

// The path that the socket is bound to; nothing when it has none: unbound, or of the abstract name space.
Result<std::optional<std::string>> path_of(int fd) {
  sockaddr_un address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return errno_error("getsockname of the passed descriptor " + std::to_string(fd), errno);
  }
  // A path that fills sun_path has no NUL, and the length then counts one (unix(7)).
  size_t bytes = length > offsetof(sockaddr_un, sun_path) ? length - offsetof(sockaddr_un, sun_path) : 0;
  if (bytes == 0 || address.sun_path[0] == '\0') return std::optional<std::string>();
  bytes = bytes < sizeof address.sun_path ? bytes : sizeof address.sun_path;
  std::string path(address.sun_path, bytes);
  return std::optional<std::string>(path.substr(0, path.find('\0')));
}

// Two spellings of one path, such as /var/run and /run.
bool lead_to_the_same(const std::string& one, const std::string& other) {
  struct stat a {};
  struct stat b {};
  return ::lstat(one.c_str(), &a) == 0 && ::lstat(other.c_str(), &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

Result<void> check_path(int fd, const std::string& path) {
  BUSD_ASSIGN(std::optional<std::string> bound, path_of(fd));
  if (!bound) return refused(fd, "is a socket without a path; the hub is to serve " + printable(path));
  if (*bound == path || lead_to_the_same(*bound, path)) return {};
  return refused(fd, "listens at " + printable(*bound) + ", but the hub is to serve " + printable(path) +
                         ": give both the same path (--socket, ListenStream=)");
}

}  // namespace

Result<bool> socket_is_passed(const Environment& environment, pid_t self) {
  const char* pid_text = environment("LISTEN_PID");
  if (pid_text == nullptr || *pid_text == '\0') return false;
  auto pid = parse_u64(pid_text);
  if (!pid || *pid == 0) return Error{Errc::invalid, "LISTEN_PID " + printable(pid_text) + " is not a pid"};
  if (*pid != static_cast<uint64_t>(self)) return false;
  const char* count_text = environment("LISTEN_FDS");
  if (count_text == nullptr) return Error{Errc::invalid, "LISTEN_PID is set, and LISTEN_FDS is not"};
  auto count = parse_u64(count_text);
  if (!count) return Error{Errc::invalid, "LISTEN_FDS " + printable(count_text) + " is not a number"};
  if (*count != 1) {
    return Error{Errc::invalid, std::to_string(*count) +
                                    " descriptors were passed (LISTEN_FDS), and busd serves exactly one "
                                    "socket: give it a socket unit with one ListenStream="};
  }
  return true;
}

Result<Fd> adopt_passed_socket(int fd, const std::string& path, int backlog) {
  BUSD_ASSIGN(int family, socket_option(fd, SO_DOMAIN));
  if (family != AF_UNIX) return refused(fd, "is not a Unix socket: busd listens on paths only");
  BUSD_ASSIGN(int type, socket_option(fd, SO_TYPE));
  if (type != SOCK_STREAM) return refused(fd, "is not a stream socket: use ListenStream=");
  BUSD_ASSIGN(int listens, socket_option(fd, SO_ACCEPTCONN));
  if (listens == 0) return refused(fd, "does not listen: a socket unit for busd needs Accept=no");
  BUSD_TRY(check_path(fd, path));
  int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
    return errno_error("fcntl of the passed descriptor " + std::to_string(fd), errno);
  }
  if (::listen(fd, backlog) != 0)
    return errno_error("listen on the passed descriptor " + std::to_string(fd), errno);
  return Fd(fd);
}

Result<void> check_passed_dir(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) return errno_error("directory " + printable(path), errno);
  if (S_ISLNK(st.st_mode)) return Error{Errc::denied, "directory " + printable(path) + " is a symlink"};
  if (!S_ISDIR(st.st_mode)) return Error{Errc::denied, printable(path) + " is not a directory"};
  if (st.st_uid != ::geteuid() && st.st_uid != 0) {
    return Error{Errc::denied, "directory " + printable(path) + " belongs to uid " +
                                   std::to_string(st.st_uid) + ", neither to us (uid " +
                                   std::to_string(::geteuid()) +
                                   ") nor to root; use a directory of your own, such as /tmp/busd-" +
                                   std::to_string(::geteuid()) + "/"};
  }
  if ((st.st_mode & 022U) != 0) {
    return Error{Errc::denied, "others may write to directory " + printable(path) + "; chmod go-w it"};
  }
  return {};
}

}  // namespace bus::hub
