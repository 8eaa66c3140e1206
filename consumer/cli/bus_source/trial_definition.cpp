#include "consumer/cli/bus_source/trial_definition.h"

#include <filesystem>
#include <optional>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "consumer/sources/directory.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::cli {

namespace {

constexpr size_t kMaxFileBytes = 65'536;
constexpr std::string_view kSuffix = ".source";

bus::Error invalid(std::string what) { return bus::Error{Errc::invalid, std::move(what)}; }

std::string stem_of(const std::string& path) {
  std::string file = path.substr(path.rfind('/') + 1);
  size_t dot = file.rfind('.');
  return dot == std::string::npos || dot == 0 ? file : file.substr(0, dot);
}

// The executable NAME or NAME.ext in `directory`.
std::optional<std::string> executable_of(const std::string& directory, const std::string& name) {
  std::error_code trouble;
  for (std::filesystem::directory_iterator at(directory, trouble), end; !trouble && at != end;
       at.increment(trouble)) {
    std::string path = at->path().string();
    if (stem_of(path) == name && !path.ends_with(kSuffix) && ::access(path.c_str(), X_OK) == 0 &&
        at->is_regular_file(trouble))
      return path;
  }
  return std::nullopt;
}

Result<sources::ReadDefinition> read(const std::string& file, const std::string& name,
                                     const std::optional<std::string>& executable) {
  auto text = read_file(file, kMaxFileBytes);
  if (!text) return invalid(text.error().what);
  sources::ReadDefinition read = sources::read_definition(*text, name, file, executable);
  if (read.faults.empty()) return read;
  std::string all;
  for (const sources::DefinitionFault& fault : read.faults) {
    all += all.empty() ? "" : "\n";
    all += sources::text_of(sources::FileFault{file, fault.line, fault.message});
  }
  return invalid(all);
}

Result<sources::ReadDefinition> find(const std::string& file) {
  struct stat st {};
  bool exists = ::stat(file.c_str(), &st) == 0;
  // A word alone is looked up in PATH when it is started.
  if (!exists && file.find('/') == std::string::npos) {
    std::string name = stem_of(file);
    if (!sources::is_source_name(name)) return invalid(printable(file) + " does not exist");
    return sources::ReadDefinition{sources::plain_definition(name, file), {}, {}};
  }
  auto placed = exists ? sources::path_in_directory(file) : std::nullopt;
  if (!placed) return invalid(printable(file) + " does not exist");
  if (S_ISDIR(st.st_mode))
    return invalid(printable(file) + " is a directory; name a program, or a file NAME.source in it");
  const std::string& path = *placed;
  std::string name = stem_of(path);
  if (!sources::is_source_name(name))
    return invalid("the name of a source is 1 to 64 of A-Z a-z 0-9 _ -, and " + printable(name) + " is not");
  std::string directory = parent_dir(path);
  if (path.ends_with(kSuffix)) return read(path, name, executable_of(directory, name));
  if (::access(path.c_str(), X_OK) != 0)
    return invalid(printable(path) + " is not executable: chmod +x " + path);
  std::string beside = directory + "/" + name + std::string(kSuffix);
  if (::access(beside.c_str(), F_OK) == 0) return read(beside, name, path);
  return sources::ReadDefinition{sources::plain_definition(name, path), {}, {}};
}

}  // namespace

Result<sources::ReadDefinition> definition_to_try(const std::string& file,
                                                  const std::vector<std::string>& arguments) {
  BUSD_ASSIGN(sources::ReadDefinition read, find(file));
  std::vector<std::string>& command = read.definition.command;
  command.insert(command.end(), arguments.begin(), arguments.end());
  return read;
}

}  // namespace bus::cli
