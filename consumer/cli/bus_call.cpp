// bus-call: calls a task, or with --lines many of them. The options; one_call.* and call_lines.* do the work.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "busd/consumer.hpp"
#include "consumer/cli/buses.h"
#include "consumer/cli/call_args.h"
#include "consumer/cli/call_lines.h"
#include "consumer/cli/call_request.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/one_call.h"
#include "consumer/cli/program.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/standard_input.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

constexpr const char* kAbout =
    R"(Examples:
  bus-call bus.tasks                            ask the hub which tasks it knows
  bus-call math.add '{"a":1,"b":2}'             call a task with JSON
  bus-call math.add -a a=1 -a b=2               the same args, member by member
  bus-call math.add -a a=1 -a b=2 --wait        wait until somebody provides the task
  bus-call log.read -a name=web --stream --raw  print the parts of an answer as they come
  bus-call --lines <calls.ndjson                call many tasks, and print the answers as they come

Calls a task by its name and prints the result on one line.)";

constexpr const char* kNotes =
    R"(ARGS is JSON; "-" reads it from stdin. Without ARGS and -a, the args are null. -a NAME=VALUE adds a
member to an object: a dot in NAME leads into an object (user.name=tony), a VALUE that reads as an
integer, true, false or null is one, anything else is a string, and NAME:=JSON takes any JSON.

With --stream, each part of the answer is a line, and the result follows unless it is null. A
terminal shows on stderr how far the call has come.

With --lines, each line of stdin is a call: {"id":1,"task":"math.add","args":{"a":1,"b":2}}, and if
needed timeout_ms, wait, stream, idempotent, to and reply_event. The id is a string or a number. At
most 1024 calls are open at once. The answers are lines, in the order in which they come:
{"id":1,"result":…}, {"id":1,"error":{"code":…,"message":…}}, and for a part
{"id":1,"chunk":…,"seq":1}. A line that is no call is answered by an error with the code bad_line.

A hub is started only with --wait: in a new hub nobody provides a task yet.

A time D is a whole number with ms, s, m or h: 500ms, 2s, 10m.

Exit status: 0 there is a result; 64 usage; 65 bad or empty input, or (--lines) a line is no call;
69 nobody provides the task, or no hub runs; 70 the provider failed, declined or went away, a call
of --lines failed, or stdin or stdout broke; 75 busy, or the connection to the hub was lost; 76 not
a hub, or one without calls; 77 permission; 124 the time of --timeout is over; 129/130/143 ended by
SIGHUP/SIGINT/SIGTERM, and the call is canceled.)";

