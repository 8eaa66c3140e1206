#include "consumer/sources/places.h"

#include "protocol/sources_place.h"

namespace bus::sources {

namespace {

std::string beside_socket(const Endpoint& endpoint, const char* suffix) {
  std::string stem = endpoint.lock;
  stem.resize(stem.rfind('.'));
  return stem + suffix;
}

}  // namespace

Result<std::string> state_directory(const Endpoint& endpoint, const Environment& environment) {
  const char* of_service = environment("STATE_DIRECTORY");
  if (of_service != nullptr && *of_service == '/') return std::string(of_service);
  if (is_system_bus(endpoint)) return std::string("/var/lib/busd");
  return user_directory(environment, "XDG_STATE_HOME", ".local/state");
}

std::string sources_lock(const Endpoint& endpoint) { return beside_socket(endpoint, ".sources.lock"); }
std::string sources_record(const Endpoint& endpoint) { return beside_socket(endpoint, ".sources.record"); }

}  // namespace bus::sources
