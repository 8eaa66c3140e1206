// busd: the hub's program. Reads its options and does the one thing that they ask for.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "hub/access.h"
#include "hub/detach.h"
#include "hub/options.h"
#include "hub/passed_socket.h"
#include "hub/readiness.h"
#include "hub/serve.h"
#include "hub/service_manager.h"
#include "protocol/base/last_word.h"
#include "protocol/base/signals.h"
#include "protocol/endpoint.h"

namespace {

using namespace bus;
using namespace bus::hub;

// Without them the next descriptors opened would be 0 to 2, and a log line could go to a client.
void open_missing_stdio() {
  int fd = 0;
  do {
    fd = ::open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) ::close(fd);
}

int fail(ExitCode code, const std::string& what, Readiness& readiness) {
  std::string said;
  for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
    end = what.find('\n', begin);
    said += "busd: " + what.substr(begin, end == std::string::npos ? end : end - begin) + "\n";
  }
  std::fputs(said.c_str(), stderr);
  // One line is all that the program that waits can take.
  readiness.failed(said.substr(0, said.find('\n')));
  return code;
}

const char* variable(const char* name) { return std::getenv(name); }

// What the environment says of who started us.
Result<void> learn(const Options& options, Starter& starter) {
  auto passed = socket_is_passed(variable, ::getpid());
  auto manager = service_manager_of(variable, ::getpid());
  forget_service_environment();
  if (!passed) return passed.error();
  if (!manager) return manager.error();
  starter.passed_socket = *passed;
  starter.manager = *manager;
  if (starter.passed_socket && options.action == Options::Action::detach) {
    return Error{Errc::invalid,
                 "a socket was passed (LISTEN_FDS), which only a hub without --detach can serve"};
  }
  if (starter.passed_socket && options.ready_fd == kFirstPassedFd) {
    return Error{Errc::invalid, "--ready-fd " + std::to_string(kFirstPassedFd) +
                                    " is the socket that was passed (LISTEN_FDS): give another descriptor"};
  }
  return {};
}

int act(const Options& options) {
  Starter starter;
  bool starts_hub = options.action == Options::Action::serve || options.action == Options::Action::detach;
  auto learned = starts_hub ? learn(options, starter) : Result<void>();
  bool is_socket = starter.passed_socket && options.ready_fd == kFirstPassedFd;
  if (options.ready_fd >= 0 && !is_socket) {
    auto adopted = Readiness::adopt(options.ready_fd);
    if (!adopted) return fail(kExitUsage, adopted.error().what, starter.readiness);
    starter.readiness = std::move(*adopted);
  }
  if (!learned) return fail(exit_code_of(learned.error().code), learned.error().what, starter.readiness);
  auto endpoint = resolve_endpoint(options.endpoint, variable);
  if (!endpoint) return fail(exit_code_of(endpoint.error().code), endpoint.error().what, starter.readiness);
  switch (options.action) {
    case Options::Action::print_config:
      return std::fputs(print_config(options).c_str(), stdout) >= 0 && std::fflush(stdout) == 0
                 ? kExitDone
                 : kExitInternal;
    case Options::Action::check_config:
      std::fprintf(stderr, "busd: the settings are fine; the socket would be %s\n", endpoint->socket.c_str());
      if (std::string reach = reach_of(options, *endpoint).text; !reach.empty())
        std::fprintf(stderr, "busd: %s\n", reach.c_str());
      return kExitDone;
    case Options::Action::detach:
      return detach(options, *endpoint);
    case Options::Action::serve:
      break;
  }
  return serve(options, *endpoint, std::move(starter));
}

int end(const Ending& ending) {
  if (ending.code == kExitDone) {
    return std::fputs(ending.text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0 ? kExitDone
                                                                                    : kExitInternal;
  }
  Readiness readiness;
  if (ending.ready_fd >= 0) {
    if (auto adopted = Readiness::adopt(ending.ready_fd)) readiness = std::move(*adopted);
  }
  return fail(ending.code, ending.text, readiness);
}

}  // namespace

// Before main(): the constructors of static objects allocate too.
[[gnu::constructor(101)]] static void watch_memory() { end_when_memory_is_out("busd"); }

int main(int argc, char** argv) {
  // SIGHUP, ignored under nohup, does not end a hub anyway: it reopens the log.
  reset_signals(JobSignals::keep_ignored);
  // Early: a peer or a log reader that goes away must show as an error of write().
  std::signal(SIGPIPE, SIG_IGN);
  // The same for a log that has reached the limit of a file's size (setrlimit(2)).
  std::signal(SIGXFSZ, SIG_IGN);
  open_missing_stdio();
  auto parsed = parse_options(std::vector<std::string>(argv + 1, argv + argc));
  if (const auto* options = std::get_if<Options>(&parsed)) return act(*options);
  if (const auto* ending = std::get_if<Ending>(&parsed)) return end(*ending);
  return kExitInternal;
}
