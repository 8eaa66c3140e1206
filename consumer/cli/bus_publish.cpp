// bus-publish: events from the command line or from stdin to the hub. The options; publish_session.* does the
// work.
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>

#include "busd/consumer.hpp"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/program.h"
#include "consumer/cli/publish_session.h"
#include "consumer/cli/signals.h"

namespace bus::cli {

namespace {

constexpr const char* kAbout =
    R"(Examples:
  bus-publish build.done '{"ok":true}'              one event
  bus-publish build.done --id b-17 < /dev/null      no payload; repetitions of the id are dropped
  date | bus-publish clock.now - --text             stdin as a JSON string
  ./sensor | bus-publish --lines --type temp        a payload per line, sent as the lines come
  bus-publish --lines < events.ndjson               whole event frames

Publishes events, starting the hub if none runs. Exits 0 only when the hub has processed them all.)";

constexpr const char* kNotes =
    R"(PAYLOAD is JSON; "-" reads it from stdin; without it the payload is null. With --text it is raw
text, made a JSON string; one line end at the end of stdin is dropped. A payload that begins with
"-" needs "--" before TYPE.

With --lines, empty lines are skipped (with --text they are empty strings), and a bad line is
reported on stderr with its number, skipped, and makes the exit status 65. When the connection
breaks, the program ends and says how many lines the hub has not confirmed. A time D is a whole
number with ms, s, m or h: 500ms, 2s, 10m.

Exit status: 0 done, 64 usage, 65 bad input data, 69 hub not reachable, 70 stdin cannot be read,
75 connection lost or refused for now, 76 not a hub, 77 permission, 124 the hub did not confirm in
time, 129/130/143 ended by SIGHUP/SIGINT/SIGTERM.)";

constexpr size_t kMostPayloadBytes = 1024 * 1024;  // more fits no frame
constexpr size_t kHoldBytes = 64 * 1024;  // one write for many lines; sent at once when stdin has no more

struct Options {
  PublishOptions publish;
  std::string positional_type;
  std::optional<std::string> payload;
  std::string lines_type;
  std::optional<std::chrono::milliseconds> timeout;
  std::string source;
  bool lines = false;
  bool no_start = false;
  bool quiet = false;
  Place place;
};

void declare(CommandLine& line, Options& options) {
  auto type = line.option("TYPE", "", options.positional_type, "Type of the event").check(identifier_fault);
  auto take_payload = [&options](const std::string& text) { options.payload = text; };
  auto payload = line.option("PAYLOAD", "", take_payload, "JSON, or - for stdin");
  auto lines =
      line.flag("--lines", options.lines, "Publish stdin line by line").excludes(type).excludes(payload);
  line.option("--type", "TYPE", options.lines_type, "With --lines: lines are payloads of events of this type")
      .needs(lines)
      .check(identifier_fault);
  line.option("--id", "ID", options.publish.id, "event_id: repetitions within 5 minutes are dropped")
      .excludes(lines);
  line.option("--time", "MS", options.publish.time, "source_time: milliseconds since 1970")
      .excludes(lines)
      .check(time_fault);
  line.option("--source", "NAME", options.source,
              "Publish as this source; the hub shows its state (default: anonymous)")
      .check(identifier_fault);
  line.flag("--text", options.publish.text, "Payloads are raw text, not JSON");
  line.duration("--timeout", options.timeout, "Wait this long for the hub's confirmation (default: 10s)");
  line.flag("--no-start", options.no_start, "Do not start a hub");
  line.flag("-q,--quiet", options.quiet, "No rate line on a terminal");
  line.add_place(options.place);
}

// What single options cannot check.
std::string usage_fault(const Options& options) {
  if (!options.lines && options.positional_type.empty()) return "TYPE or --lines is required";
  if (options.lines && options.publish.text && options.lines_type.empty())
    return "--text with --lines needs --type";
  return {};
}

// All of stdin, or what is wrong with it.
std::pair<std::string, int> read_payload(const Console& console, bool text) {
  std::string payload;
  char chunk[65536];
  while (payload.size() <= kMostPayloadBytes) {
    ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      console.error(std::string("cannot read stdin: ") + std::strerror(errno));
      return {{}, kInternal};
    }
    if (n == 0) break;
    payload.append(chunk, static_cast<size_t>(n));
  }
  if (payload.size() > kMostPayloadBytes) {
    console.error("the payload on stdin is longer than a frame may be (1048576 bytes)");
    return {{}, kBadData};
  }
  if (text && payload.ends_with('\n')) payload.pop_back();
  return {payload, kDone};
}

int publish(Options& options, const Console& console) {
  std::string payload = options.payload.value_or("null");
  bool text_given = options.publish.text && options.payload;
  options.publish.text = options.lines ? options.publish.text : text_given;
  if (options.payload == "-") {
    auto [read, code] = read_payload(console, options.publish.text);
    if (code != kDone) return code;
    payload = read;
  }
  if (payload.empty() && !options.publish.text) {
    console.error("the payload is empty: leave it out for null, or use --text for an empty string");
    return kBadData;
  }
  // Checked here and not by the hub, whoever typed a bad line is told at once.
  auto source = busd::Source::open({.name = options.source,
                                    .socket = options.place.socket,
                                    .bus = options.place.bus,
                                    .no_start = options.no_start,
                                    .no_reconnect = true,
                                    .hold_bytes = options.lines ? kHoldBytes : 0,
                                    .check_payloads = true});
  if (!source) return console.error(error_of(source.error()));
  PublishSession session(options.publish, console, std::move(*source));
  return options.lines ? session.publish_lines() : session.publish_one(std::move(payload));
}

int act(Options& options, Console& console) {
  std::string fault = usage_fault(options);
  if (!fault.empty()) return console.error(ErrorCode::missing_argument, fault, "see bus-publish --help");
  console.set_quiet(options.quiet);
  options.publish.type = options.lines ? options.lines_type : options.positional_type;
  if (options.timeout) options.publish.timeout = *options.timeout;
  return publish(options, console);
}

constexpr Program<Options> kProgram{"bus-publish", kAbout, kNotes, declare, act};

}  // namespace

}  // namespace bus::cli

int main(int argc, char** argv) { return bus::cli::kProgram.run(argc, argv); }
