// What the tests of bus-gocache share: ids, and a cache in a directory of the test's.
#pragma once

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/stat.h>

#include "consumer/gocache/cache.h"
#include "consumer/gocache/core/entry.h"
#include "consumer/gocache/lease.h"
#include "consumer/gocache/place.h"
#include "protocol/base/base64.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace bus::gocache {

using test::TempDir;

inline constexpr int64_t kHourNs = 3600 * kSecondNs;
inline constexpr int64_t kDayNs = 24 * kHourNs;

// An id whose first byte is `first`, and whose others are `rest`.
inline Id an_id(uint8_t first, uint8_t rest = 0) {
  Id out;
  out.bytes.fill(rest);
  out.bytes[0] = first;
  return out;
}

inline std::string base64_of(const Id& id) {
  std::string out;
  append_base64(out, id.view());
  return out;
}

inline std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  REQUIRE(contents(path) == text);
}

inline void set_time(const std::string& path, int64_t ns) {
  timespec times[2] = {{ns / kSecondNs, ns % kSecondNs}, {ns / kSecondNs, ns % kSecondNs}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}

inline int64_t time_of(const std::string& path) {
  struct stat st {};
  REQUIRE(::lstat(path.c_str(), &st) == 0);
  return st.st_mtim.tv_sec * kSecondNs + st.st_mtim.tv_nsec;
}

inline bool exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

inline std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> out;
  for (const auto& each : std::filesystem::directory_iterator(directory))
    out.push_back(each.path().filename());
  std::sort(out.begin(), out.end());
  return out;
}

// A cache, and what a test puts into it beside the program's own way.
struct Rig {
  TempDir temp;
  std::string directory = temp.file("cache");
  Place place = opened(directory);

  static Place opened(const std::string& directory, bool read_only = false) {
    auto place = Place::open(directory, read_only);
    if (!place) FAIL(place.error().what);
    return std::move(*place);
  }

  std::string path_of(const Id& id, Kind kind) const { return place.path_of(id, kind); }
  std::string own(const std::string& name) const { return directory + "/" + kOwnFiles + "/" + name; }

  // An output and what leads to it, used last at `used_ns`.
  void add(const Id& action, const Id& output, const std::string& bytes, int64_t used_ns) const {
    add_output(output, bytes, used_ns);
    write_file(path_of(action, Kind::action), line_of({action, output, bytes.size(), used_ns}));
    set_time(path_of(action, Kind::action), used_ns);
  }
  void add_output(const Id& output, const std::string& bytes, int64_t used_ns) const {
    write_file(path_of(output, Kind::output), bytes);
    set_time(path_of(output, Kind::output), used_ns);
  }
  bool has(const Id& id, Kind kind) const { return exists(path_of(id, kind)); }
};

}  // namespace bus::gocache
