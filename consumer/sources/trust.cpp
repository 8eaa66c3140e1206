#include "consumer/sources/trust.h"

#include <algorithm>
#include <climits>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>
#include <utility>

#include "protocol/base/strings.h"

namespace bus::sources {

namespace {

constexpr int kMostLinks = 40;  // the kernel follows no more (path_resolution(7))

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

// What is wrong with the directory in which `entry`, of which `st` is known, was looked up.
std::string way_trouble(const std::string& directory, const std::string& entry, const struct stat& st) {
  struct stat way {};
  if (::stat(directory.c_str(), &way) != 0) return {};
  if ((way.st_mode & S_ISVTX) != 0) {
    if (st.st_uid != ::geteuid() && st.st_uid != 0) return trust_trouble(entry, st);
    way.st_mode &= ~static_cast<mode_t>(S_IWGRP | S_IWOTH);
  }
  return trust_trouble(directory, way);
}

// Empty: it cannot be read.
std::string target_of(const std::string& link) {
  char target[PATH_MAX];
  ssize_t length = ::readlink(link.c_str(), target, sizeof target);
  return length < 0 ? std::string() : std::string(target, static_cast<size_t>(length));
}

// The first part of the path `left`, which it loses.
std::string take_part(std::string& left) {
  left.erase(0, std::min(left.find_first_not_of('/'), left.size()));
  std::string part = left.substr(0, left.find('/'));
  left.erase(0, part.size());
  return part;
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

std::string path_trouble(const std::string& path) {
  if (!path.starts_with('/')) return {};
  struct stat st {};
  std::string place;  // so far, without links; the root is empty
  std::string left = path;
  int links = 0;
  for (std::string part = take_part(left); !part.empty(); part = take_part(left)) {
    if (part == ".") continue;
    if (part == "..") {
      place.erase(std::min(place.rfind('/'), place.size()));
      continue;
    }
    std::string entry = place;
    entry.append("/").append(part);
    if (::lstat(entry.c_str(), &st) != 0) return {};
    std::string trouble = way_trouble(place.empty() ? "/" : place, entry, st);
    if (!trouble.empty()) return trouble;
    if (!S_ISLNK(st.st_mode)) {
      place = std::move(entry);
      continue;
    }
    std::string target = target_of(entry);
    if (target.empty() || ++links > kMostLinks) return {};
    if (target.starts_with('/')) place.clear();
    left.insert(0, target);
  }
  if (place.empty()) place = "/";
  return ::stat(place.c_str(), &st) == 0 ? trust_trouble(place, st) : std::string();
}

}  // namespace bus::sources
