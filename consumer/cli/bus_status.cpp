// bus-status: shows what a hub reports about itself to people, programs and health checks. It never starts a
// hub.
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "busd/consumer.hpp"
#include "consumer/cli/buses.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/explanation.h"
#include "consumer/cli/health.h"
#include "consumer/cli/output.h"
#include "consumer/cli/patterns.h"
#include "consumer/cli/program.h"
#include "consumer/cli/source_text.h"
#include "consumer/cli/status_report.h"
#include "consumer/cli/status_table.h"
#include "consumer/cli/status_watch.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

constexpr const char* kAbout =
    R"(Examples:
  bus-status                       show the hub, its sources, its consumers and unmatched types
  bus-status --watch               refresh it every second, with rates; --watch 200ms: more often
  bus-status --json | jq .events   print the hub's answer as it came
  bus-status --metrics             print the hub's metrics for Prometheus
  bus-status --check || echo sick  tell a script or a supervisor whether the hub is healthy
  bus-status --explain build.done  list which consumers would get this type, and why others not
  bus-status --explain-task job.x  list which provider would be given a call, and why others not

Shows the state of the hub. It never starts a hub.)";

constexpr const char* kNotes =
    R"(Columns: RECEIVED is the number of events of the consumer's types that the hub got; DROPPED is the
number that it discarded because the consumer was too slow; LAG is the number of events that wait
for the consumer, and QUEUE is their size. PROGRAM is the name of the process. A pid in parentheses
is the pid reported by the kernel, where it differs from the claimed one. UNMATCHED TYPE lists event
types that no consumer subscribes to. SLOTS is how many calls the providers of a TASK can serve at a
time, over all their tasks, and FREE how many of these are free; DONE counts calls that ended with a
result, FAILED all others; P50 and P99 are times from request to end.

--watch on a terminal: q quits, s changes the order of the consumers, p pauses. LOSS is "now" for a
consumer that is losing events, and "earlier" for one that has lost some before. The bars show the
last minute. Into a pipe, each snapshot begins with the time.

--check succeeds when the hub answers within 2 s, holds the lock of its bus, and its store of values
has not failed. Consumers that lost events, tasks for which no more calls may wait, and a store that
was damaged when the hub started are mentioned, but do not make the check fail.

--list prints names for shell completions: the keys of the consumers; the types that they subscribe
to, and the unmatched ones; the tasks that are provided, and those of the hub; or the named sources.
Names with unprintable characters are left out. If no hub runs, it prints nothing and exits with 69.

A duration D is a whole number with ms, s, m or h: 500ms, 2s, 10m.

Exit status: 0 success: the hub is healthy, or at least one consumer or provider would get it; 1
(--explain, --explain-task) nobody would; 64 usage error; 69 no hub runs; 70 stdout cannot be
written; 75 the hub does not answer within 2 s, its socket is gone, the process that answers does
not hold the lock, or (--check) its store of values has failed; 76 the peer is not a busd hub, or is
too old for --metrics or --explain; 77 permission denied; 129/130/143 ended by
SIGHUP/SIGINT/SIGTERM.)";

constexpr std::chrono::milliseconds kLeastInterval{50};
constexpr std::chrono::milliseconds kDefaultInterval{1000};
constexpr std::chrono::milliseconds kPatience{2000};

struct Options {
  bool json = false;
  bool metrics = false;
  bool check = false;
  std::optional<std::chrono::milliseconds> watch;
  std::string explain;
  std::string explain_task;
  bool literal = false;
  std::string list;
  bool buses = false;
  bool print_socket = false;
  Place place;
};

std::string interval_fault(const std::string& text) {
  auto interval = parse_duration(text);
  if (!interval) return duration_fault(text);
  return *interval < kLeastInterval ? "the shortest interval is 50ms" : "";
}

std::string list_fault(const std::string& text) {
  bool known = text == "keys" || text == "types" || text == "tasks" || text == "sources";
  return known ? std::string() : "\"" + text + "\" is none of keys, types, tasks and sources";
}

// What `list` is checked to be one of.
std::set<std::string> names_in(const StatusReport& report, const std::string& list) {
  if (list == "keys") return keys_of(report);
  if (list == "types") return types_of(report);
  return list == "tasks" ? tasks_of(report) : sources_of(report);
}

