// bus-publish: events from the command line or from stdin to the hub. The options; publish_session.* does the
// work.
#include <algorithm>
#include <chrono>
#include <optional>
#include <poll.h>
#include <string>
#include <unistd.h>
#include <utility>

#include "busd/consumer.hpp"
#include "consumer/cli/buses.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/patterns.h"
#include "consumer/cli/program.h"
#include "consumer/cli/publish_session.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/standard_input.h"

namespace bus::cli {

namespace {

constexpr const char* kAbout =
    R"(Examples:
  bus-publish build.done '{"ok":true}'              one event
  bus-publish build.done --null                     one without a payload
  bus-publish build.done 1 --id b-17 --source ci    the hub drops repetitions of b-17 from ci
  date | bus-publish clock.now --text               stdin as a JSON string
  ./sensor | bus-publish --lines --type temp        a payload per line, sent as the lines come
  bus-publish --lines < events.ndjson               whole event frames

Publishes events, and starts the hub if none runs. Exits with 0 only when the hub has processed
all of them. It does not report whether anybody received an event; bus-status --explain does.)";

constexpr const char* kNotes =
    R"(PAYLOAD is JSON. Without it, the payload is read from stdin, except on a terminal without --text:
then it is null. With "-" it is always read from stdin. Empty input is an error: --null publishes
null, '' --text an empty string. With --text the payload is plain text, which becomes a JSON string,
without one line end at the end of stdin. Put "--" before a payload that begins with "-", unless it
is a number; options come before the "--".

TYPE is no pattern: "build.*" and what other systems use as wildcards are refused. --literal takes
them as they are.

With --lines, empty lines are skipped (with --text they are empty strings). A bad line is reported
with its number and skipped, and the exit status is 65; ten are reported, then they are counted.
If the first line begins a JSON value and does not end it, nothing is published; if a later line
does, neither it nor its continuation is. Put each value on one line, as jq -c . does. If the
connection breaks, the program ends and says how many lines the hub has not confirmed. A line on
stderr says at the end what was done:
[bus] published N events, N refused, in S s

A time D is a whole number with ms, s, m or h: 500ms, 2s, 10m.

Exit status: 0 done, 64 usage, 65 bad or empty input, 69 hub not reachable, 70 stdin cannot be
read, 75 connection lost or refused for now, 76 not a hub, 77 permission, 124 the time of --timeout
is over, 129/130/143 ended by SIGHUP/SIGINT/SIGTERM.)";

constexpr std::chrono::milliseconds kSilence{2000};  // of stdin, before people are told what is waited for
constexpr size_t kHoldBytes = 64 * 1024;  // one write for many lines; sent at once when stdin has no more

struct Options {
  PublishOptions publish;
  std::string positional_type;
  std::optional<std::string> payload;
  std::string lines_type;
  std::optional<std::chrono::milliseconds> timeout;
  std::string source;
  bool lines = false;
  bool null = false;
  bool literal = false;
  bool no_start = false;
  bool quiet = false;
  Place place;
};

void declare(CommandLine& line, Options& options) {
  const char* positional = "TYPE is written without an option: bus-publish TYPE PAYLOAD";
  auto type = line.option("TYPE", "", options.positional_type, "Type of the event")
                  .check(identifier_fault)
                  .mistaken_for("-t", positional);
  auto take_payload = [&options](const std::string& text) { options.payload = text; };
  auto payload = line.option("PAYLOAD", "", take_payload, "JSON; default, and with -: from stdin")
                     .extra_hint("put quotes around a PAYLOAD that contains spaces");
  auto lines = line.flag("--lines", options.lines, "Publish stdin line by line")
                   .excludes(type, "with --lines, the type of all events is given by --type")
                   .excludes(payload);
  line.option("--type", "TYPE", options.lines_type, "With --lines: lines are payloads of events of this type")
      .needs(lines, positional)
      .check(identifier_fault);
  line.option("--id", "ID", options.publish.id,
              "event_id: repetitions from the same source within 5 minutes are dropped")
      .excludes(lines);
  line.option("--time", "MS", options.publish.time, "source_time: milliseconds since 1970")
      .excludes(lines)
      .check(time_fault);
  line.option("--source", "NAME", options.source,
              "Publish as this source; the hub shows its state (default: anonymous)")
      .check(identifier_fault);
  auto text = line.flag("--text", options.publish.text, "Payloads are plain text, not JSON");
  line.flag("--null", options.null, "The payload is null; stdin is not read")
      .excludes(payload)
      .excludes(lines)
      .excludes(text);
  line.flag("--literal", options.literal, "Take TYPE as it is, even if it looks like a pattern");
  line.duration("--timeout", options.timeout,
                "Exit with 124 after this time; with --lines, for each wait (default: 10s)");
  line.flag("--no-start", options.no_start, "Do not start a hub");
  line.flag("-q,--quiet", options.quiet,
            "No summary of --lines, no note that stdin is silent, and no rate line");
  line.add_place(options.place);
}

