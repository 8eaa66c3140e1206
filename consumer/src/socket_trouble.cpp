#include "consumer/src/socket_trouble.h"

#include <array>
#include <climits>
#include <cstdio>
#include <grp.h>
#include <pwd.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "protocol/base/file.h"
#include "protocol/base/lock_holder.h"
#include "protocol/base/strings.h"

namespace bus::sdk {

namespace {

constexpr const char* kSystemDirectory = "/run/busd";

std::string user_text(uid_t uid) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  bool known = ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr;
  return known ? "user " + std::string(entry.pw_name) : "uid " + std::to_string(uid);
}

std::string group_text(gid_t gid) {
  std::array<char, 4096> buffer{};
  group entry{};
  group* found = nullptr;
  bool known = ::getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr;
  return known ? "group " + std::string(entry.gr_name) : "gid " + std::to_string(gid);
}

std::string target_of(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  return std::string(target.data(), length > 0 ? static_cast<size_t>(length) : 0);
}

// By the letter behind the name in /proc/PID/stat (proc(5)); the name may hold anything, also brackets.
bool is_stopped(int64_t pid) {
  constexpr size_t kMostBytes = 4096;
  auto stat = pid > 0 ? read_file("/proc/" + std::to_string(pid) + "/stat", kMostBytes)
                      : Result<std::string>(Error{Errc::invalid, ""});
  size_t end = stat ? stat->rfind(')') : std::string::npos;
  return end != std::string::npos && end + 2 < stat->size() && (*stat)[end + 2] == 'T';
}

// Empty: there is nothing, or what leads to a socket.
std::string wrong_kind(const std::string& path) {
  struct stat at_path {};
  if (::lstat(path.c_str(), &at_path) != 0 || S_ISSOCK(at_path.st_mode)) return {};
  if (S_ISDIR(at_path.st_mode)) return printable(path) + " is a directory, not a socket";
  if (!S_ISLNK(at_path.st_mode)) return printable(path) + " is not a socket";
  struct stat behind {};
  if (::stat(path.c_str(), &behind) == 0 && S_ISSOCK(behind.st_mode)) return {};
  return printable(path) + " is a symlink to " + printable(target_of(path)) +
         ", which is not a socket: refused";
}

// Whom the mode of the socket at `path` admits; empty when that cannot be seen.
std::string admitted(const std::string& path) {
  struct stat socket {};
  if (::stat(path.c_str(), &socket) != 0) return {};
  std::array<char, 8> mode{};
  std::snprintf(mode.data(), mode.size(), "%04o", static_cast<unsigned>(socket.st_mode & 07777U));
  std::string text = "; the socket belongs to " + user_text(socket.st_uid) + " and " +
                     group_text(socket.st_gid) + " with mode " + mode.data();
  if ((socket.st_mode & S_IWGRP) != 0) return text + ": members of that group may use it";
  return text + ": its owner can admit you (busd --allow-uid)";
}

// So many wait to be let in that nobody more can, so the kernel does not say who listens. A hub holds the
// lock.
std::string full_hub(const Endpoint& where) {
  int64_t pid = inspect_lock(where.lock).pid;
  if (pid == 0) {
    std::vector<int64_t> removed = removed_lock_holders(where.lock);
    if (!removed.empty()) pid = removed.front();
  }
  std::string text = process_text(pid) + " listens at " + printable(where.socket) +
                     " and does not answer: it accepts no connections, and too many wait already; ";
  if (pid == 0) return text + "to find it: ss -xlp src " + where.socket;
  return text + (is_stopped(pid) ? ending_advice(pid) + ", and so does bus-stop --force"
                                 : "bus-stop --force ends it");
}

}  // namespace

Error explained(const Endpoint& where, Error error) {
  std::string wrong = wrong_kind(where.socket);
  if (!wrong.empty()) return {Errc::denied, wrong};
  if (error.code == Errc::timed_out) return {error.code, full_hub(where)};
  if (error.code == Errc::denied) error.what += admitted(where.socket);
  if (error.code == Errc::unavailable && where.directory == kSystemDirectory)
    error.what += "; the system's hub is enabled by: systemctl enable --now busd.socket";
  return error;
}

std::string silent_hub(const Endpoint& where, int64_t pid) {
  return process_text(pid) + " listens at " + printable(where.socket) + " and does not answer; " +
         (is_stopped(pid) ? ending_advice(pid) + ", and so does bus-stop --force"
                          : "bus-stop --force ends it");
}

std::string ending_advice(int64_t pid) {
  std::string number = std::to_string(pid);
  if (!is_stopped(pid)) return "to end it: kill " + number;
  return "it is stopped (SIGSTOP): kill -CONT " + number + " lets it go on, kill -9 " + number + " ends it";
}

std::string process_text(int64_t pid) { return pid > 0 ? "pid " + std::to_string(pid) : "a process"; }

}  // namespace bus::sdk
