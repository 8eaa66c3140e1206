#include "consumer/cli/serve_options.h"

#include <algorithm>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "consumer/cli/child_process.h"
#include "consumer/cli/patterns.h"

namespace bus::cli {

const char* const kServeAbout =
    R"(Examples:
  bus-serve math.double -- jq '. * 2'                           runs jq for each request
  bus-serve 'deploy.*' --slots 1 -- ./deploy                    one at a time; $BUSD_TASK says which
  bus-serve logs --stream --shell -- 'tail -f app.log'          each line is a part of the answer
  bus-serve math.square --lines -- jq -c --unbuffered 'try (. * .) catch {error: .}'
                                                                one jq for all requests

Provides TASK on the bus, and starts the hub if none runs. Runs COMMAND for each request: the args
are a line of JSON on its stdin, and what it prints is the result. bus-call TASK ARGS is a caller.)";

const char* const kServeNotes =
    R"(TASK is a name, or a pattern: math.* is every task that begins with "math.", and * every task.

One JSON value on stdout is the result, however it is laid out. Other text becomes a JSON string,
without its last line end; no output is null. A COMMAND that does not end with status 0 is an error
of code "failed", whose message is the last line of its stderr and whose data is {"exit":N} or
{"signal":N}. Its stderr goes to bus-serve's, too. COMMAND finds facts of the request in
BUSD_TASK, BUSD_CALLER_PID, BUSD_CALLER_UID, BUSD_CALLER_SOURCE, BUSD_TIMEOUT_MS, BUSD_STREAM
and BUSD_SOCKET.

When the caller cancels, or the deadline passes, the process group of COMMAND gets SIGTERM, and
SIGKILL after --grace. When COMMAND ends, so does what it has left behind in its group.

The first SIGINT, SIGTERM or SIGHUP takes no more requests and waits for those that run, for
--drain; then they fail, and their commands are ended. A second signal ends everything at once.
Commands do not outlive bus-serve, however it ends.

With --lines, a line for which COMMAND prints nothing keeps its slot until the call's deadline.

On stderr, [bus] ready task=TASK says that requests can come, and [bus] end task=TASK requests=N
failed=N canceled=N seconds=S what was done; -q leaves both out.

A time D is a whole number with ms, s, m or h: 500ms, 2s, 10m.

Exit status: 64 usage, 69 hub not reachable, 70 something failed, 75 refused for now, 76 not a
hub, or one without calls, 77 permission, 126 COMMAND cannot be run, 127 there is no COMMAND,
129/130/143 ended by SIGHUP/SIGINT/SIGTERM.)";

namespace {

constexpr size_t kMostSlots = 1024;    // of one connection (PROTOCOL.md 10)
constexpr size_t kFilesOfCommand = 4;  // three pipes and the process
constexpr size_t kFilesBeside = 32;    // the connection, stdio, and what is open for a moment
constexpr std::chrono::milliseconds kDrain{5000};
constexpr std::chrono::milliseconds kGrace{2000};

bool is_short_number(const std::string& text) {
  return !text.empty() && text.size() <= 9 && text.find_first_not_of("0123456789") == std::string::npos;
}

std::string slots_fault(const std::string& text) {
  bool good = is_short_number(text) && std::stoul(text) >= 1 && std::stoul(text) <= kMostSlots;
  return good ? std::string() : "\"" + text + "\" is not a number from 1 to " + std::to_string(kMostSlots);
}

std::string priority_fault(const std::string& text) {
  bool good = is_short_number(text.starts_with('-') ? text.substr(1) : text);
  return good ? std::string() : "\"" + text + "\" is not a whole number";
}

// Those that we may run on, as nproc(1) counts them.
size_t processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return std::clamp<size_t>(static_cast<size_t>(count), 1, kMostSlots);
}

std::optional<Error> files_fault(size_t slots) {
  rlimit limit{};
  size_t wanted = slots * kFilesOfCommand + kFilesBeside;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return std::nullopt;
  return error_of(ErrorCode::bad_value, "--slots: " + std::to_string(slots) + " commands need " +
                                            std::to_string(wanted) + " open files, and the limit is " +
                                            std::to_string(limit.rlim_cur) + "; raise it with ulimit -n " +
                                            std::to_string(wanted));
}

std::optional<Error> tasks_fault(const ServeCommand& command) {
  for (const std::string& task : command.tasks) {
    std::string fault = below_bus_fault(task);
    if (!fault.empty()) return error_of(ErrorCode::bad_value, fault);
  }
  if (command.literal) return std::nullopt;
  for (const std::string& task : command.tasks) {
    std::string fault = task_fault(task);
    if (!fault.empty()) return error_of(ErrorCode::bad_pattern, fault);
  }
  return std::nullopt;
}

std::optional<Error> command_fault_of(const ServeCommand& command) {
  if (command.shell) {
    if (command.command.size() == 1) return std::nullopt;
    return error_of(ErrorCode::extra_argument,
                    "with --shell, COMMAND is one word; put quotes around all of it");
  }
  return program_fault(command.command.front());
}

}  // namespace

void declare_serve(CommandLine& line, ServeCommand& command) {
  line.option("TASK", "", command.tasks, "Name of a task, or a pattern; may be repeated")
      .required()
      .check(identifier_fault);
  line.behind_dashes("COMMAND", command.command, "What is run for each request, with its arguments")
      .required();
  auto take_slots = [&command](const std::string& text) { command.slots = std::stoul(text); };
  line.option("--slots", "N", take_slots, "At most N commands at once (default: the number of processors)")
      .check(slots_fault);
  line.flag("--shell", command.shell, "COMMAND is one word, which /bin/sh -c runs");
  auto stream = line.flag("--stream", command.stream,
                          "Send each line of stdout as a part, to callers that ask for parts");
  line.flag("--lines", command.lines, "Keep one COMMAND for all requests, or --slots: a line in, a line out")
      .excludes(stream);
  auto take_priority = [&command](const std::string& text) {
    command.priority = static_cast<int32_t>(std::stol(text));
  };
  line.option("--priority", "N", take_priority, "Providers with a higher one are asked first (default: 0)")
      .check(priority_fault);
  line.duration("--drain", command.drain, "After a signal, wait so long for what runs (default: 5s)");
  line.duration("--grace", command.grace, "From SIGTERM to SIGKILL of a command (default: 2s)");
  line.option("--source", "NAME", command.source, "Connect as this source; callers may name it")
      .check(identifier_fault);
  line.flag("--literal", command.literal,
            "Take each TASK as it is, even if it looks like another system's pattern");
  line.flag("--no-start", command.no_start, "Do not start a hub");
  line.flag("-q,--quiet", command.quiet, "Print only errors on stderr, and what commands say");
  line.add_place(command.place);
}

std::optional<Error> complete_serve(ServeCommand& command) {
  if (auto error = tasks_fault(command)) return error;
  if (auto error = command_fault_of(command)) return error;
  if (command.shell) command.command = {"/bin/sh", "-c", command.command.front()};
  if (command.slots == 0) command.slots = command.lines ? 1 : processors();
  if (!command.drain) command.drain = kDrain;
  if (!command.grace) command.grace = kGrace;
  return files_fault(command.slots);
}

}  // namespace bus::cli
