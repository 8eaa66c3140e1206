// busd: the hub's program. Reads its options and does the one thing that they ask for.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "hub/access.h"
#include "hub/detach.h"
#include "hub/effect.h"
#include "hub/error_output.h"
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

int fail(const ErrorReport& error, const ErrorOutput& output, Readiness& readiness) {
  readiness.failed(output.say(error));
  return error.exit;
}

int print(const std::string& text, const ErrorOutput& output) {
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return kExitDone;
  std::string why = std::strerror(errno);
  output.say(error_of(ReportCode::output_failed, kExitInternal, "cannot write to stdout: " + why));
  return kExitInternal;
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

int check(const Options& options, const Endpoint& endpoint, const ErrorOutput& output, Readiness& readiness) {
  if (auto trouble = start_trouble(options, endpoint)) return fail(*trouble, output, readiness);
  say_note("the settings are fine; the socket would be " + endpoint.socket);
  if (Reach reach = reach_of(options, endpoint); reach.possible && !reach.text.empty()) say_note(reach.text);
  for (const std::string& text : expected_without_effect(options, endpoint)) say_note(text);
  return kExitDone;
}

int act(const Options& options, const ErrorOutput& output) {
  Starter starter;
  bool starts_hub = options.action == Options::Action::serve || options.action == Options::Action::detach;
  auto learned = starts_hub ? learn(options, starter) : Result<void>();
  bool is_socket = starter.passed_socket && options.ready_fd == kFirstPassedFd;
  if (options.ready_fd >= 0 && !is_socket) {
    auto adopted = Readiness::adopt(options.ready_fd);
    if (!adopted) return fail(report_of(adopted.error()), output, starter.readiness);
    starter.readiness = std::move(*adopted);
  }
  if (!learned) return fail(report_of(learned.error()), output, starter.readiness);
  auto endpoint = resolve_endpoint(options.endpoint, variable);
  if (!endpoint) return fail(report_of(endpoint.error()), output, starter.readiness);
  switch (options.action) {
    case Options::Action::print_config:
      return print(print_config(options), output);
    case Options::Action::check_config:
      return check(options, *endpoint, output, starter.readiness);
    case Options::Action::detach:
      return detach(options, *endpoint, output);
    case Options::Action::serve:
      break;
  }
  return serve(options, *endpoint, std::move(starter), output);
}

int end(const Ending& ending, const ErrorOutput& output) {
  if (ending.code == kExitDone) return print(ending.text, output);
  Readiness readiness;
  if (ending.ready_fd >= 0) {
    if (auto adopted = Readiness::adopt(ending.ready_fd)) readiness = std::move(*adopted);
  }
  // The program that waits takes the first line.
  for (const ErrorReport& error : ending.errors) fail(error, output, readiness);
  return ending.code;
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
  std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const char* form = variable("BUSD_ERRORS");
  bool json = json_errors_wanted(arguments, form);
  if (json) write_last_word_as_json();
  ErrorOutput output(json);
  auto parsed = parse_options(arguments);
  if (const auto* ending = std::get_if<Ending>(&parsed)) return end(*ending, output);
  const auto* options = std::get_if<Options>(&parsed);
  if (options == nullptr) return kExitInternal;
  if (std::string fault = errors_variable_fault(form); !fault.empty()) {
    return end({kExitUsage, {}, {error_of(ReportCode::bad_value, kExitUsage, fault)}, options->ready_fd},
               output);
  }
  return act(*options, output);
}
