#include "consumer/sources/launch_environment.h"

#include <algorithm>
#include <cstdlib>
#include <pwd.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace bus::sources {

namespace {

constexpr const char* kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

// In place of an earlier one.
void put_entry(std::vector<std::string>& environment, const std::string& entry) {
  std::string_view name = std::string_view(entry).substr(0, entry.find('=') + 1);
  std::erase_if(environment, [&](const std::string& each) { return each.starts_with(name); });
  environment.push_back(entry);
}

void put(std::vector<std::string>& environment, const char* name, const std::string& value) {
  put_entry(environment, std::string(name) + "=" + value);
}

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? nullptr : value;
}

bool is_executable_file(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::string home_directory() {
  if (const char* home = variable("HOME"); home != nullptr && *home == '/') return home;
  const passwd* entry = ::getpwuid(::geteuid());
  return entry == nullptr || entry->pw_dir == nullptr ? "/" : entry->pw_dir;
}

std::string launch_directory(const Definition& definition) {
  return definition.directory.empty() ? home_directory() : definition.directory;
}

std::string program_file(const Definition& definition) {
  const std::string& program = definition.command.front();
  // As it is executed, from there.
  auto resolved = [&](const std::string& file) {
    return file.starts_with('/') ? file : launch_directory(definition) + "/" + file;
  };
  if (program.find('/') != std::string::npos) return resolved(program);
  constexpr std::string_view kName = "PATH=";
  std::string_view rest;
  std::vector<std::string> environment = launch_environment(definition, {});
  for (const std::string& entry : environment) {
    if (entry.starts_with(kName)) rest = std::string_view(entry).substr(kName.size());
  }
  while (!rest.empty()) {
    size_t end = std::min(rest.find(':'), rest.size());
    std::string file = resolved(std::string(rest.substr(0, end)) + "/" + program);
    if (end > 0 && is_executable_file(file)) return file;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

std::vector<std::string> launch_environment(const Definition& definition, const std::string& socket) {
  const passwd* entry = ::getpwuid(::geteuid());
  std::vector<std::string> environment;
  const char* path = variable("PATH");
  put(environment, "PATH", path == nullptr ? kDefaultPath : path);
  put(environment, "HOME", home_directory());
  if (entry != nullptr) put(environment, "USER", entry->pw_name);
  for (const char* name : {"LANG", "TZ"}) {
    if (const char* value = variable(name)) put(environment, name, value);
  }
  put(environment, "BUSD_SOCKET", socket);
  put(environment, "BUSD_SOURCE", definition.name);
  for (const std::string& added : definition.environment) put_entry(environment, added);
  return environment;
}

}  // namespace bus::sources
