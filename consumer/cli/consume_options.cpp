#include "consumer/cli/consume_options.h"

#include <algorithm>

#include "consumer/cli/event_template.h"
#include "consumer/cli/patterns.h"
#include "consumer/cli/signals.h"

namespace bus::cli {

const char* const kConsumeAbout =
    R"(Examples:
  bus-consume build                       print the events of type "build", one JSON object per line
  bus-consume ci -t 'build.*' -t deploy   print "deploy" and all types that begin with "build."
  bus-consume build -n 1 --timeout 10s    wait for one event; exit with 124 if there is none
  bus-consume build --payload | jq .      print the payloads only
  bus-consume build --format '{seq} {payload.job}'
  bus-consume build --exec ./deploy       run a command for each event, its payload on stdin
  bus-consume build --first ./subscribe --last ./unsubscribe

Prints events from the hub, one JSON object per line, as soon as they arrive. Starts the hub if none
runs. Prints "[bus] ready event_key=KEY" on stderr once it is subscribed.)";

const char* const kConsumeNotes =
    R"(At its end, bus-consume prints on stderr: [bus] end event_key=KEY events=N lost=N seconds=S
reason=limit|timeout|signal|output-closed|eof|hub-gone|failed. A time D is a whole number with ms,
s, m or h: 500ms, 2s, 10m. TYPE is an event type or a pattern: "build.*" or "*".

--format: {event_type}, {event_id}, {seq}, {source_time}, {payload}, {payload.MEMBER} (dots lead
further inside), {event}, {key}, {received} (milliseconds since 1970), {received_utc}, and
{/POINTER} for a JSON pointer into the event. A string is printed without quotes, any other value as
JSON, a missing one as nothing. {{ and }} are braces, \n a line end, \t a tab, \\ a backslash.

--exec, --first and --last run by /bin/sh -c with BUSD_KEY, BUSD_SUBSCRIPTION_ID and BUSD_SOCKET
set; --exec also sets BUSD_EVENT_TYPE, BUSD_EVENT_ID, BUSD_SEQ, BUSD_SOURCE_TIME and BUSD_RECEIVED.
While its commands run, events wait in the hub's queue. When bus-consume ends, it first waits for
the commands that still run, then runs --last if it is the last consumer of the scope; a second
signal ends everything at once.

--output-dir names files MS-SEQ-ID.json: arrival in milliseconds since 1970, seq, and the event's
id (or type) with all but [A-Za-z0-9._-] replaced by "_". Files appear complete, and none is
replaced.

Exit status: 0 done, 64 usage, 69 hub not reachable or gone, 70 a command of --first, --last or
--exec failed, or the output did, 75 refused for now, no answer, or events lost (--fail-on-loss),
76 the peer is not a hub, or does not support patterns, 77 permission, 124 --timeout ran out before
-n events, 129/130/143 ended by SIGHUP/SIGINT/SIGTERM.)";

