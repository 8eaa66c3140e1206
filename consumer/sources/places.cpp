#include "consumer/sources/places.h"

#include "consumer/sources/launch_environment.h"
#include "protocol/sources_place.h"

namespace bus::sources {

std::string state_directory(const Endpoint& endpoint, const Environment& environment) {
  const char* of_service = environment("STATE_DIRECTORY");
  if (of_service != nullptr && *of_service == '/') return of_service;
  if (is_system_bus(endpoint)) return "/var/lib/busd";
  auto directory = user_directory(environment, "XDG_STATE_HOME", ".local/state");
  // A hub that was started without $HOME may have found the sources by $XDG_CONFIG_HOME.
  return directory ? *directory : home_directory() + "/.local/state/busd";
}

RunFiles run_files(const Endpoint& endpoint, const std::string& directory) {
  std::string lock = sources_lock(endpoint);
  if (!directory.empty()) lock = directory + lock.substr(lock.rfind('/'));
  return {lock, lock.substr(0, lock.rfind('.')) + ".record"};
}

}  // namespace bus::sources
