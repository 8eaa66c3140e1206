// bus-source: lists, starts and stops the sources that bus-sources runs, reads their logs, and tries programs before they
// are sources. The verbs and their options; the files beside this one do the work.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "consumer/cli/bus_source/hub_side.h"
#include "consumer/cli/bus_source/source_commands.h"
#include "consumer/cli/bus_source/source_events.h"
#include "consumer/cli/bus_source/source_files.h"
#include "consumer/cli/bus_source/source_list.h"
#include "consumer/cli/bus_source/source_logs.h"
#include "consumer/cli/bus_source/trial.h"
#include "consumer/cli/buses.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/program.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/text.h"
#include "protocol/base/spelling.h"

namespace bus::cli {

namespace {

constexpr const char* kAbout =
    R"(Examples:
  bus-source run ./clock.sh        try a program: which of its lines would be events
  bus-source list                  show all sources and their states; --watch: again and again
  bus-source status clock          show all that is known of one source
  bus-source logs clock -f         print its log, and go on with what comes
  bus-source events                print each change of a source as it happens
  bus-source restart clock         stop it with all that it has started, and start it again
  bus-source disable clock         keep it from running until it is enabled
  bus-source check                 judge all files of the default directory

Controls the programs that bus-sources runs as sources of the bus. A program is a source when it is
an executable file in the directory that bus-sources looks at; see bus-sources(5).)";

constexpr const char* kNotes =
    R"(status and logs take one SOURCE; start, stop, restart, enable and disable one or more; events those
to tell of; list and reload none. run takes a program, or a file NAME.source, and the arguments of
the program behind it: those that begin with "-" stand behind "--". check takes files and
directories; without any it judges the default directory. run and check need no hub.

start, stop and restart wait until it is done, and go on with the others when one fails. A source
that was started by name runs, whoever listens, until it is stopped; one that was stopped stays so
until it is started. enable takes both back, and so does a new bus-sources.

logs prints the time, the number of the run, the stream and the line. With --json, list, status,
events and logs print what the tasks bus.source.* answer, one object on a line; see bus-sources(8).

A duration D is a whole number with ms, s, m or h: 500ms, 2s, 10m.

Exit status: 0 done; 1 (start, stop, restart, enable, disable) it failed for a source; 64 usage, or
a file has faults; 69 no hub or no bus-sources runs; 70 there is no such source, the program of run
failed, or stdout broke; 75 bus-sources is about to end, or the connection to the hub was lost; 76
not a hub; 77 permission; 129/130/143 ended by SIGHUP/SIGINT/SIGTERM.)";

constexpr std::chrono::milliseconds kLeastInterval{50};
constexpr std::chrono::milliseconds kDefaultInterval{1000};

struct Options {
  std::string verb;
  std::vector<std::string> sources;
  std::optional<std::chrono::milliseconds> watch;
  LogWish log;
  bool json = false;
  bool quiet = false;
  Place place;
};

struct Verb {
  const char* name;
  size_t least;  // how many SOURCEs it takes
  size_t most;
  int (*act)(const Options& options, const Console& console);
};

constexpr size_t kAny = SIZE_MAX;

int act_on_sources(const Options& options, const Console& console) {
  int code = kDone;
  enter_phase(Phase::running);
  auto connection = connect_to_hub(options.place, console, code);
  if (!connection) return caught_signal() != 0 ? ended_by_signal(caught_signal()) : code;
  return SourceCommands(console, std::move(*connection), options.place)
      .run_all(options.verb, options.sources);
}

int read_log(const Options& options, const Console& console) {
  int code = kDone;
  enter_phase(Phase::running);
  auto connection = connect_to_hub(options.place, console, code);
  if (!connection) return caught_signal() != 0 ? ended_by_signal(caught_signal()) : code;
  LogWish wish = options.log;
  wish.name = options.sources.front();
  wish.json = options.json;
  return SourceLogs(console, std::move(*connection), options.place, wish).read();
}

constexpr std::array<Verb, 12> kVerbs = {{
    {"list", 0, 0,
     [](const Options& o, const Console& console) {
       return list_sources(o.place, {o.watch, o.json}, console);
     }},
    {"status", 1, 1,
     [](const Options& o, const Console& console) {
       return show_source(o.place, o.sources.front(), o.json, console);
     }},
    {"logs", 1, 1, read_log},
    {"events", 0, kAny,
     [](const Options& o, const Console& console) {
       return print_source_events(o.place, o.sources, o.json, console);
     }},
    {"start", 1, kAny, act_on_sources},
    {"stop", 1, kAny, act_on_sources},
    {"restart", 1, kAny, act_on_sources},
    {"reload", 0, 0,
     [](const Options& o, const Console& console) { return reload_sources(o.place, console); }},
    {"run", 1, kAny,
     [](const Options& o, const Console& console) {
       return try_program(o.place, o.sources.front(), {o.sources.begin() + 1, o.sources.end()}, console);
     }},
    {"check", 0, kAny,
     [](const Options& o, const Console& console) { return check_files(o.place, o.sources, console); }},
    {"enable", 1, kAny, act_on_sources},
    {"disable", 1, kAny, act_on_sources},
}};

