#include "hub/value_place.h"

#include "hub/store/files.h"
#include "protocol/base/file.h"
#include "protocol/sources_place.h"

namespace bus::hub {

Result<ValuePlace> value_place(const Options& options, const Endpoint& endpoint,
                               const Environment& environment) {
  ValuePlace out;
  out.serves = has_values(options);
  if (names_value_file(options)) {
    BUSD_ASSIGN(out.path, absolute_path(options.values));
  }
  if (options.values != kValuesByDefault) return out;
  if (!is_at_standard_place(endpoint, environment)) return out;
  auto directory = user_directory(environment, "XDG_STATE_HOME", ".local/state");
  if (directory) {
    out.path = *directory + "/" + endpoint.name + ".values";
  } else {
    out.fault = directory.error().what;
  }
  return out;
}

std::optional<std::string> place_trouble(const ValuePlace& place) {
  if (!place.fault.empty()) return place.fault;
  if (place.path.empty()) return std::nullopt;
  std::string path = place.path;
  auto files = store::look_at_files(path);
  if (!files) return files.error().what;
  if (files->read_only) return files->read_only->what;
  if (auto directory = try_own_dir(parent_dir(path)); !directory) return directory.error().what;
  return std::nullopt;
}

}  // namespace bus::hub