// What single options cannot check.
Error usage_error(const Options& options) {
  const std::string help = "see bus-publish --help";
  if (!options.lines && options.positional_type.empty())
    return {
        ErrorCode::missing_argument,
        kUsage,
        "TYPE or --lines is required",
        "TYPE is the type of one event, and --lines publishes stdin line by line (see bus-publish --help)",
        {}};
  if (options.lines && options.publish.text && options.lines_type.empty())
    return {ErrorCode::missing_argument, kUsage, "--text with --lines needs --type", help, {}};
  // No type begins so, and JSON does.
  if (!options.literal && options.positional_type.find_first_of("{[\"") == 0)
    return {ErrorCode::bad_pattern,
            kUsage,
            "\"" + options.positional_type + "\" reads as a PAYLOAD",
            "TYPE comes first: bus-publish TYPE PAYLOAD",
            {}};
  const std::string& type = options.lines ? options.lines_type : options.positional_type;
  std::string fault = options.literal ? std::string() : type_fault(type);
  return fault.empty() ? Error{} : error_of(ErrorCode::bad_pattern, fault);
}

// A terminal, and a stdin that somebody forgot, such as that of a remote shell, look the same: like nothing.
void await_stdin(const Console& console) {
  pollfd wait{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  if (poll(&wait, 1, static_cast<int>(kSilence.count())) == 0)
    console.note("reading the payload from stdin; --null publishes an event without one");
}

// All of stdin into `payload`; else the exit code, after the reason was given.
int read_payload(const Options& options, const Console& console, std::string& payload) {
  if (auto error = read_standard_input(payload)) return console.error(*error);
  if (payload.empty())
    return console.error(ErrorCode::empty_input,
                         options.payload ? "stdin is empty" : "no PAYLOAD given, and stdin is empty",
                         "--null publishes an event without a payload, '' --text an empty string");
  if (payload.size() > kMostInputBytes)
    return console.error(ErrorCode::bad_data,
                         "the payload on stdin is longer than a frame may be (1048576 bytes)");
  if (options.publish.text && payload.ends_with('\n')) payload.pop_back();
  return kDone;
}

// The payload of one event; else the exit code, after the reason was given.
int find_payload(const Options& options, const Console& console, std::string& payload) {
  bool given = options.payload && options.payload != "-";
  bool on_terminal = !options.payload && !options.publish.text && isatty(STDIN_FILENO) == 1;
  if (options.null || on_terminal) {
    payload = "null";
    return kDone;
  }
  if (!given) {
    if (!options.payload) await_stdin(console);
    if (int code = read_payload(options, console, payload); code != kDone) return code;
  } else {
    payload = *options.payload;
  }
  bool blank = payload.find_first_not_of(" \t\r\n") == std::string::npos;
  if (!blank || options.publish.text) return kDone;
  return console.error(ErrorCode::empty_input, "the payload is empty",
                       "--null publishes an event without a payload, '' --text an empty string");
}

int publish(Options& options, const Console& console) {
  std::string payload;
  if (!options.lines) {
    if (int code = find_payload(options, console, payload); code != kDone) return code;
  }
  auto deadline = std::chrono::steady_clock::now() + options.publish.timeout;
  // Payloads are checked here and not by the hub, so that a bad line is reported at once.
  auto source =
      busd::Source::open({.name = options.source,
                          .socket = options.place.socket,
                          .bus = options.place.bus,
                          .no_start = options.no_start,
                          .no_reconnect = true,
                          .open_timeout = std::max(options.publish.timeout, std::chrono::milliseconds(1)),
                          .buffer_bytes = kBufferBytes,
                          .hold_bytes = options.lines ? kHoldBytes : 0,
                          .check_payloads = true});
  if (!source) {
    Error error = error_of(source.error());
    if (source.error().result == BUSD_TIMED_OUT) {
      error.code = ErrorCode::timed_out;
      error.exit = kTimeRanOut;
    }
    return console.error(error);
  }
  PublishSession session(options.publish, console, std::move(*source));
  return options.lines ? session.publish_lines() : session.publish_one(std::move(payload), deadline);
}

int act(Options& options, Console& console) {
  Error error = usage_error(options);
  if (!error.message.empty()) return console.error(error);
  console.set_quiet(options.quiet);
  note_place(hub_of(options.place), console);
  options.publish.type = options.lines ? options.lines_type : options.positional_type;
  options.publish.timeout_given = options.timeout.has_value();
  if (options.timeout) options.publish.timeout = *options.timeout;
  return publish(options, console);
}

constexpr Program<Options> kProgram{"bus-publish", kAbout, kNotes, declare, act};

}  // namespace

}  // namespace bus::cli

int main(int argc, char** argv) { return bus::cli::kProgram.run(argc, argv); }
