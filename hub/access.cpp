#include "hub/access.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::hub {

namespace {

std::string octal(mode_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode) & 07777U);
  return text;
}

Error not_ours_to_give(const std::string& path, gid_t group) {
  return {Errc::denied, printable(path) + " cannot be given to gid " + std::to_string(group) +
                            " of --allow-gid: only a member of the group or root may do that"};
}

Result<void> give_to_group(const std::string& path, const Access& access) {
  if (!access.group || ::lchown(path.c_str(), static_cast<uid_t>(-1), *access.group) == 0) return {};
  return not_ours_to_give(path, *access.group);
}

// As chown(2) decides it.
bool is_ours_to_give(gid_t group) {
  if (::geteuid() == 0 || ::getegid() == group) return true;
  int count = ::getgroups(0, nullptr);
  std::vector<gid_t> groups(static_cast<size_t>(std::max(count, 0)));
  count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  groups.resize(static_cast<size_t>(std::max(count, 0)));
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

// Opens the directory that was made with mode 0700.
Result<void> open_directory(const std::string& path, const Access& access) {
  BUSD_TRY(give_to_group(path, access));
  if (::fchmodat(AT_FDCWD, path.c_str(), access.directory_mode, AT_SYMLINK_NOFOLLOW) != 0)
    return errno_error("chmod " + printable(path), errno);
  return {};
}

// "" when nobody else is admitted.
std::string admitted(const Options& options) {
  std::string who;
  for (uint32_t uid : other_users(options)) who += (who.empty() ? "uid " : ", uid ") + std::to_string(uid);
  for (uint32_t gid : options.allow_gids) who += (who.empty() ? "gid " : ", gid ") + std::to_string(gid);
  return who.empty() ? who : "admitted beside our own user and root: " + who;
}

// The first directory on the way to the socket that the admitted may not enter.
std::optional<std::string> barrier(const std::string& directory, const Access& access) {
  for (size_t at = directory.find('/', 1);; at = directory.find('/', at + 1)) {
    std::string path = directory.substr(0, at);
    struct stat st {};
    // What is missing is made with the right mode.
    if (::stat(path.c_str(), &st) != 0) return std::nullopt;
    bool by_group = access.group && st.st_gid == *access.group && (st.st_mode & 010U) != 0;
    if ((st.st_mode & 001U) == 0 && !by_group) return printable(path) + " (mode " + octal(st.st_mode) + ")";
    if (at == std::string::npos) return std::nullopt;
  }
}

}  // namespace

std::vector<uint32_t> other_users(const Options& options) {
  std::vector<uint32_t> others;
  for (uint32_t uid : options.allow_uids) {
    if (uid != 0 && uid != ::geteuid()) others.push_back(uid);
  }
  return others;
}

Access access_of(const Options& options, const Endpoint& endpoint) {
  bool no_user = other_users(options).empty();
  bool nobody = no_user && options.allow_gids.empty();
  if (nobody || !endpoint.explicit_path) return {};
  if (no_user && options.allow_gids.size() == 1) return {0750, 0660, options.allow_gids[0]};
  return {0711, 0666, std::nullopt};
}

Result<void> ensure_directory(const std::string& path, const Access& access) {
  BUSD_ASSIGN(bool is_new, ensure_own_dir(path));
  if (!is_new || access.is_private()) return {};
  auto opened = open_directory(path, access);
  // The next hub would take it as it is, closed.
  if (!opened) ::rmdir(path.c_str());
  return opened;
}

Result<void> open_socket(const std::string& path, const Access& access) {
  if (access.is_private()) return {};
  BUSD_TRY(give_to_group(path, access));
  // Nobody else can have put a symlink there: the directory is ours alone to write to.
  if (::chmod(path.c_str(), access.socket_mode) != 0) return errno_error("chmod " + printable(path), errno);
  return {};
}

Result<bool> try_directory(const std::string& path, const Access& access) {
  BUSD_ASSIGN(bool is_new, try_own_dir(path));
  if (is_new) BUSD_TRY(try_open_socket(path, access));
  return is_new;
}

Result<void> try_open_socket(const std::string& path, const Access& access) {
  if (access.group && !is_ours_to_give(*access.group)) return not_ours_to_give(path, *access.group);
  return {};
}

Reach reach_of(const Options& options, const Endpoint& endpoint) {
  std::string who = admitted(options);
  if (who.empty()) return {};
  if (!endpoint.explicit_path) {
    return {false,
            who +
                "; but nobody else can reach the socket of a bus that is named by --bus or by default: "
                "give --socket in a directory that they may enter"};
  }
  Access access = access_of(options, endpoint);
  if (auto closed = barrier(endpoint.directory, access)) {
    return {false, who + "; but they may not enter " + *closed +
                       ": change its mode, or give --socket in another directory"};
  }
  return {true, who + "; the socket has mode " + octal(access.socket_mode) + ", a new directory " +
                    octal(access.directory_mode)};
}

Reach reach_of_passed(const Options& options, const Endpoint& endpoint) {
  std::string who = admitted(options);
  struct stat st {};
  if (who.empty() || ::stat(endpoint.socket.c_str(), &st) != 0) return {};
  if ((st.st_mode & 022U) == 0) {
    return {false, who + "; but they may not open the socket that was passed, " + printable(endpoint.socket) +
                       " (mode " + octal(st.st_mode) + "): set SocketMode= in its unit"};
  }
  Access access{0711, st.st_mode & 07777U, st.st_gid};
  if (auto closed = barrier(endpoint.directory, access))
    return {false,
            who + "; but they may not enter " + *closed + ": set DirectoryMode= in the unit of the socket"};
  return {true, who + "; the socket that was passed has mode " + octal(st.st_mode)};
}

}  // namespace bus::hub
