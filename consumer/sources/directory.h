// Which sources there are: the contents of the directories, read once.
//
// An executable NAME or NAME.ext is the source NAME; NAME.source says how to run it (core/definition.h). Does not watch
// the directories (directory_watch.h), and starts nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "consumer/sources/core/definition.h"

namespace bus::sources {

// What is wrong with a file or a directory.
struct FileFault {
  std::string file;
  size_t line = 0;  // 0: the whole of it
  std::string message;

  bool operator==(const FileFault&) const = default;
};

// "FILE:LINE: message".
std::string text_of(const FileFault& fault);
// Of which source the file would be, by its name.
std::string named_by(const FileFault& fault);

// Which file a program is: another one, or another version of it, differs.
struct ProgramVersion {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t changed_ns = 0;
  uint64_t size = 0;

  bool operator==(const ProgramVersion&) const = default;
};

struct FoundSource {
  Definition definition;
  ProgramVersion version;
  std::map<std::string, size_t> lines;  // of the keys in its file
};

struct Catalog {
  std::map<std::string, FoundSource> sources;  // by their names
  std::vector<FoundSource> faulty;  // that are not run because of faults in their files, as far as known
  std::vector<FileFault> faults;    // in the order of the directories and their files
};

// Which source a file of a directory is of: NAME of NAME.ext.
std::string name_of_file(const std::string& file);

// The absolute path of `file`, of which only the directory is resolved: what a link is to be called says the link. Nothing:
// there is no such file.
std::optional<std::string> path_in_directory(const std::string& file);

// What a program holds, as a number: that of other contents differs. Nothing where that cannot be known, or of one of more
// than kMostComparedBytes, which takes too long to read while sources are served.
inline constexpr size_t kMostComparedBytes = 16 * 1024 * 1024;
std::optional<uint64_t> contents_of(const std::string& program);

// Looks at all of them. One that is not there is a fault, unless `may_be_missing`.
Catalog look_at(const std::vector<std::string>& directories, bool may_be_missing);

}  // namespace bus::sources
