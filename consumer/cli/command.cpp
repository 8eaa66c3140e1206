#include "consumer/cli/command.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>

#include "consumer/cli/signals.h"

namespace bus::cli {

namespace {

// posix_spawn's settings, freed with the object.
struct SpawnSettings {
  explicit SpawnSettings(const CommandStreams& streams) {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    if (streams.input < 0) {
      posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    } else {
      posix_spawn_file_actions_adddup2(&files, streams.input, STDIN_FILENO);
    }
    posix_spawn_file_actions_adddup2(&files, streams.output, STDOUT_FILENO);
    // Handlers end with exec, and what else is ignored the caller wants so (signals.h).
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGXFSZ);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }

  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};
};

}  // namespace

std::vector<std::string> environment_with(const Variables& variables) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view text(*entry);
    std::string_view name = text.substr(0, text.find('='));
    bool replaced = false;
    for (const auto& variable : variables) replaced = replaced || variable.first == name;
    if (!replaced) environment.emplace_back(text);
  }
  for (const auto& [name, value] : variables) environment.emplace_back(name).append("=").append(value);
  return environment;
}

std::string start_command(const std::string& command, const Variables& variables,
                          const CommandStreams& streams, pid_t& pid) {
  std::vector<std::string> environment = environment_with(variables);
  std::vector<char*> environment_pointers;
  environment_pointers.reserve(environment.size() + 1);
  for (std::string& entry : environment) environment_pointers.push_back(entry.data());
  environment_pointers.push_back(nullptr);
  std::string shell = "/bin/sh";
  std::string flag = "-c";
  std::string text = command;
  char* arguments[] = {shell.data(), flag.data(), text.data(), nullptr};

  SpawnSettings settings(streams);
  int fault = posix_spawn(&pid, shell.c_str(), &settings.files, &settings.attributes, arguments,
                          environment_pointers.data());
  return fault == 0 ? std::string() : std::string("could not be started: ") + std::strerror(fault);
}

std::string command_fault(int status) {
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) return "ended with status " + std::to_string(WEXITSTATUS(status));
  return {};
}

std::string run_command(const std::string& command, const Variables& variables) {
  pid_t pid = 0;
  std::string fault = start_command(command, variables, {}, pid);
  if (!fault.empty()) return fault;
  watch_command(pid);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return std::string("could not be waited for: ") + std::strerror(errno);
  }
  watch_command(0);
  return command_fault(status);
}

}  // namespace bus::cli
