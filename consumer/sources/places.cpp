#include "consumer/sources/places.h"

#include "protocol/sources_place.h"

namespace bus::sources {

Result<std::string> state_directory(const Endpoint& endpoint, const Environment& environment) {
  const char* of_service = environment("STATE_DIRECTORY");
  if (of_service != nullptr && *of_service == '/') return std::string(of_service);
  if (is_system_bus(endpoint)) return std::string("/var/lib/busd");
  return user_directory(environment, "XDG_STATE_HOME", ".local/state");
}

RunFiles run_files(const Endpoint& endpoint, const std::string& directory) {
  std::string lock = sources_lock(endpoint);
  if (!directory.empty()) lock = directory + lock.substr(lock.rfind('/'));
  return {lock, lock.substr(0, lock.rfind('.')) + ".record"};
}

}  // namespace bus::sources
