// busd: the hub's program. Reads its options and does the one thing that they ask for.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "hub/detach.h"
#include "hub/options.h"
#include "hub/readiness.h"
#include "hub/serve.h"
#include "protocol/base/last_word.h"
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
  std::fprintf(stderr, "busd: %s\n", what.c_str());
  readiness.failed("busd: " + what);
  return code;
}

int act(const Options& options) {
  Readiness readiness;
  if (options.ready_fd >= 0) {
    auto adopted = Readiness::adopt(options.ready_fd);
    if (!adopted) return fail(kExitUsage, adopted.error().what, readiness);
    readiness = std::move(*adopted);
  }
  auto endpoint =
      resolve_endpoint(options.endpoint, [](const char* name) -> const char* { return std::getenv(name); });
  if (!endpoint) return fail(exit_code_of(endpoint.error().code), endpoint.error().what, readiness);
  switch (options.action) {
    case Options::Action::print_config:
      return std::fputs(print_config(options).c_str(), stdout) >= 0 && std::fflush(stdout) == 0
                 ? kExitDone
                 : kExitInternal;
    case Options::Action::check_config:
      std::fprintf(stderr, "busd: the settings are fine; the socket would be %s\n", endpoint->socket.c_str());
      return kExitDone;
    case Options::Action::detach:
      return detach(options, *endpoint);
    case Options::Action::serve:
      break;
  }
  return serve(options, *endpoint, std::move(readiness));
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
  // First thing: a peer or a log reader that goes away must show as an error of write().
  std::signal(SIGPIPE, SIG_IGN);
  // The same for a log that has reached the limit of a file's size (setrlimit(2)).
  std::signal(SIGXFSZ, SIG_IGN);
  open_missing_stdio();
  auto parsed = parse_options(std::vector<std::string>(argv + 1, argv + argc));
  if (const auto* options = std::get_if<Options>(&parsed)) return act(*options);
  if (const auto* ending = std::get_if<Ending>(&parsed)) return end(*ending);
  return kExitInternal;
}
