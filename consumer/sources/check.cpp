#include "consumer/sources/check.h"

#include "consumer/cli/exit_code.h"
#include "consumer/cli/text.h"

namespace bus::sources {

int say_faults(const std::vector<FileFault>& faults, const cli::Console& console) {
  int code = cli::kDone;
  for (const FileFault& fault : faults) code = console.error(cli::ErrorCode::bad_config, text_of(fault));
  return code;
}

int check_directories(const std::vector<std::string>& directories, bool may_be_missing,
                      const cli::Console& console) {
  Catalog catalog = look_at(directories, may_be_missing);
  int code = say_faults(catalog.faults, console);
  std::string names;
  for (const auto& [name, found] : catalog.sources) names += (names.empty() ? ": " : ", ") + name;
  size_t count = catalog.sources.size();
  console.note(cli::counted(count, "source") + (count == 1 ? " is fine" : " are fine") + names);
  return code;
}

}  // namespace bus::sources
