// Processes of other users. Needs root, to be somebody else.
#pragma once

#include <cerrno>
#include <grp.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "protocol/base/unix_socket.h"
#include "tests/integration/forked.h"
#include "tests/support/raw_client.h"

namespace bus::test {

inline constexpr uid_t kStranger = 65534;
inline constexpr uid_t kOtherStranger = 65533;

inline bool can_be_another() {
  if (::geteuid() == 0) return true;
  WARN("skipped: needs root");
  return false;
}

// For good, in a child. Answers false when this process may not.
inline bool become(uid_t uid, const std::vector<gid_t>& groups = {}) {
  return ::setgroups(groups.size(), groups.data()) == 0 && ::setresgid(uid, uid, uid) == 0 &&
         ::setresuid(uid, uid, uid) == 0;
}

// The next line, or why there is none, such as "EOF".
inline std::string line_or_end(const Fd& connection) {
  std::string line;
  for (;;) {
    pollfd waiting{connection.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 10'000) != 1) return "nothing in time";
    char c = 0;
    ssize_t n = ::read(connection.get(), &c, 1);
    if (n == 0) return "EOF";
    if (n < 0 && errno != EAGAIN) return "a reset";
    if (n < 0) continue;
    if (c == '\n') return line;
    line += c;
  }
}

// Says hello on a connection that may have been closed by the hub already: its answer is there all the same.
inline std::string answer_to_hello(const Fd& connection) {
  std::string hello = hello_line("k") + "\n";
  static_cast<void>(::send(connection.get(), hello.data(), hello.size(), MSG_NOSIGNAL));
  return line_or_end(connection);
}

// What a process of another user, in `groups`, reads after it has said hello; failures as text.
inline std::string answer_to_stranger(const std::string& socket, const std::vector<gid_t>& groups = {},
                                      uid_t uid = kStranger) {
  Forked stranger([&](const Forked::Tell& tell) {
    if (!become(uid, groups)) return tell("no other uid");
    auto connected = connect_unix(socket, kPatience);
    tell(connected ? answer_to_hello(*connected) : connected.error().what);
  });
  return stranger.read_line();
}

// After the start, which would refuse this: what an administrator may do who lets others in.
inline void open_to_all(const HubProcess& hub) {
  REQUIRE(::chmod(hub.directory().c_str(), 0711) == 0);
  REQUIRE(::chmod(hub.socket().c_str(), 0666) == 0);
}

}  // namespace bus::test
