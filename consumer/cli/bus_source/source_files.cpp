#include "consumer/cli/bus_source/source_files.h"

#include <algorithm>
#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

#include "busd/consumer.hpp"
#include "consumer/cli/bus_source/hub_side.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/json_members.h"
#include "consumer/cli/output.h"
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

// What is wrong with one file, as its directory is looked at; and whether it is a source.
int check_file(const std::string& path, const Console& console) {
  sources::Catalog catalog = sources::judge({parent_dir(path)}, false);
  std::vector<sources::FileFault> faults;
  for (const sources::FileFault& fault : catalog.faults) {
    if (fault.file == path || fault.file == parent_dir(path)) faults.push_back(fault);
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
    char* real = ::realpath(file.c_str(), nullptr);
    if (real == nullptr) {
      code = console.error(ErrorCode::bad_config, in_quotes(file) + " does not exist");
      continue;
    }
    std::string path = real;
    std::free(real);  // NOLINT(cppcoreguidelines-no-malloc): realpath(3)'s
    int found =
        is_directory(path) ? sources::check_directories({path}, false, console) : check_file(path, console);
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
  for_each_in(read, "faults", [&](const Json& fault) {
    uint64_t line = number_of(fault, "line");
    code = console.error(ErrorCode::bad_config, text_of(fault, "file") +
                                                    (line == 0 ? "" : ":" + std::to_string(line)) + ": " +
                                                    text_of(fault, "message"));
  });
  return code;
}

}  // namespace bus::cli
