#include "consumer/sources/directory.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include "consumer/sources/launch_environment.h"
#include "consumer/sources/trust.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::sources {

namespace {

constexpr std::string_view kSourceSuffix = ".source";
constexpr size_t kMaxFileBytes = 65'536;  // of a NAME.source: some hundred settings
constexpr size_t kMaxSources = 1024;      // each has a connection; a hub takes 4096 by default

// What is said of one name in one directory.
struct Named {
  std::vector<std::string> executables;
  std::string file;  // NAME.source
};

// Hidden files, back-ups of editors and what dpkg leaves.
bool is_passed_over(const std::string& name) {
  return name.starts_with('.') || name.ends_with('~') || name.ends_with(".bak") ||
         name.find(".dpkg-") != std::string::npos;
}

std::optional<std::vector<std::string>> files_of(const std::string& directory) {
  std::unique_ptr<DIR, int (*)(DIR*)> opened(::opendir(directory.c_str()), &::closedir);
  if (!opened) return std::nullopt;
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(opened.get())) {
    if (!is_passed_over(entry->d_name)) names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool begins_with_shebang(const std::string& path) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  char first[2];
  return file && ::read(file.get(), first, 2) == 2 && first[0] == '#' && first[1] == '!';
}

ProgramVersion version_of(const std::string& path) {
  struct stat st {};
  if (!path.starts_with('/') || ::stat(path.c_str(), &st) != 0) return {};
  return {st.st_dev, st.st_ino, st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec,
          static_cast<uint64_t>(st.st_size)};
}

class Look {
 public:
  explicit Look(bool may_be_missing) : may_be_missing_(may_be_missing) {}

  void take(const std::string& directory);
  Catalog finish();

 private:
  void fault(const std::string& file, std::string message, size_t line = 0) {
    catalog_.faults.push_back({file, line, std::move(message)});
  }
  bool is_usable(const std::string& directory);
  void take_file(const std::string& directory, const std::string& file, std::map<std::string, Named>& names);
  void take_executable(const std::string& path, const std::string& file, std::map<std::string, Named>& names);
  void take_name(const std::string& name, const Named& named);
  void read_file_of(const std::string& name, const Named& named,
                    const std::optional<std::string>& executable);
  void add(Definition definition, std::map<std::string, size_t> lines = {});

