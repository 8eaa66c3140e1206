#include "consumer/sources/check.h"

#include <cerrno>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include "consumer/cli/exit_code.h"
#include "consumer/cli/text.h"
#include "consumer/sources/launch_environment.h"
#include "protocol/base/strings.h"

namespace bus::sources {

namespace {

// Why this user could not start it now, and the key that says so.
struct Obstacle {
  const char* key;
  std::string message;
};

std::optional<Obstacle> obstacle_of(const Definition& definition) {
  const std::string& directory = definition.directory;
  if (!directory.empty() && ::access((directory + "/.").c_str(), X_OK) != 0)
    return Obstacle{"directory", errno_error(printable(directory), errno).what};
  std::string file = program_file(definition);
  if (file.empty())
    return Obstacle{"command", "there is no program " + printable(definition.command.front()) + " in PATH"};
  struct stat st {};
  if (::stat(file.c_str(), &st) != 0) return Obstacle{"command", errno_error(printable(file), errno).what};
  if (!S_ISREG(st.st_mode)) return Obstacle{"command", printable(file) + " is no file that can be executed"};
  if (::access(file.c_str(), X_OK) != 0) {
    bool is_for_others = (st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
    return Obstacle{"command", is_for_others ? "this user may not execute " + printable(file)
                                             : printable(file) + " is not executable: chmod +x " + file};
  }
  return std::nullopt;
}

}  // namespace

Catalog judge(const std::vector<std::string>& directories, bool may_be_missing) {
  Catalog catalog = look_at(directories, may_be_missing);
  for (auto at = catalog.sources.begin(); at != catalog.sources.end();) {
    FoundSource& found = at->second;
    auto obstacle = obstacle_of(found.definition);
    if (!obstacle) {
      ++at;
      continue;
    }
    catalog.faults.push_back({found.definition.file, found.lines[obstacle->key],
                              std::string(obstacle->key) + ": " + obstacle->message});
    at = catalog.sources.erase(at);
  }
  return catalog;
}

int say_faults(const std::vector<FileFault>& faults, const cli::Console& console) {
  int code = cli::kDone;
  for (const FileFault& fault : faults) code = console.error(cli::ErrorCode::bad_config, text_of(fault));
  return code;
}

int check_directories(const std::vector<std::string>& directories, bool may_be_missing,
                      const cli::Console& console) {
  Catalog catalog = judge(directories, may_be_missing);
  int code = say_faults(catalog.faults, console);
  std::string names;
  for (const auto& [name, found] : catalog.sources) names += (names.empty() ? ": " : ", ") + name;
  size_t count = catalog.sources.size();
  console.note(cli::counted(count, "source") + (count == 1 ? " is fine" : " are fine") + names);
  return code;
}

}  // namespace bus::sources
