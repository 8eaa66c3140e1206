#include "hub/detach.h"

#include <climits>
#include <cstdio>
#include <string>
#include <unistd.h>

#include "hub/access.h"
#include "hub/instance_lock.h"
#include "protocol/base/process.h"
#include "protocol/limits.h"

namespace bus::hub {

namespace {

// Above the two seconds that a hub waits for the lock and the two that it gives the holder to answer.
constexpr Duration kPatience = seconds(10);

// Our own program by its name, which is what ps and logs then show. /proc/self/exe serves when the file was
// replaced.
std::string own_program() {
  char path[PATH_MAX];
  ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  std::string program = length > 0 ? std::string(path, static_cast<size_t>(length)) : std::string();
  return ::access(program.c_str(), X_OK) == 0 ? program : "/proc/self/exe";
}

// The hub will run in "/".
Result<std::string> absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  char here[PATH_MAX];
  if (::getcwd(here, sizeof here) == nullptr) return errno_error("current directory", errno);
  return std::string(here) + "/" + path;
}

Result<pid_t> start(Options options, const Endpoint& endpoint) {
  BUSD_TRY(ensure_directory(endpoint.directory, access_of(options, endpoint)));
  if (auto serving = answering_hub(endpoint.socket, kStatusTimeout)) return serving;
  options.endpoint = {endpoint.socket, ""};
  if (options.log_file.empty()) options.log_file = endpoint.log;
  BUSD_ASSIGN(options.log_file, absolute(options.log_file));
  if (!options.idle_exit) options.idle_exit = kDetachedIdleExit;
  BUSD_TRY(start_daemon(own_program(), to_arguments(options), options.log_file, kPatience));
  return answering_hub(endpoint.socket, kStatusTimeout);
}

}  // namespace

ExitCode detach(Options options, const Endpoint& endpoint) {
  auto pid = start(std::move(options), endpoint);
  if (pid) {
    std::fprintf(stderr, "busd: pid %d serves %s\n", static_cast<int>(*pid), endpoint.socket.c_str());
    return kExitDone;
  }
  // The reason of a hub that did not start names it already.
  bool named = pid.error().what.starts_with("busd: ");
  std::fprintf(stderr, "%s%s\n", named ? "" : "busd: ", pid.error().what.c_str());
  return exit_code_of(pid.error().code);
}

}  // namespace bus::hub