void declare(CommandLine& line, Options& options) {
  auto json = line.flag("--json", options.json, "Print the hub's status_response on one line");
  auto metrics =
      line.flag("--metrics", options.metrics, "Print the hub's metrics for Prometheus").excludes(json);
  auto take_interval = [&options](const std::string& text) {
    options.watch = text.empty() ? kDefaultInterval : parse_duration(text);
  };
  auto watch = line.option("--watch", "[D]", take_interval, "Refresh every D, at least 50ms (default: 1s)")
                   .value_is_optional()
                   .excludes(metrics)
                   .check(interval_fault);
  auto check = line.flag("--check", options.check, "Print one line, and exit with 0 if the hub is healthy")
                   .excludes(json)
                   .excludes(metrics)
                   .excludes(watch);
  auto explain =
      line.option("--explain", "TYPE", options.explain, "List who would get an event of TYPE, and why not")
          .excludes(json)
          .excludes(metrics)
          .excludes(watch)
          .excludes(check)
          .check(identifier_fault);
  auto explain_task = line.option("--explain-task", "TASK", options.explain_task,
                                  "List which provider would be given a call of TASK, and why not the others")
                          .excludes(json)
                          .excludes(metrics)
                          .excludes(watch)
                          .excludes(check)
                          .excludes(explain)
                          .check(identifier_fault);
  auto list = line.option("--list", "keys|types|tasks|sources", options.list,
                          "Print only the names of these, one per line")
                  .excludes(json)
                  .excludes(metrics)
                  .excludes(watch)
                  .excludes(check)
                  .excludes(explain)
                  .excludes(explain_task)
                  .check(list_fault);
  line.flag("--literal", options.literal, "Take TYPE as it is, even if it looks like a pattern")
      .needs(explain);
  auto buses = line.flag("--buses", options.buses, "List all hubs of yours at the standard places")
                   .excludes(metrics)
                   .excludes(watch)
                   .excludes(check)
                   .excludes(explain)
                   .excludes(explain_task)
                   .excludes(list);
  line.flag("--print-socket", options.print_socket, "Print the path of the socket; a hub need not run")
      .excludes(json)
      .excludes(metrics)
      .excludes(watch)
      .excludes(check)
      .excludes(explain)
      .excludes(explain_task)
      .excludes(list)
      .excludes(buses);
  line.accept_no_start();
  line.add_place(options.place);
}

class Status {
 public:
  Status(const Options& options, const Console& console)
      : options_(options),
        console_(console),
        hub_{.socket = options.place.socket, .bus = options.place.bus},
        output_(STDOUT_FILENO),
        colour_(colour_wanted(STDOUT_FILENO)) {}

  int once();
  int metrics();
  int check();
  int explain();
  int explain_task();
  int buses();
  int print_socket();
  int list();
  int watch();

 private:
  int report(const Health& trouble) const;
  std::optional<StatusReport> read(int& code);
  std::string supervised(const StatusReport& report) const;
  std::optional<std::string> ask_to_explain(const std::string& args, int& code);
  int print(const std::string& text);

  const Options& options_;
  const Console& console_;
  busd::HubOptions hub_;
  Output output_;
  bool colour_;
};

int Status::report(const Health& trouble) const { return console_.error(error_of(trouble)); }

// Sets `code` when there is no report.
std::optional<StatusReport> Status::read(int& code) {
  Look look = look_at_hub(hub_);
  if (!look.report) code = this->report(look.answer.trouble);
  return std::move(look.report);
}

int Status::print(const std::string& text) {
  Written written = output_.text(text);
  if (written == Written::ok) written = output_.flush();
  if (written != Written::failed) return kDone;
  return console_.error(ErrorCode::output_failed, "cannot write to stdout");
}

int Status::once() {
  if (options_.json) {
    Answer answer = ask_hub(hub_);
    return answer.text ? print(*answer.text + "\n") : report(answer.trouble);
  }
  int code = kDone;
  auto report = read(code);
  if (!report) return code;
  return print(joined(status_table(*report, terminal_columns(STDOUT_FILENO)), colour_) + supervised(*report) +
               remarks(hub_, *report));
}

// What bus-sources says of its sources, as a table of its own; empty: none runs, or there is nothing to say.
std::string Status::supervised(const StatusReport& report) const {
  if (!tasks_of(report).contains("bus.source.list")) return {};
  auto connection = busd::Connection::open({.socket = hub_.socket,
                                            .bus = hub_.bus,
                                            .no_start = true,
                                            .no_reconnect = true,
                                            .open_timeout = kPatience,
                                            .background = true});
  if (!connection) return {};
  busd::Answer list = connection->call("bus.source.list", "null", {.timeout = kPatience});
  if (!list) return {};
  auto lines = source_table(list.result, terminal_columns(STDOUT_FILENO), "SUPERVISED");
  return lines && lines->size() > 1 ? "\n" + joined(*lines, colour_) : std::string();
}

