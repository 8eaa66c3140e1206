#include "consumer/cli/bus_source/source_files.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include "busd/consumer.hpp"
#include "consumer/cli/bus_source/hub_side.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/json_members.h"
#include "consumer/cli/output.h"
#include "consumer/cli/source_text.h"
#include "consumer/cli/text.h"
#include "consumer/sources/check.h"
#include "protocol/base/file.h"
#include "protocol/sources_place.h"

namespace bus::cli {

namespace {

bool is_directory(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

// Without links and dots.
std::string real_path(const std::string& directory) {
  std::unique_ptr<char, decltype(&std::free)> real(::realpath(directory.c_str(), nullptr), &std::free);
  return real ? std::string(real.get()) : directory;
}

// What is wrong with one file, as its directory is looked at; and whether it is a source. What keeps the source that it
// belongs to from running is wrong with it, too: a second program of that name, or another file's fault.
int check_file(const std::string& path, const Console& console) {
  std::string directory = parent_dir(path);
  auto name_of = [&](const std::string& file) {
    return parent_dir(file) == directory ? sources::name_of_file(file.substr(file.rfind('/') + 1)) : "";
  };
  bool is_part = path.ends_with(".source") || ::access(path.c_str(), X_OK) == 0;
  sources::Catalog catalog = sources::judge({directory}, false);
  std::vector<sources::FileFault> faults;
  for (const sources::FileFault& fault : catalog.faults) {
    bool is_of_its_source = is_part && name_of(fault.file) == name_of(path);
    if (fault.file == path || fault.file == directory || is_of_its_source) faults.push_back(fault);
  }
  if (!faults.empty()) return sources::say_faults(faults, console);
  for (const auto& [name, found] : catalog.sources) {
    const sources::Definition& definition = found.definition;
    if (definition.file != path && definition.command.front() != path) continue;
    std::string text = path;
    text.append(" is fine: the source ").append(name);
    console.note(text);
    return kDone;
  }
  return console.error(
      ErrorCode::bad_config,
      path + " is no source; a source is executable, or a file NAME.source, and no hidden file or back-up");
}

void put_names(std::string& text, const Json& result, const char* what) {
  const Json* names = member(result, what);
  if (names == nullptr || !names->IsArray()) return;
  for (const Json& name : names->GetArray()) {
    if (name.IsString()) text += std::string(what) + " " + safe_text(name.GetString()) + "\n";
  }
}

}  // namespace

int check_files(const Place& place, const std::vector<std::string>& files, const Console& console) {
  if (files.empty()) {
    auto variable = [](const char* name) -> const char* { return std::getenv(name); };
    auto endpoint = resolve_endpoint({place.socket, place.bus}, variable);
    auto directory = endpoint ? sources_directory(*endpoint, variable) : endpoint.error();
    if (!directory) return console.error(ErrorCode::failed, directory.error().what);
    return sources::check_directories({*directory}, true, console);
  }
  int code = kDone;
  for (const std::string& file : files) {
    auto path = sources::path_in_directory(file);
    if (!path) {
      code = console.error(ErrorCode::bad_config, in_quotes(file) + " does not exist");
      continue;
    }
    int found = is_directory(file) ? sources::check_directories({real_path(file)}, false, console)
                                   : check_file(*path, console);
    code = std::max(code, found);
  }
  return code;
}

int reload_sources(const Place& place, const Console& console) {
  int code = kDone;
  auto connection = connect_to_hub(place, console, code);
  auto result = connection ? ask_sources(*connection, place, "reload", "null", console, code) : std::nullopt;
  if (!result) return code;
  rapidjson::Document read;
  if (!read_object(*result, read))
    return console.error(ErrorCode::not_a_hub, "bus-sources has answered no object");
  std::string text;
  for (const char* what : {"added", "removed", "changed"}) put_names(text, read, what);
  Output output(STDOUT_FILENO);
  output.text(text);
  if (output.flush() == Written::failed)
    return console.error(ErrorCode::output_failed, "cannot write to stdout");
  for (const std::string& fault : source_faults(*result)) code = console.error(ErrorCode::bad_config, fault);
  return code;
}

}  // namespace bus::cli