  bool may_be_missing_;
  Catalog catalog_;
  std::map<std::string, std::vector<std::string>> said_by_;  // the files that say something of a name
};

bool Look::is_usable(const std::string& directory) {
  struct stat st {};
  if (::stat(directory.c_str(), &st) != 0) {
    if (errno != ENOENT || !may_be_missing_) fault(directory, std::strerror(errno));
    return false;
  }
  if (!S_ISDIR(st.st_mode)) {
    fault(directory, "is no directory");
    return false;
  }
  std::string trouble = path_trouble(directory);
  if (!trouble.empty()) fault(directory, "nothing in it is run: " + trouble);
  return trouble.empty();
}

void Look::take(const std::string& directory) {
  if (!is_usable(directory)) return;
  auto files = files_of(directory);
  if (!files) return fault(directory, std::strerror(errno));
  std::map<std::string, Named> names;
  for (const std::string& file : *files) take_file(directory, file, names);
  for (const auto& [name, named] : names) take_name(name, named);
}

void Look::take_file(const std::string& directory, const std::string& file,
                     std::map<std::string, Named>& names) {
  std::string path = directory + "/" + file;
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) {
    struct stat link {};
    if (::lstat(path.c_str(), &link) == 0) fault(path, "is a link that leads nowhere");
    return;  // gone meanwhile
  }
  bool is_definition = file.ends_with(kSourceSuffix);
  if (S_ISDIR(st.st_mode) && !is_definition) return;
  if (!S_ISREG(st.st_mode)) return fault(path, "is no regular file, and not used");
  bool runs = (st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
  if (!is_definition && !runs) {
    if (begins_with_shebang(path)) fault(path, "is a script that is not executable: chmod +x " + path);
    return;
  }
  std::string name = name_of_file(file);
  if (!is_source_name(name)) {
    return fault(path,
                 "the name of a source is 1 to 64 of A-Z a-z 0-9 _ -, and " + printable(name) + " is not");
  }
  said_by_[name].push_back(path);
  if (!is_definition) return take_executable(path, file, names);
  if (std::string trouble = path_trouble(path); !trouble.empty())
    return fault(path, "is not used: " + trouble);
  names[name].file = path;
}

void Look::take_executable(const std::string& path, const std::string& file,
                           std::map<std::string, Named>& names) {
  std::string trouble = path_trouble(path);
  if (!trouble.empty()) return fault(path, "is not run: " + trouble);
  if (::access(path.c_str(), X_OK) != 0) return fault(path, "this user may not execute it");
  names[name_of_file(file)].executables.push_back(path);
}

void Look::take_name(const std::string& name, const Named& named) {
  if (named.executables.size() > 1) return;  // finish() says so
  std::optional<std::string> executable;
  if (!named.executables.empty()) executable = named.executables.front();
  if (!named.file.empty()) return read_file_of(name, named, executable);
  // A file that says how to run it, but cannot be used, is no reason to run it in another way.
  const std::vector<std::string>& files = said_by_[name];
  bool has_unused_file = std::any_of(files.begin(), files.end(), [&](const std::string& file) {
    return file.ends_with(kSourceSuffix) && parent_dir(file) == parent_dir(*executable);
  });
  if (!has_unused_file) add(plain_definition(name, *executable));
}

void Look::read_file_of(const std::string& name, const Named& named,
                        const std::optional<std::string>& executable) {
  auto text = read_file(named.file, kMaxFileBytes);
  if (!text) return fault(named.file, text.error().what);
  ReadDefinition read = read_definition(*text, name, named.file, executable);
  for (DefinitionFault& found : read.faults) fault(named.file, std::move(found.message), found.line);
  if (!read.faults.empty()) {
    auto is_faulty = [&](const char* key) {
      return read.lines.contains(key) && has_fault(read, read.lines[key]);
    };
    // Then nobody knows what would be started.
    if (is_faulty("command") || is_faulty("directory") || is_faulty("environment"))
      read.definition.command.clear();
    if (!read.definition.command.empty())
      catalog_.faulty.push_back({std::move(read.definition), {}, std::move(read.lines)});
    return;
  }
  std::string trouble = path_trouble(program_file(read.definition));
  if (!trouble.empty()) return fault(named.file, "is not run: " + trouble, read.lines["command"]);
  add(std::move(read.definition), std::move(read.lines));
}

void Look::add(Definition definition, std::map<std::string, size_t> lines) {
  if (catalog_.sources.size() >= kMaxSources) {
    return fault(definition.file,
                 "is one source more than the " + std::to_string(kMaxSources) + " that are run");
  }
  std::string name = definition.name;
  ProgramVersion version = version_of(definition.command.front());
  catalog_.sources.emplace(std::move(name), FoundSource{std::move(definition), version, std::move(lines)});
}

// Two of one name are not run, neither of them: which one is meant is for a person to say.
Catalog Look::finish() {
  for (const auto& [name, files] : said_by_) {
    std::map<std::string, size_t> programs;  // by directory
    std::map<std::string, size_t> places;
    for (const std::string& file : files) {
      ++places[parent_dir(file)];
      if (!file.ends_with(kSourceSuffix)) ++programs[parent_dir(file)];
    }
    bool is_double = places.size() > 1 || std::any_of(programs.begin(), programs.end(),
                                                      [](const auto& each) { return each.second > 1; });
    if (!is_double) continue;
    std::string all;
    for (const std::string& file : files) all += (all.empty() ? "" : ", ") + file;
    std::string text = "there is more than one source ";
    text.append(name).append(", and none of them is run: ").append(all);
    fault(files.back(), std::move(text));
    catalog_.sources.erase(name);
  }
  return std::move(catalog_);
}

}  // namespace

std::string name_of_file(const std::string& file) {
  size_t dot = file.rfind('.');
  return dot == std::string::npos ? file : file.substr(0, dot);
}

std::optional<std::string> path_in_directory(const std::string& file) {
  struct stat st {};
  if (::lstat(file.c_str(), &st) != 0) return std::nullopt;
  std::unique_ptr<char, decltype(&std::free)> directory(::realpath(parent_dir(file).c_str(), nullptr),
                                                        &std::free);
  if (!directory) return std::nullopt;
  std::string path = directory.get();
  return (path == "/" ? "" : path) + "/" + file.substr(file.rfind('/') + 1);
}

std::string text_of(const FileFault& fault) {
  return fault.file + (fault.line == 0 ? "" : ":" + std::to_string(fault.line)) + ": " + fault.message;
}

std::string named_by(const FileFault& fault) {
  return name_of_file(fault.file.substr(fault.file.rfind('/') + 1));
}

std::optional<uint64_t> contents_of(const std::string& program) {
  struct stat st {};
  if (!program.starts_with('/') || ::stat(program.c_str(), &st) != 0 || !S_ISREG(st.st_mode))
    return std::nullopt;
  auto text = read_file(program, kMostComparedBytes);
  return text ? std::optional<uint64_t>(std::hash<std::string>{}(*text)) : std::nullopt;
}

Catalog look_at(const std::vector<std::string>& directories, bool may_be_missing) {
  Look look(may_be_missing);
  for (const std::string& directory : directories) look.take(directory);
  return look.finish();
}

}  // namespace bus::sources