int Status::metrics() {
  Answer answer = ask_metrics(hub_);
  return answer.text ? print(*answer.text) : report(answer.trouble);
}

int Status::check() {
  Health health = check_health(hub_);
  return health.exit_code == kDone ? print(safe_text(health.summary) + "\n") : report(health);
}

// The result of the hub's task bus.explain. Sets `code` when there is none.
std::optional<std::string> Status::ask_to_explain(const std::string& args, int& code) {
  auto connection = busd::Connection::open({.socket = hub_.socket,
                                            .bus = hub_.bus,
                                            .no_start = true,
                                            .no_reconnect = true,
                                            .open_timeout = kPatience,
                                            .background = true});
  if (!connection) {
    code = console_.error(error_of(connection.error()));
    return std::nullopt;
  }
  busd::Answer answer = connection->call("bus.explain", args, {.timeout = kPatience});
  if (answer) return std::move(answer.result);
  bool too_old = answer.code == "no_provider" || answer.status == BUSD_PROTOCOL;
  Health trouble{answer.status == BUSD_FAILED ? kTryAgain : exit_code_of(answer.status), answer.message};
  if (too_old)
    trouble = {kProtocol, "the hub does not know bus.explain, so it is older than this program; restart it"};
  code = this->report(trouble);
  return std::nullopt;
}

int Status::explain() {
  int code = kDone;
  auto report = read(code);
  auto answer = report ? ask_to_explain(explain_args("event_type", options_.explain), code) : std::nullopt;
  if (!answer) return code;
  auto explanation = parse_event_explanation(*answer);
  if (!explanation) return this->report({kProtocol, "the peer is not a busd hub"});
  auto lines = explanation_table(*explanation, terminal_columns(STDOUT_FILENO));
  code = print(joined(lines, colour_) + remarks(hub_, *report));
  return code == kDone && explanation->reached == 0 ? kNobody : code;
}

int Status::explain_task() {
  int code = kDone;
  auto report = read(code);
  auto answer = report ? ask_to_explain(explain_args("task", options_.explain_task), code) : std::nullopt;
  if (!answer) return code;
  auto explanation = parse_task_explanation(*answer);
  if (!explanation) return this->report({kProtocol, "the peer is not a busd hub"});
  auto lines = explanation_table(*explanation, terminal_columns(STDOUT_FILENO));
  code = print(joined(lines, colour_) + remarks(hub_, *report));
  return code == kDone && !explanation->has_provider() ? kNobody : code;
}

int Status::buses() {
  std::vector<Bus> found = find_buses();
  if (found.empty()) console_.note("no hub of yours runs");
  return print(options_.json ? buses_json(found) : buses_table(found));
}

int Status::print_socket() {
  auto place = busd::hub_find(hub_);
  if (!place) return console_.error(error_of(place.error()));
  return print(place->socket + "\n");
}

int Status::list() {
  // Not ask_hub(): a completion must be quick, so there is no second try and no message on why there is no
  // hub.
  auto response = busd::hub_status(hub_);
  if (!response && response.error().result == BUSD_UNREACHABLE) return kUnreachable;
  if (!response) return report({exit_code_of(response.error().result), response.error().message});
  auto report = parse_status(*response);
  if (!report) return this->report({kProtocol, "the peer is not a busd hub"});
  std::string text;
  for (const std::string& name : names_in(*report, options_.list)) {
    // An unsafe name cannot be typed, and a shell would show it unescaped.
    if (!name.empty() && safe_text(name) == name) text += name + "\n";
  }
  return print(text);
}

int Status::watch() { return StatusWatch(hub_, *options_.watch, options_.json, console_, output_).run(); }

int act(Options& options, Console& console) {
  std::string fault =
      options.literal || options.explain.empty() ? std::string() : type_fault(options.explain);
  if (!fault.empty()) return console.error(error_of(ErrorCode::bad_pattern, fault));
  Status status(options, console);
  if (options.list.empty()) note_place(hub_of(options.place), console);
  if (options.buses) return status.buses();
  if (options.print_socket) return status.print_socket();
  if (options.metrics) return status.metrics();
  if (options.check) return status.check();
  if (!options.explain.empty()) return status.explain();
  if (!options.explain_task.empty()) return status.explain_task();
  if (!options.list.empty()) return status.list();
  return options.watch ? status.watch() : status.once();
}

constexpr Program<Options> kProgram{"bus-status", kAbout, kNotes, declare, act};

}  // namespace

}  // namespace bus::cli

int main(int argc, char** argv) { return bus::cli::kProgram.run(argc, argv); }