namespace {

std::string count_fault(const std::string& text) {
  bool digits =
      !text.empty() && text.size() <= 18 && text.find_first_not_of("0123456789") == std::string::npos;
  bool zero = text.find_first_not_of('0') == std::string::npos;
  return digits && !zero ? std::string()
                         : "\"" + text + "\" is not a number of events; write a whole number, 1 or more";
}

std::string batch_fault(const std::string& text) {
  std::string fault = duration_fault(text);
  bool zero = fault.empty() && parse_duration(text)->count() == 0;
  return zero ? "\"" + text + "\" is no time to wait; write 1ms or more" : fault;
}

std::string jobs_fault(const std::string& text) {
  bool digits =
      !text.empty() && text.size() <= 9 && text.find_first_not_of("0123456789") == std::string::npos;
  bool good = digits && std::stoul(text) >= 1 && std::stoul(text) <= kMostJobs;
  return good ? std::string() : "\"" + text + "\" is not a number from 1 to " + std::to_string(kMostJobs);
}

std::string cleanup_task_fault(const std::string& text) {
  std::string fault = below_bus_fault(text);
  if (fault.empty() && is_pattern(text)) fault = "\"" + text + "\" is a pattern; name one task";
  return fault.empty() ? identifier_fault(text) : fault;
}

struct Forms {
  CommandLine::Option payload, format, timestamps;  // how an event is written
  CommandLine::Option output_dir, batch, exec;      // where to
  CommandLine::Option control;
};

// At most one of a group, and a command gets its payload whatever else is asked for.
void declare_conflicts(const Forms& options) {
  options.format.excludes(options.payload);
  options.timestamps.excludes(options.payload).excludes(options.format);
  options.batch.excludes(options.output_dir).excludes(options.format);
  options.exec.excludes(options.output_dir).excludes(options.batch).excludes(options.control);
  options.exec.excludes(options.payload, "each command gets the payload on its stdin anyway");
  const char* variables =
      "each command gets the payload on its stdin, and the rest in variables such as $BUSD_SEQ";
  options.exec.excludes(options.format, variables);
  options.exec.excludes(options.timestamps, "each command gets the time of arrival in $BUSD_RECEIVED");
}

void declare_what(CommandLine& line, ConsumeCommand& command) {
  line.option("KEY", "", command.key,
              "Name that you choose for your job; without -t it is also the event type")
      .required()
      .extra_hint("each further type is given with -t")
      .check(identifier_fault);
  line.option("-t,--type", "TYPE", command.types, "Consume events of this type; repeatable; default: KEY")
      .check(identifier_fault);
  line.option("--exclude", "TYPE", command.consume.excluded, "Leave out events of this type; repeatable")
      .check(identifier_fault);
  line.flag("--literal", command.literal,
            "Take each TYPE as it is, even if it looks like another system's pattern");
}

void declare_output(CommandLine& line, ConsumeCommand& command) {
  auto payload = line.flag("--payload", command.text.payload_only, "Print the payloads only");
  auto format = line.option("--format", "TEMPLATE", command.text.format, "Print each event by this template")
                    .check(template_fault);
  auto timestamps = line.flag("--timestamps", command.text.timestamps,
                              "Add the time of arrival as the last member, \"received\"");
  auto control = line.flag("--control", command.consume.control,
                           R"(Print losses, resets and source states too, as {"type":"lost",…})");
  line.flag("--end-record", command.end_record, R"(Print {"type":"end",…} as the last line)");
  auto batch = line.duration("--batch", command.batch, "Print the events of each D as one JSON array")
                   .check(batch_fault);
  auto output_dir =
      line.option("--output-dir", "DIR", command.output_dir, "Write each event to a file of its own in DIR");
  auto exec = line.option("--exec", "CMD", command.exec.command,
                          "Run CMD for each event, with the payload on its stdin");
  auto take_jobs = [&command](const std::string& text) { command.exec.jobs = std::stoul(text); };
  line.option("--jobs", "N", take_jobs, "Run up to N commands at once (default: 1)")
      .check(jobs_fault)
      .needs(exec);
  line.flag("--fail-fast", command.exec.fail_fast, "End at the first command that fails").needs(exec);
  declare_conflicts({payload, format, timestamps, output_dir, batch, exec, control});
}

void declare_end(CommandLine& line, ConsumeCommand& command) {
  auto take_limit = [&command](const std::string& text) { command.consume.limit = std::stoull(text); };
  auto count = line.option("-n,--count", "N", take_limit, "End after N events").check(count_fault);
  auto timeout = line.duration("--timeout", command.consume.timeout,
                               "End after this time, counted from ready; with -n: exit 124");
  line.flag("--timeout-ok", command.timeout_ok, "Exit with 0 although --timeout ran out before -n events")
      .needs(timeout)
      .needs(count);
  line.duration("--ready-timeout", command.ready_timeout,
                "Give up if the hub has not answered after this time (default: 10s)");
  line.flag("--until-eof", command.consume.until_eof, "Read stdin, and end when it ends");
  line.flag("--fail-on-loss", command.fail_on_loss, "Exit with 75 if events were lost or may have been");
}

void declare_scope(CommandLine& line, ConsumeCommand& command) {
  line.option("--first", "CMD", command.first,
              "Command the first consumer of the scope runs before its first event");
  line.option("--last", "CMD", command.last, "Command the last consumer of the scope runs at its end");
  line.option("--cleanup-task", "TASK", command.cleanup_task,
              "Task the hub calls if the last consumer is killed before it can run --last")
      .check(cleanup_task_fault);
  line.option("--subscription-id", "ID", command.subscription_id, "Name of the scope, instead of KEY")
      .check(identifier_fault);
  line.flag("--exclusive", command.exclusive, "Claim the scope exclusively; exit 75 if it is in use");
  line.flag("--observe", command.observe,
            "Do not count as a listener for sources that work only for listeners");
}

void declare_hub(CommandLine& line, ConsumeCommand& command) {
  line.flag("--no-reconnect", command.no_reconnect, "End with 69 when the hub is gone");
  line.flag("--no-start", command.no_start, "Do not start a hub");
  line.flag("-q,--quiet", command.quiet, "Print only errors and losses on stderr");
  line.flag("--summary", command.summary, "Print only errors, losses and the end line on stderr");
  line.add_place(command.place);
}

// What was asked for and would never match, so that silence is no surprise.
std::string pattern_fault(const ConsumeCommand& command) {
  if (command.literal) return {};
  std::string fault;
  for (const std::string& entry : command.types) {
    if (fault.empty()) fault = entry_fault(entry);
  }
  for (const std::string& entry : command.consume.excluded) {
    if (fault.empty()) fault = entry_fault(entry);
  }
  return fault;
}

// An entry that matches another one, as a text, matches all that the other one does.
bool excludes_everything(const ConsumeCommand& command) {
  const std::vector<std::string>& entries = command.consume.excluded;
  auto excluded = [&entries](const std::string& type) {
    return std::any_of(entries.begin(), entries.end(),
                       [&type](const std::string& entry) { return entry_matches(entry, type); });
  };
  return std::all_of(command.types.begin(), command.types.end(), excluded);
}

// A payload, or what a template makes of it, may look like a line of bus-consume's own. In files it cannot be
// mistaken for one, nor in arrays.
std::optional<Error> stdout_conflict(const ConsumeCommand& command) {
  bool apart = !command.output_dir.empty() || command.batch;
  bool free_text = command.text.payload_only || !command.text.format.empty();
  bool own_lines = command.consume.control || command.end_record;
  if (apart || !free_text || !own_lines) return std::nullopt;
  std::string_view own = command.consume.control ? "--control" : "--end-record";
  std::string_view form = command.text.payload_only ? "--payload" : "--format";
  return error_of(ErrorCode::conflict, std::string(own) + " excludes " + std::string(form) +
                                           "; except with --output-dir" +
                                           (command.text.payload_only ? " or --batch" : ""));
}

}  // namespace

void declare_consume(CommandLine& line, ConsumeCommand& command) {
  declare_what(line, command);
  declare_end(line, command);
  declare_output(line, command);
  declare_scope(line, command);
  declare_hub(line, command);
}

std::optional<Error> complete_consume(ConsumeCommand& command) {
  if (command.types.empty()) command.types = {command.key};
  command.consume.timestamps = command.text.timestamps;
  command.consume.watch_stdout = command.output_dir.empty() || command.consume.control;
  std::string fault = pattern_fault(command);
  if (!fault.empty()) return error_of(ErrorCode::bad_pattern, fault);
  if (excludes_everything(command))
    return error_of(ErrorCode::conflict, "--exclude leaves no event of those that --type asks for");
  return stdout_conflict(command);
}

}  // namespace bus::cli
