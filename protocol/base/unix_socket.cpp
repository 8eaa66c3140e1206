#include "protocol/base/unix_socket.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "protocol/base/strings.h"

namespace bus {

namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Result<Fd> stream_socket() {
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return errno_error("socket", errno);
  return fd;
}

}  // namespace

Result<void> check_socket_path(const std::string& path) {
  if (path.empty()) return Error{Errc::invalid, "the socket path is empty"};
  if (path.find('\0') != std::string::npos) return Error{Errc::invalid, "the socket path holds a NUL byte"};
  if (path.size() > kMaxSocketPathBytes) {
    return Error{Errc::too_long, "socket path " + printable(path) + " is " + std::to_string(path.size()) +
                                     " bytes long; the limit is " + std::to_string(kMaxSocketPathBytes)};
  }
  return {};
}

Result<Fd> listen_unix(const std::string& path, int backlog) {
  BUSD_TRY(check_socket_path(path));
  BUSD_ASSIGN(Fd fd, stream_socket());
  sockaddr_un address = address_of(path);
  // bind(2) applies the umask to the socket's mode; narrowing it afterwards would leave a moment when it is
  // open.
  mode_t before = ::umask(0177);
  int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  int saved = errno;
  ::umask(before);
  if (bound != 0) return errno_error("bind " + printable(path), saved);
  if (::listen(fd.get(), backlog) != 0) {
    Error error = errno_error("listen on " + printable(path), errno);
    ::unlink(path.c_str());
    return error;
  }
  return fd;
}

Result<Fd> connect_unix(const std::string& path, Duration patience) {
  BUSD_TRY(check_socket_path(path));
  BUSD_ASSIGN(Fd fd, stream_socket());
  sockaddr_un address = address_of(path);
  // A full backlog is EAGAIN here, and poll() cannot wait for it to drain. A blocking connect can, bounded by
  // SO_SNDTIMEO (unix(7), af_unix.c: unix_stream_connect waits for sock_sndtimeo).
  auto left = std::max<long long>(to_ms(patience), 1);
  timeval timeout{};
  timeout.tv_sec = left / 1000;
  timeout.tv_usec = (left % 1000) * 1000;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) != 0) {
    return errno_error("setsockopt", errno);
  }
  int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags & ~O_NONBLOCK) != 0) return errno_error("fcntl", errno);
  int connected = 0;
  do {
    connected = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } while (connected != 0 && errno == EINTR);
  if (connected != 0) {
    if (errno == EAGAIN)
      return Error{Errc::timed_out, "connect to " + printable(path) + ": its backlog stayed full"};
    return errno_error("connect to " + printable(path), errno);
  }
  if (::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0) return errno_error("fcntl", errno);
  return fd;
}

Result<PeerCredentials> peer_credentials(int fd) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
    return errno_error("getsockopt SO_PEERCRED", errno);
  }
  return PeerCredentials{credentials.pid, credentials.uid, credentials.gid};
}

}  // namespace bus
