#include "protocol/sources_place.h"

namespace bus {

namespace {

constexpr const char* kSystemSocket = "/run/busd/bus.sock";
constexpr const char* kOrdinaryBus = "bus";

}  // namespace

bool is_system_bus(const Endpoint& endpoint) { return endpoint.socket == kSystemSocket; }

bool has_default_sources(const Endpoint& endpoint, const Environment& environment) {
  return is_system_bus(endpoint) || is_at_standard_place(endpoint, environment);
}

Result<std::string> sources_directory(const Endpoint& endpoint, const Environment& environment) {
  if (is_system_bus(endpoint)) return std::string("/etc/busd/sources.d");
  BUSD_ASSIGN(std::string place, user_directory(environment, "XDG_CONFIG_HOME", ".config"));
  return place + "/" + (endpoint.name == kOrdinaryBus ? "" : endpoint.name + ".") + "sources.d";
}

std::string sources_lock(const Endpoint& endpoint) {
  return endpoint.lock.substr(0, endpoint.lock.rfind('.')) + ".sources.lock";
}

Result<std::string> user_directory(const Environment& environment, const char* variable,
                                   const char* beside_home) {
  const char* value = environment(variable);
  if (value != nullptr && *value == '/') return std::string(value) + "/busd";
  const char* home = environment("HOME");
  if (home == nullptr || *home != '/')
    return Error{Errc::invalid, std::string("neither $") + variable + " nor $HOME names a directory"};
  return std::string(home) + "/" + beside_home + "/busd";
}

}  // namespace bus
