#include "protocol/endpoint.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

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
    return Error{Errc::invalid, "bus name " + bus::printable(name) + " is not allowed: use 1 to " +
                                    std::to_string(kMaxBusNameBytes) +
                                    " of the characters A-Z a-z 0-9 . _ -, and no dot as the first one"};
  }
  return {};
}

// Whether `path` is a directory; if not, `why` says what it is instead, as in "which …".
bool is_directory(const std::string& path, std::string& why) {
  std::error_code failure;
  std::filesystem::file_status found = std::filesystem::status(path, failure);
  if (std::filesystem::is_directory(found)) return true;
  if (found.type() == std::filesystem::file_type::not_found) {
    why = "does not exist";
  } else if (failure) {
    why = "cannot be used (" + failure.message() + ")";
  } else {
    why = "is not a directory";
  }
  return false;
}

// $XDG_RUNTIME_DIR without a slash at its end; empty when it is not set or cannot be used, and then `notice`
// says why if it is set.
std::string runtime_directory(const Environment& environment, std::string& notice) {
  std::string runtime = variable(environment, "XDG_RUNTIME_DIR");
  if (runtime.empty()) return {};
  std::string why;
  // The XDG Base Directory Specification: a relative path is to be ignored.
  if (!runtime.starts_with('/')) {
    why = "is not an absolute path";
  } else if (is_directory(runtime, why)) {
    while (runtime.ends_with('/')) runtime.pop_back();
    return runtime.empty() ? "/" : runtime;
  }
  notice = "$XDG_RUNTIME_DIR is " + bus::printable(runtime) + ", which " + why;
  return {};
}

bool is_our_directory(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == ::geteuid();
}

Result<std::string> make_absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  std::error_code failure;
  std::filesystem::path here = std::filesystem::current_path(failure);
  if (failure)
    return errno_error("find the working directory, for the relative path " + bus::printable(path),
                       failure.value());
  return (here / path).string();
}

Result<Endpoint> named_endpoint(const std::string& path) {
  if (path.starts_with('~')) {
    return Error{Errc::invalid, "socket path " + bus::printable(path) +
                                    " begins with a ~ that no shell has replaced: write $HOME instead, or " +
                                    bus::printable("./" + path) + " for a directory of that name"};
  }
  BUSD_ASSIGN(std::string socket, make_absolute(path));
  BUSD_ASSIGN(Endpoint endpoint, endpoint_at(std::move(socket)));
  endpoint.explicit_path = true;
  return endpoint;
}

Error from_variable(const char* name, Error error) {
  error.what = "$" + std::string(name) + ": " + error.what;
  return error;
}

Result<Endpoint> endpoint_of_variable(const std::string& path) {
  if (!path.starts_with('/')) {
    return Error{Errc::invalid, "$BUSD_SOCKET is " + bus::printable(path) +
                                    ", which is not an absolute path: it must begin with /" +
                                    (path.starts_with('~') ? "; no shell replaces a ~ in quotes" : "")};
  }
  auto endpoint = named_endpoint(path);
  if (!endpoint) return from_variable("BUSD_SOCKET", endpoint.error());
  return endpoint;
}

Result<Endpoint> standard_endpoint(const std::string& name, const Environment& environment) {
  BUSD_TRY(check_bus_name(name));
  StandardPlaces places = standard_places(environment);
  std::string file = "/" + name + std::string(kSocketSuffix);
  BUSD_ASSIGN(Endpoint endpoint, endpoint_at(places.directories.front() + file));
  endpoint.name = name;
  endpoint.notice = std::move(places.notice);
  for (size_t i = 1; i < places.directories.size(); ++i)
    endpoint.elsewhere.push_back(places.directories[i] + file);
  return endpoint;
}

}  // namespace

StandardPlaces standard_places(const Environment& environment) {
  StandardPlaces places;
  std::string runtime = runtime_directory(environment, places.notice);
  std::string per_user = "/run/user/" + std::to_string(::geteuid());
  std::string last = "/tmp/busd-" + std::to_string(::geteuid());
  if (!runtime.empty()) places.directories.push_back((runtime == "/" ? "" : runtime) + "/busd");
  if (runtime != per_user && is_our_directory(per_user)) places.directories.push_back(per_user + "/busd");
  places.directories.push_back(last);
  if (!places.notice.empty()) {
    places.notice += ": the bus is in " + places.directories.front() + " instead";
  } else if (places.directories.size() == 1) {
    places.notice =
        "$XDG_RUNTIME_DIR is not set and " + per_user + " is not a directory of yours: the bus is in " + last;
  }
  return places;
}

bool is_at_standard_place(const Endpoint& endpoint, const Environment& environment) {
  if (!endpoint.explicit_path) return true;
  std::vector<std::string> places = standard_places(environment).directories;
  return std::find(places.begin(), places.end(), endpoint.directory) != places.end() &&
         endpoint.socket.ends_with(".sock");
}

Result<Endpoint> endpoint_at(std::string socket) {
  BUSD_TRY(check_socket_path(socket));
  Endpoint endpoint;
  std::string stem = socket;
  if (stem.ends_with(kSocketSuffix)) stem.resize(stem.size() - kSocketSuffix.size());
  endpoint.name = stem.substr(stem.rfind('/') + 1);
  if (endpoint.name.empty()) {
    return Error{Errc::invalid,
                 "socket path " + bus::printable(socket) + " names no file: add a name such as bus.sock"};
  }
  endpoint.directory = parent_dir(socket);
  endpoint.lock = stem + ".lock";
  endpoint.start_lock = stem + ".start.lock";
  endpoint.log = stem + ".log";
  endpoint.socket = std::move(socket);
  return endpoint;
}

Result<Endpoint> resolve_endpoint(const EndpointRequest& request, const Environment& environment) {
  if (!request.socket.empty() && !request.bus.empty())
    return Error{Errc::invalid, "a socket excludes a bus: name the hub by only one of them"};
  if (!request.socket.empty()) return named_endpoint(request.socket);
  if (!request.bus.empty()) return standard_endpoint(request.bus, environment);
  if (std::string path = variable(environment, "BUSD_SOCKET"); !path.empty())
    return endpoint_of_variable(path);
  if (std::string name = variable(environment, "BUSD_BUS"); !name.empty()) {
    auto endpoint = standard_endpoint(name, environment);
    if (!endpoint) return from_variable("BUSD_BUS", endpoint.error());
    return endpoint;
  }
  if (!request.file_socket.empty()) return named_endpoint(request.file_socket);
  return standard_endpoint(request.file_bus.empty() ? kDefaultBus : request.file_bus, environment);
}

}  // namespace bus