const Verb* find_verb(const std::string& name) {
  auto at = std::find_if(kVerbs.begin(), kVerbs.end(), [&](const Verb& verb) { return name == verb.name; });
  return at == kVerbs.end() ? nullptr : &*at;
}

std::string verb_fault(const std::string& text) {
  if (find_verb(text) != nullptr) return {};
  std::string fault = "there is no " + in_quotes(text);
  for (const Verb& verb : kVerbs) {
    if (alike(text, verb.name)) return fault + "; did you mean " + verb.name + "?";
  }
  return fault + "; see bus-source --help";
}

std::string interval_fault(const std::string& text) {
  auto interval = parse_duration(text);
  if (!interval) return duration_fault(text);
  return *interval < kLeastInterval ? "the shortest interval is 50ms" : "";
}

std::string stream_fault(const std::string& text) {
  return text == "stdout" || text == "stderr" ? std::string()
                                              : in_quotes(text) + " is neither stdout nor stderr";
}

std::optional<uint64_t> number_of(const std::string& text) {
  uint64_t number = 0;
  auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::string number_fault(const std::string& text) {
  return number_of(text) ? std::string() : in_quotes(text) + " is no whole number";
}

void declare(CommandLine& line, Options& options) {
  line.option("VERB", "", options.verb,
              "list, status, logs, events, start, stop, restart, reload, run,\n"
              "                          check, enable or disable")
      .required()
      .check(verb_fault)
      .begins_command("run");
  line.option("SOURCE", "", options.sources, "Name of a source, or of a file; may be repeated");
  line.flag("--json", options.json, "Print JSON: of list, status, logs and events");
  auto take_interval = [&options](const std::string& text) {
    options.watch = text.empty() ? kDefaultInterval : parse_duration(text);
  };
  line.option("--watch", "[D]", take_interval, "Of list: refresh every D, at least 50ms (default: 1s)")
      .value_is_optional()
      .check(interval_fault);
  line.flag("-f,--follow", options.log.follow, "Of logs: go on with what comes");
  auto take_lines = [&options](const std::string& text) { options.log.lines = number_of(text); };
  line.option("-n,--lines", "N", take_lines, "Of logs: only so many of the last lines").check(number_fault);
  line.duration("--since", options.log.since, "Of logs: only lines that are no older");
  line.option("--stream", "stdout|stderr", options.log.stream, "Of logs: only lines of this stream")
      .check(stream_fault);
  line.flag("-q,--quiet", options.quiet, "Print no notes");
  line.accept_no_start();
  line.add_place(options.place);
}

// What single options cannot check.
std::optional<Error> usage_error(const Options& options, const Verb& verb) {
  auto is_one_of = [&](std::initializer_list<const char*> verbs) {
    return std::any_of(verbs.begin(), verbs.end(), [&](const char* each) { return options.verb == each; });
  };
  auto wrong = [&](ErrorCode code, const std::string& message) {
    bool may_be_for_program = options.verb == "run" && code == ErrorCode::conflict;
    return Error{
        code, kUsage, message, may_be_for_program ? "if it is the program's, put -- before it" : "", {}};
  };
  if (options.sources.size() < verb.least)
    return wrong(ErrorCode::missing_argument,
                 options.verb + (options.verb == "run" ? " needs a FILE" : " needs a SOURCE"));
  if (options.sources.size() > verb.most) {
    return wrong(ErrorCode::extra_argument, options.verb + " takes " +
                                                (verb.most == 0 ? "no SOURCE" : "one SOURCE only") + "; " +
                                                in_quotes(options.sources[verb.most]) + " is not expected");
  }
  if (!is_one_of({"run", "check"})) {
    for (const std::string& name : options.sources) {
      if (std::string fault = identifier_fault(name); !fault.empty())
        return wrong(ErrorCode::bad_value, "SOURCE " + in_quotes(name) + " " + fault);
    }
  }
  if (options.json && !is_one_of({"list", "status", "logs", "events"}))
    return wrong(ErrorCode::conflict, "--json goes with list, status, logs and events only");
  if (options.watch && !is_one_of({"list"})) return wrong(ErrorCode::conflict, "--watch goes with list only");
  const LogWish& log = options.log;
  const char* given = log.follow            ? "--follow"
                      : log.lines           ? "--lines"
                      : log.since           ? "--since"
                      : !log.stream.empty() ? "--stream"
                                            : nullptr;
  if (given != nullptr && !is_one_of({"logs"}))
    return wrong(ErrorCode::conflict, std::string(given) + " goes with logs only");
  return std::nullopt;
}

int act(Options& options, Console& console) {
  const Verb& verb = *find_verb(options.verb);
  if (auto error = usage_error(options, verb)) return console.error(*error);
  console.set_quiet(options.quiet);
  note_place(hub_of(options.place), console);
  return verb.act(options, console);
}

constexpr Program<Options> kProgram{"bus-source", kAbout, kNotes, declare, act};

}  // namespace

}  // namespace bus::cli

int main(int argc, char** argv) { return bus::cli::kProgram.run(argc, argv); }
