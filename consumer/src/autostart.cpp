#include "consumer/src/autostart.h"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <dlfcn.h>
#include <link.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "consumer/src/hub_facts.h"
#include "consumer/src/socket_trouble.h"
#include "consumer/src/start_lock.h"
#include "protocol/base/file.h"
#include "protocol/base/process.h"
#include "protocol/base/strings.h"
#include "protocol/base/unix_socket.h"

namespace bus::sdk {

namespace {

// A hub that was started for a client goes when it has had no client for this long (PROTOCOL.md 8).
constexpr const char* kIdleExit = "30s";

const char* environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// A hub belongs to the owner of its directory. In a directory of another user, such as that of the system's
// bus, only that user starts one: a client that waits for that hub tries again, as if starting were not
// allowed.
bool is_of_another(const std::string& directory) {
  struct stat st {};
  return ::lstat(directory.c_str(), &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid != ::geteuid();
}

std::string beside_program() {
  char self[PATH_MAX];
  ssize_t length = ::readlink("/proc/self/exe", self, sizeof self);
  if (length <= 0 || static_cast<size_t>(length) >= sizeof self) return "";
  return parent_dir(std::string(self, static_cast<size_t>(length))) + "/busd";
}

// Relative to where the loader found us, so that an installation may be moved as a whole.
std::string installed_with_library() {
  Dl_info found{};
  void* map = nullptr;
  if (::dladdr1(&kIdleExit, &found, &map, RTLD_DL_LINKMAP) == 0 || map == nullptr) return "";
  std::string library = static_cast<const link_map*>(map)->l_name;
  // Linked statically we are part of the program, which has no name here. A relative name comes from a
  // relative LD_LIBRARY_PATH, and would make the working directory decide what is started.
  if (library.empty() || library.front() != '/') return "";
  return parent_dir(library) + "/" BUSD_FROM_LIBRARY;
}

// A directory can be "executable" too, such as a checkout of busd beside a program.
bool is_program(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

Result<Fd> take_start_lock(const Endpoint& where, const StartPolicy& policy, TimePoint deadline) {
  if (!policy.wait_for_others) return try_lock_file(where.start_lock);
  auto lock = lock_file_until(where.start_lock, deadline);
  if (!lock && lock.error().code == Errc::timed_out) {
    return Error{Errc::timed_out, "another client is starting the hub, and was not done in time"};
  }
  return lock;
}

}  // namespace

Result<Fd> connect_hub(const Endpoint& where, TimePoint deadline) {
  if (!where.explicit_path) BUSD_TRY(check_own_dir(where.directory));
  return connect_unix(where.socket, std::max(deadline - now(), Duration::zero()));
}

namespace {

// To the hub of the user's own place, else to one at another standard place of the user's.
Result<Fd> connect_any(const Endpoint& where, TimePoint deadline) {
  auto connected = connect_hub(where, deadline);
  if (connected || connected.error().code != Errc::unavailable) return connected;
  Endpoint other = locate(where);
  if (other.socket == where.socket) return connected;
  auto elsewhere = connect_unix(other.socket, std::max(deadline - now(), Duration::zero()));
  auto peer = elsewhere ? peer_credentials(elsewhere->get()) : Result<PeerCredentials>(elsewhere.error());
  bool own = peer && (peer->uid == 0 || peer->uid == ::geteuid());
  return own ? std::move(elsewhere) : std::move(connected);
}

// To a client that may not start a hub.
std::string start_advice(const Endpoint& where) {
  std::string place;  // as an option of busd, where it is not the default
  if (where.explicit_path) {
    place = " --socket " + where.socket;
  } else if (where.name != "bus") {
    place = " --bus " + where.name;
  }
  return "start one with busd --detach" + place + ", or leave out --no-start (or $BUSD_NO_START)";
}

Result<void> prepare_directory(const Endpoint& where) {
  auto made = ensure_own_dir(where.directory);
  struct stat st {};
  if (made) return {};
  if (::lstat(where.directory.c_str(), &st) == 0) return made.error();
  return explained(where, {Errc::unavailable, "no hub runs at " + printable(where.socket) +
                                                  ", and none can be started: " + made.error().what});
}

}  // namespace

Result<Fd> connect_or_start(const Endpoint& where, const StartPolicy& policy, TimePoint deadline) {
  auto connected = connect_any(where, deadline);
  if (connected) return connected;
  Error trouble = explained(where, connected.error());
  bool replaced = trouble.code == Errc::denied && hub_inspect(where).lock_held;
  if (connected.error().code != Errc::unavailable || (trouble.code == Errc::denied && !replaced)) {
    // To one that reconnects `denied` is the end, and what is in the socket's place may go away.
    if (!policy.wait_for_others) trouble.code = connected.error().code;
    return trouble;
  }
  if (!policy.allowed) {
    return Error{Errc::unavailable, "no hub runs: " + trouble.what + "; " + start_advice(where)};
  }
  if (where.explicit_path && is_of_another(where.directory)) {
    return Error{Errc::unavailable, "no hub runs: " + trouble.what + "; only the owner of the directory " +
                                        printable(where.directory) + " can start a hub there"};
  }
  BUSD_TRY(prepare_directory(where));
  BUSD_ASSIGN(Fd lock, take_start_lock(where, policy, deadline));
  connected = connect_any(where, deadline);
  if (connected || connected.error().code != Errc::unavailable) return connected;
  BUSD_TRY(start_daemon(policy.program,
                        {"--socket", where.socket, "--idle-exit", kIdleExit, "--log-file", where.log},
                        where.log, deadline - now()));
  return connect_hub(where, deadline);
}

std::string hub_program(const std::string& asked) {
  if (!asked.empty()) return asked;
  if (std::string named = environment("BUSD_PROGRAM"); !named.empty()) return named;
  for (const std::string& candidate : {beside_program(), installed_with_library()}) {
    if (is_program(candidate)) return candidate;
  }
  return "busd";
}

bool start_forbidden_by_environment() {
  std::string_view value = environment("BUSD_NO_START");
  return !value.empty() && value != "0";
}

}  // namespace bus::sdk
