#include "hub/detach.h"

#include <climits>
#include <string>
#include <unistd.h>

#include "hub/access.h"
#include "hub/effect.h"
#include "hub/instance_lock.h"
#include "protocol/base/file.h"
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

struct Serving {
  pid_t pid = 0;
  bool was_there = false;
};

Result<Serving> start(Options options, const Endpoint& endpoint) {
  BUSD_TRY(ensure_directory(endpoint.directory, access_of(options, endpoint)));
  if (auto pid = answering_hub(endpoint.socket, kStatusTimeout)) return Serving{*pid, true};
  // By its name, where it has one: whether others look for it there depends on that.
  options.endpoint =
      endpoint.explicit_path ? EndpointRequest{endpoint.socket, ""} : EndpointRequest{"", endpoint.name};
  if (!options.idle_exit) options.idle_exit = kDetachedIdleExit;
  BUSD_TRY(start_daemon(own_program(), to_arguments(options), options.log_file, kPatience));
  BUSD_ASSIGN(pid_t pid, answering_hub(endpoint.socket, kStatusTimeout));
  return Serving{pid, false};
}

}  // namespace

ExitCode detach(Options options, const Endpoint& endpoint, const ErrorOutput& output) {
  auto fail = [&](const ErrorReport& error) {
    output.say(error);
    return static_cast<ExitCode>(error.exit);
  };
  bool changes = changes_settings(options);
  if (options.log_file.empty()) {
    options.log_file = endpoint.log;
  } else {
    auto path = absolute_path(options.log_file);
    if (!path) return fail(log_file_report(path.error()));
    options.log_file = *path;
    if (auto opened = open_append(*path); !opened) return fail(log_file_report(opened.error()));
  }
  if (names_value_file(options)) {
    auto path = absolute_path(options.values);
    if (!path) return fail(report_of(path.error()));
    options.values = *path;
  }
  auto serving = start(options, endpoint);
  if (!serving) return fail(report_of(serving.error()));
  say_note("pid " + std::to_string(serving->pid) + " serves " + endpoint.socket);
  if (serving->was_there) {
    if (changes) say_note(kOthersSettings);
    return kExitDone;
  }
  // The hub itself can say it in its log only.
  for (const std::string& text : expected_without_effect(options, endpoint)) say_note(text);
  return kExitDone;
}

}  // namespace bus::hub
