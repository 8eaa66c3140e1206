#include "consumer/sources/check.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "consumer/cli/exit_code.h"
#include "consumer/cli/text.h"
#include "consumer/sources/launch_environment.h"
#include "protocol/base/fd.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::sources {

namespace {

// Why this user could not start it now, and the key that says so.
struct Obstacle {
  const char* key;
  std::string message;
};

constexpr size_t kShebangBytes = 256;  // that the kernel reads (BINPRM_BUF_SIZE)

// What is wrong with the first line of a script; empty: nothing, or it is no script.
std::string shebang_trouble(const std::string& file, const Definition& definition) {
  Fd opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  char first[kShebangBytes];
  ssize_t length = opened ? ::read(opened.get(), first, sizeof first) : -1;
  if (length < 0) return {};
  std::string_view text(first, static_cast<size_t>(length));
  if (!text.starts_with("#!")) {
    return text.find('\0') != std::string_view::npos
               ? std::string()
               : printable(file) + " does not begin with a line such as #!/bin/sh, so nothing can run it";
  }
  text = text.substr(2, text.find('\n') - 2);
  auto next_word = [&] {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    std::string word(text.substr(0, text.find_first_of(" \t")));
    text.remove_prefix(word.size());
    return word;
  };
  std::string interpreter = next_word();
  if (interpreter.ends_with('\r'))
    return "the lines of " + printable(file) + " end with a carriage return, which #! does not allow";
  if (interpreter.starts_with('/') && ::access(interpreter.c_str(), X_OK) != 0)
    return "the interpreter of " + printable(file) + ": " + errno_error(printable(interpreter), errno).what;
  if (!interpreter.ends_with("/env")) return {};
  Definition looked_up = definition;
  looked_up.command = {next_word()};
  const std::string& program = looked_up.command.front();
  if (program.empty() || program.starts_with('-') || program.find('=') != std::string::npos) return {};
  return program_file(looked_up).empty() ? "the interpreter of " + printable(file) +
                                               ": there is no program " + printable(program) + " in PATH"
                                         : std::string();
}

// Empty: the program can be started.
std::string program_obstacle(const Definition& definition) {
  std::string file = program_file(definition);
  if (file.empty()) return "there is no program " + printable(definition.command.front()) + " in PATH";
  struct stat st {};
  if (::stat(file.c_str(), &st) != 0) return errno_error(printable(file), errno).what;
  if (!S_ISREG(st.st_mode)) return printable(file) + " is no file that can be executed";
  if (::access(file.c_str(), X_OK) != 0) {
    bool is_for_others = (st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
    return is_for_others ? "this user may not execute " + printable(file)
                         : printable(file) + " is not executable: chmod +x " + file;
  }
  return shebang_trouble(file, definition);
}

std::vector<Obstacle> obstacles_of(const Definition& definition) {
  std::vector<Obstacle> obstacles;
  const std::string& directory = definition.directory;
  if (!directory.empty() && ::access((directory + "/.").c_str(), X_OK) != 0)
    obstacles.push_back({"directory", errno_error(printable(directory), errno).what});
  bool has_directory = obstacles.empty();
  if (!definition.log_file.empty()) {
    if (auto may_write = try_open_append(definition.log_file); !may_write)
      obstacles.push_back({"log-file", may_write.error().what});
  }
  bool starts_there = !definition.command.front().starts_with('/') &&
                      definition.command.front().find('/') != std::string::npos;
  if (!has_directory && starts_there) return obstacles;
  if (std::string message = program_obstacle(definition); !message.empty())
    obstacles.push_back({"command", std::move(message)});
  return obstacles;
}

}  // namespace

std::vector<FileFault> start_faults(const Definition& definition,
                                    const std::map<std::string, size_t>& lines) {
  std::vector<FileFault> faults;
  for (Obstacle& obstacle : obstacles_of(definition)) {
    auto line = lines.find(obstacle.key);
    if (line == lines.end()) {
      faults.push_back({definition.file, 0, std::move(obstacle.message)});
    } else {
      faults.push_back({definition.file, line->second, std::string(obstacle.key) + ": " + obstacle.message});
    }
  }
  std::stable_sort(faults.begin(), faults.end(),
                   [](const FileFault& a, const FileFault& b) { return a.line < b.line; });
  return faults;
}

Catalog judge(const std::vector<std::string>& directories, bool may_be_missing) {
  Catalog catalog = look_at(directories, may_be_missing);
  auto add_faults = [&](const FoundSource& found) {
    std::vector<FileFault> faults = start_faults(found.definition, found.lines);
    catalog.faults.insert(catalog.faults.end(), faults.begin(), faults.end());
    return !faults.empty();
  };
  std::erase_if(catalog.sources, [&](const auto& each) { return add_faults(each.second); });
  for (const FoundSource& found : catalog.faulty) add_faults(found);
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
  if (catalog.sources.empty() && catalog.faults.empty()) {
    for (const std::string& directory : directories) {
      bool exists = ::access(directory.c_str(), F_OK) == 0;
      console.note(exists ? "there are no sources in " + directory
                          : "there are no sources: the directory " + directory + " does not exist");
    }
    return code;
  }
  std::string names;
  for (const auto& [name, found] : catalog.sources) names += (names.empty() ? ": " : ", ") + name;
  size_t count = catalog.sources.size();
  console.note(cli::counted(count, "source") + (count == 1 ? " is fine" : " are fine") + names);
  return code;
}

}  // namespace bus::sources
