#include "consumer/sources/trust.h"

#include <cstdlib>
#include <cstring>
#include <grp.h>
#include <memory>
#include <pwd.h>
#include <unistd.h>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::sources {

namespace {

std::string user_text(uid_t uid) {
  const passwd* entry = ::getpwuid(uid);
  return entry == nullptr ? "uid " + std::to_string(uid) : std::string(entry->pw_name);
}

bool is_private_group(gid_t gid, uid_t owner) {
  const passwd* user = ::getpwuid(owner);
  if (user == nullptr) return false;
  std::string name = user->pw_name;  // getgrgid() may use the same memory
  const group* entry = ::getgrgid(gid);
  if (entry == nullptr || name != entry->gr_name) return false;
  for (char** member = entry->gr_mem; *member != nullptr; ++member) {
    if (name != *member) return false;
  }
  return true;
}

std::string group_text(gid_t gid) {
  const group* entry = ::getgrgid(gid);
  return entry == nullptr ? std::to_string(gid) : std::string(entry->gr_name);
}

}  // namespace

std::string trust_trouble(const std::string& path, const struct stat& st) {
  if (st.st_uid != ::geteuid() && st.st_uid != 0)
    return printable(path) + " belongs to " + user_text(st.st_uid) + ", who is neither you nor root";
  if ((st.st_mode & S_IWOTH) != 0) return "others can write to " + printable(path) + ": chmod o-w " + path;
  if ((st.st_mode & S_IWGRP) != 0 && !is_private_group(st.st_gid, st.st_uid)) {
    return "the group " + group_text(st.st_gid) + " can write to " + printable(path) + ": chmod g-w " + path;
  }
  return {};
}

std::string program_trouble(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return {};
  if (std::string trouble = trust_trouble(path, st); !trouble.empty()) return trouble;
  std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (!real) return {};
  std::string directory = parent_dir(real.get());
  if (::stat(directory.c_str(), &st) != 0) return {};
  return trust_trouble(directory, st);
}

}  // namespace bus::sources
