#include "consumer/src/bulk_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"
#include "protocol/base/unix_socket.h"
#include "protocol/json_text.h"
#include "protocol/raw_json.h"

namespace bus::sdk {

namespace {

constexpr size_t kCopyBytes = 262'144;
constexpr size_t kNameBytes = 6;
constexpr size_t kTokenBytes = 24;

Result<std::string> random_name(size_t bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string raw(bytes, '\0');
  if (::getrandom(raw.data(), raw.size(), 0) != static_cast<ssize_t>(raw.size()))
    return errno_error("getrandom", errno);
  std::string name;
  for (char byte : raw) {
    name += kDigits[static_cast<unsigned char>(byte) >> 4];
    name += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return name;
}

// Removes the sockets on which nobody listens any more.
void remove_stale(const std::string& directory) {
  std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(directory.c_str()), ::closedir);
  if (!listing) return;
  while (const dirent* entry = ::readdir(listing.get())) {
    if (entry->d_type != DT_SOCK) continue;
    std::string path = directory + "/" + entry->d_name;
    auto connected = connect_unix(path, milliseconds(1));
    if (!connected && connected.error().code == Errc::unavailable) ::unlink(path.c_str());
  }
}

// Not listen_unix(): that sets the umask, which is the whole process's, and here nobody else can enter the
// directory.
Result<Fd> listen_at(const std::string& path) {
  BUSD_TRY(check_socket_path(path));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return errno_error("socket", errno);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return errno_error("bind " + printable(path), errno);
  if (::chmod(path.c_str(), 0600) == 0 && ::listen(fd.get(), 8) == 0) return fd;
  Error error = errno_error("listen on " + printable(path), errno);
  ::unlink(path.c_str());
  return error;
}

// Whether the descriptor has one of `events`, or an error, before `until`.
bool wait_for(int fd, short events, TimePoint until) {
  for (;;) {
    TimePoint at = now();
    auto left = std::chrono::ceil<milliseconds>(std::max(until - at, Duration::zero()));
    pollfd ready{fd, events, 0};
    int found = ::poll(&ready, 1, until == kNever ? -1 : static_cast<int>(left.count()));
    if (found > 0) return true;
    if (found == 0 && now() >= until) return false;
  }
}

Result<void> send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      wait_for(socket, POLLOUT, kNever);
    } else if (errno != EINTR) {
      return Error{Errc::closed, "the reader of the stream went away"};
    }
  }
  return {};
}

}  // namespace

Result<BulkStream> BulkStream::open(const std::string& directory, Duration patience) {
  std::string streams = directory + "/streams";
  BUSD_TRY(ensure_own_dir(streams));
  remove_stale(streams);
  BulkStream stream;
  BUSD_ASSIGN(std::string name, random_name(kNameBytes));
  BUSD_ASSIGN(stream.token_, random_name(kTokenBytes));
  std::string path = streams + "/" + name;
  BUSD_ASSIGN(stream.listener_, listen_at(path));
  stream.path_ = path;
  stream.until_ = now() + patience;
  stream.ticket_ = R"({"stream":{"socket":)";
  append_json_string(stream.ticket_, path);
  stream.ticket_ += R"(,"token":")" + stream.token_ + "\"}}";
  return stream;
}

BulkStream::~BulkStream() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

// Whether who has connected may read: the token's line is the first that it sends. What else it says does not
// matter.
Result<bool> BulkStream::is_reader(int socket) const {
  BUSD_ASSIGN(PeerCredentials peer, peer_credentials(socket));
  if (peer.uid != ::geteuid() && peer.uid != 0) return false;
  std::string line;
  while (line.size() <= token_.size()) {
    if (!wait_for(socket, POLLIN, until_)) return false;
    char byte = 0;
    ssize_t n = ::recv(socket, &byte, 1, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return false;
    if (n > 0) line += byte;
  }
  return line == token_ + "\n";
}

Result<Fd> BulkStream::accept_reader() {
  while (wait_for(listener_.get(), POLLIN, until_)) {
    Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) {
      if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) continue;
      return errno_error("accept", errno);
    }
    BUSD_ASSIGN(bool is_good, is_reader(socket.get()));
    if (is_good) return socket;
  }
  return Error{Errc::timed_out, "nobody came to read the stream"};
}

Result<void> BulkStream::send(int from) {
  BUSD_ASSIGN(Fd reader, accept_reader());
  ::unlink(path_.c_str());
  path_.clear();
  listener_.reset();
  auto buffer = std::make_unique_for_overwrite<char[]>(kCopyBytes);
  for (;;) {
    ssize_t n = ::read(from, buffer.get(), kCopyBytes);
    if (n == 0) return {};
    if (n > 0) {
      BUSD_TRY(send_all(reader.get(), {buffer.get(), static_cast<size_t>(n)}));
    } else if (errno == EAGAIN) {
      wait_for(from, POLLIN, kNever);
    } else if (errno != EINTR) {
      return errno_error("the source of the stream cannot be read", errno);
    }
  }
}

namespace {

// The text of a member of the object that was scanned last.
std::string text_member(const RawJson& json, std::string_view name) {
  for (const Member& member : json.children()) {
    if (token_is(member.name_token, name) && kind_of(member.value_token) == JsonKind::string)
      return decode_json_string(member.value_token);
  }
  return {};
}

}  // namespace

Result<Fd> receive_stream(std::string_view ticket) {
  RawJson json;
  std::string_view stream;
  if (!json.scan(ticket) && kind_of(json.value()) == JsonKind::object) {
    for (const Member& member : json.children()) {
      if (token_is(member.name_token, "stream")) stream = member.value_token;
    }
  }
  Error bad{Errc::invalid, "this is no ticket of a stream, {\"stream\":{\"socket\":PATH,\"token\":TEXT}}"};
  RawJson inner;
  if (stream.empty() || kind_of(stream) != JsonKind::object || inner.scan(stream)) return bad;
  std::string path = text_member(inner, "socket");
  std::string token = text_member(inner, "token");
  if (!path.starts_with('/') || token.empty()) return bad;
  auto connected = connect_unix(path, kStreamPatience);
  if (!connected && connected.error().code == Errc::unavailable)
    return Error{Errc::unavailable,
                 "the stream is gone: it was read, nobody read it in time, or its sender died"};
  if (!connected) return std::move(connected.error());
  auto sent = send_all(connected->get(), token + "\n");
  if (!sent) return Error{Errc::unavailable, "the stream is gone"};
  int flags = ::fcntl(connected->get(), F_GETFL);
  if (flags < 0 || ::fcntl(connected->get(), F_SETFL, flags & ~O_NONBLOCK) != 0)
    return errno_error("fcntl", errno);
  return std::move(*connected);
}

}  // namespace bus::sdk