constexpr std::chrono::milliseconds kLongest{86'400'000};  // protocol/PROTOCOL.md 10
constexpr std::chrono::milliseconds kOpenTimeout{10'000};
constexpr size_t kHoldBytes =
    size_t{64} * 1024;  // one write for many lines; sent at once when stdin has no more

struct Options {
  CallRequest request;
  std::optional<std::string> args;
  std::vector<std::string> assignments;
  std::optional<std::chrono::milliseconds> timeout;
  bool never = false;  // the call has no deadline
  bool raw = false;
  bool lines = false;
  bool no_start = false;
  bool quiet = false;
  Place place;
};

std::string timeout_fault(const std::string& text) {
  if (text == "never") return {};
  auto timeout = parse_duration(text);
  if (!timeout) return duration_fault(text) + ", or never";
  if (timeout->count() == 0) return "\"" + text + "\" is no time; write never for a call without a limit";
  if (*timeout > kLongest)
    return "\"" + text + "\" is longer than 24h; write never for a call without a limit";
  return {};
}

void declare(CommandLine& line, Options& options) {
  CallRequest& request = options.request;
  auto task = line.option("TASK", "", request.task, "Name of the task").check(identifier_fault);
  auto take_args = [&options](const std::string& text) { options.args = text; };
  auto args =
      line.option("ARGS", "", take_args, "JSON; with -: from stdin (default: null)")
          .extra_hint("put quotes around ARGS that contain spaces; a member is given by -a NAME=VALUE");
  auto members = line.option("-a,--arg", "NAME=VALUE", options.assignments,
                             "Add a member to ARGS; NAME:=JSON for any JSON; may be repeated")
                     .check(assignment_fault);
  auto take_timeout = [&options](const std::string& text) {
    options.timeout = parse_duration(text);
    options.never = text == "never";
  };
  line.option("--timeout", "D", take_timeout, "Exit with 124 after this time, or never (default: 60s)")
      .check(timeout_fault);
  line.flag("--wait", request.wait, "Wait until somebody provides the task, and start a hub if none runs");
  line.flag("--stream", request.stream, "Print the parts of the answer as they come");
  line.flag("--idempotent", request.idempotent,
            "If the provider goes away, another may do the work again, at most twice");
  line.option("--to", "SOURCE", request.to, "Call only the provider that is this source")
      .check(identifier_fault);
  auto raw = line.flag("--raw", options.raw, "Print a string without quotes, as its text");
  line.flag("--lines", options.lines, "Make the calls that stdin has line by line; the options are defaults")
      .excludes(task, "with --lines, each line of stdin names its task")
      .excludes(args)
      .excludes(members)
      .excludes(raw);
  line.flag("--no-start", options.no_start, "Do not start a hub");
  line.flag("-q,--quiet", options.quiet, "Do not show how far a call has come, and no notes");
  line.add_place(options.place);
}

// What single options cannot check.
std::optional<Error> usage_error(const Options& options) {
  const std::string& task = options.request.task;
  if (!options.lines && task.empty()) {
    return Error{ErrorCode::missing_argument,
                 kUsage,
                 "TASK or --lines is required",
                 "TASK is the name of a task, and --lines calls what stdin has (see bus-call --help)",
                 {}};
  }
  // No task begins so, and JSON does.
  if (task.find_first_of("{[\"") != 0) return std::nullopt;
  return Error{ErrorCode::bad_value,
               kUsage,
               in_quotes(task) + " reads as ARGS",
               "TASK comes first: bus-call TASK ARGS",
               {}};
}

// Puts args into the request.
std::optional<Error> find_args(Options& options) {
  std::string base = options.args.value_or("");
  bool from_stdin = base == "-";
  if (from_stdin) {
    base.clear();
    if (auto error = read_standard_input(base)) return error;
    if (base.size() > kMostInputBytes) {
      return error_of(ErrorCode::bad_data,
                      "the args on stdin are longer than a frame may be (1048576 bytes)");
    }
  }
  bool blank = base.find_first_not_of(" \t\r\n") == std::string::npos;
  if (blank && options.args) {
    return error_of(ErrorCode::empty_input, std::string(from_stdin ? "stdin is" : "ARGS are") +
                                                " empty; leave ARGS out for a call without args");
  }
  return build_args(base, options.assignments, options.request.args);
}

// $TRACEPARENT goes on to the provider, as in a header of HTTP.
std::string trace_member() {
  const char* trace = getenv("TRACEPARENT");
  if (trace == nullptr || !identifier_fault(trace).empty() || first_byte_not_utf8(trace)) return {};
  std::string member = "\"traceparent\":";
  append_json_string(member, trace);
  return member;
}

// A hub that would be started now has no providers: without --wait, nobody could answer.
Error unreachable(const Options& options, const busd::Error& error) {
  Error said = error_of(error);
  if (error.result != BUSD_UNREACHABLE || options.request.wait || options.no_start) return said;
  auto hub = hub_of(options.place);
  auto place = busd::hub_find(hub);
  if (!place || place->socket.empty()) return said;
  said.message = absence(hub, place->socket);
  said.hint = "--wait starts one, and waits until somebody provides the task";
  said.path = place->socket;
  return said;
}

int call(Options& options, const Console& console) {
  using Clock = std::chrono::steady_clock;
  auto begin = Clock::now();
  // With --lines, the time is that of each call.
  auto patience =
      options.lines ? kOpenTimeout : std::min(options.timeout.value_or(kOpenTimeout), kOpenTimeout);
  // From here on a call may be open: a signal does not end us on the spot.
  enter_phase(Phase::running);
  auto connection = busd::Connection::open({.socket = options.place.socket,
                                            .bus = options.place.bus,
                                            .no_start = options.no_start || !options.request.wait,
                                            .no_reconnect = true,
                                            .open_timeout = patience,
                                            .hold_bytes = options.lines ? kHoldBytes : 0,
                                            .cancel_fd = signal_fd()});
  if (!connection) {
    if (caught_signal() != 0) return ended_by_signal(caught_signal());
    bool over = connection.error().result == BUSD_TIMED_OUT && options.timeout == patience;
    Error error = unreachable(options, connection.error());
    if (over) error.code = ErrorCode::timed_out;
    if (over) error.exit = kTimeRanOut;
    return console.error(error);
  }
  CallRequest& request = options.request;
  if (options.never) request.timeout_ms = BUSD_FOREVER;
  if (options.lines) {
    if (options.timeout) request.timeout_ms = options.timeout->count();
    return CallLines(console, std::move(*connection), request).call_all();
  }
  if (options.timeout) {
    auto left = *options.timeout - std::chrono::floor<std::chrono::milliseconds>(Clock::now() - begin);
    request.timeout_ms = std::max<int64_t>(left.count(), 1);
  }
  request.members = trace_member();
  return OneCall(console, std::move(*connection), options.raw).call(request);
}

int act(Options& options, Console& console) {
  if (auto error = usage_error(options)) return console.error(*error);
  console.set_quiet(options.quiet);
  note_place(hub_of(options.place), console);
  if (!options.lines) {
    if (auto error = find_args(options)) return console.error(*error);
  }
  return call(options, console);
}

constexpr Program<Options> kProgram{"bus-call", kAbout, kNotes, declare, act};

}  // namespace

}  // namespace bus::cli

int main(int argc, char** argv) { return bus::cli::kProgram.run(argc, argv); }
