#include "protocol/endpoint.h"

#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"
#include "protocol/base/unix_socket.h"

namespace bus {

namespace {

constexpr size_t kMaxBusNameBytes = 64;
constexpr const char* kDefaultBus = "bus";
constexpr std::string_view kSocketSuffix = ".sock";

std::string variable(const Environment& environment, const char* name) {
  const char* value = environment(name);
  return value == nullptr ? std::string() : std::string(value);
}

Result<void> check_bus_name(const std::string& name) {
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  if (name.empty() || name.size() > kMaxBusNameBytes || name[0] == '.' ||
      name.find_first_not_of(allowed) != std::string::npos) {
    return Error{Errc::invalid, "bus name " + bus::quoted(name) + " is not allowed: use 1 to " +
                                    std::to_string(kMaxBusNameBytes) +
                                    " of the characters A-Z a-z 0-9 . _ - and no dot in front"};
  }
  return {};
}

// The user's own directory for buses. Shared by all of a user's programs, so it may depend on nothing but the
// environment that a login sets up.
std::string bus_directory(const Environment& environment) {
  std::string runtime = variable(environment, "XDG_RUNTIME_DIR");
  // The XDG Base Directory Specification: a relative path is to be ignored.
  if (runtime.starts_with('/')) {
    while (runtime.size() > 1 && runtime.ends_with('/')) runtime.pop_back();
    return (runtime == "/" ? "" : runtime) + "/busd";
  }
  std::string uid = std::to_string(::geteuid());
  std::string per_user = "/run/user/" + uid;
  struct stat st {};
  if (::lstat(per_user.c_str(), &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == ::geteuid()) {
    return per_user + "/busd";
  }
  return "/tmp/busd-" + uid;
}

Result<std::string> make_absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  std::error_code failure;
  std::filesystem::path here = std::filesystem::current_path(failure);
  if (failure)
    return errno_error("find the working directory, for the relative path " + bus::quoted(path),
                       failure.value());
  return (here / path).string();
}

Result<Endpoint> endpoint_at(std::string socket) {
  BUSD_TRY(check_socket_path(socket));
  Endpoint endpoint;
  std::string stem = socket;
  if (stem.ends_with(kSocketSuffix)) stem.resize(stem.size() - kSocketSuffix.size());
  endpoint.name = stem.substr(stem.rfind('/') + 1);
  if (endpoint.name.empty()) {
    return Error{Errc::invalid,
                 "socket path " + bus::quoted(socket) + " names no file: add a name such as bus.sock"};
  }
  endpoint.directory = parent_dir(socket);
  endpoint.lock = stem + ".lock";
  endpoint.start_lock = stem + ".start.lock";
  endpoint.log = stem + ".log";
  endpoint.socket = std::move(socket);
  return endpoint;
}

}  // namespace

Result<Endpoint> resolve_endpoint(const EndpointRequest& request, const Environment& environment) {
  std::string path = request.socket.empty() ? variable(environment, "BUSD_SOCKET") : request.socket;
  if (!path.empty()) {
    BUSD_ASSIGN(std::string socket, make_absolute(path));
    BUSD_ASSIGN(Endpoint endpoint, endpoint_at(std::move(socket)));
    endpoint.explicit_path = true;
    return endpoint;
  }
  std::string name = request.bus.empty() ? variable(environment, "BUSD_BUS") : request.bus;
  if (name.empty()) name = kDefaultBus;
  BUSD_TRY(check_bus_name(name));
  BUSD_ASSIGN(Endpoint endpoint,
              endpoint_at(bus_directory(environment) + "/" + name + std::string(kSocketSuffix)));
  endpoint.name = name;
  return endpoint;
}

}  // namespace bus
