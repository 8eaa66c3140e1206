#include "consumer/cli/consume_options.h"

namespace bus::cli {

const char* const kConsumeAbout =
    R"(Examples:
  bus-consume build                       events of type "build", one JSON object per line
  bus-consume ci -t 'build.*' -t deploy   two entries; "build.*": all that begin with "build."
  bus-consume build -n 1 --timeout 10s    the next one, or exit 124
  bus-consume build --payload | jq .      payloads only
  bus-consume build --first ./subscribe --last ./unsubscribe

Prints events from the hub, one JSON object per line, as soon as they are there. Starts the hub if
none runs. Says "[bus] ready event_key=KEY" on stderr once it is subscribed.)";

const char* const kConsumeNotes =
    R"(At the end stderr gets: [bus] end event_key=KEY events=N lost=N seconds=S
reason=limit|timeout|signal|output-closed|eof|hub-gone|failed. A time D is a whole number with ms,
s, m or h: 500ms, 2s, 10m.

--output-dir names files MS-SEQ-ID.json: arrival in milliseconds since 1970, seq, and the event's
id (or type) with all but [A-Za-z0-9._-] turned into "_". Files appear complete, nothing is
overwritten; stdout stays empty but for --control.

--first and --last run by /bin/sh -c with BUSD_KEY, BUSD_SUBSCRIPTION_ID and BUSD_SOCKET set and
their output on stderr. The clean-up of --last belongs to whoever is last, and runs on SIGINT,
SIGTERM and a closed output too; a second signal skips it.

Exit status: 0 done, 64 usage, 69 hub not reachable or gone, 70 --first, --last or the output
failed, 75 refused (the scope is held exclusively, or its clean-up goes on), 76 not a hub or one
without patterns, 77 permission, 124 --timeout ran out before -n events, 129/130/143 ended by
SIGHUP/SIGINT/SIGTERM.)";

namespace {

std::string count_fault(const std::string& text) {
  bool digits =
      !text.empty() && text.size() <= 18 && text.find_first_not_of("0123456789") == std::string::npos;
  bool zero = text.find_first_not_of('0') == std::string::npos;
  return digits && !zero ? std::string() : "\"" + text + "\" is not a number of events from 1 on";
}

}  // namespace

void declare_consume(CommandLine& line, ConsumeCommand& options) {
  ConsumeOptions& consume = options.consume;
  line.option("KEY", "", consume.key, "What is consumed: groups consumers for --first and --last")
      .required()
      .check(identifier_fault);
  line.option("-t,--type", "TYPE", options.types,
              "Event type or pattern (\"build.*\", \"*\"); repeatable; default: KEY")
      .check(identifier_fault);
  auto take_limit = [&consume](const std::string& text) { consume.limit = std::stoull(text); };
  line.option("-n,--count", "N", take_limit, "End after N events").check(count_fault);
  line.duration("--timeout", consume.timeout, "End after this time, counted from ready; with -n: exit 124");
  line.flag("--payload", consume.payload_only, "Print the payloads only");
  line.flag("--control", consume.control,
            R"(Print losses, resets and source states too, as {"type":"lost",…})");
  line.option("--first", "CMD", options.first,
              "Set-up, run before the first event by the first of the scope");
  line.option("--last", "CMD", options.last, "Clean-up, run at the end by the last of the scope");
  line.option("--output-dir", "DIR", consume.output_dir, "Write each event to a file of its own in DIR");
  line.option("--subscription-id", "ID", options.subscription_id,
              "The scope of --first and --last, instead of KEY")
      .check(identifier_fault);
  line.flag("--exclusive", options.exclusive, "Ask for the scope alone; exit 75 if it is taken");
  line.flag("--until-eof", consume.until_eof, "Read stdin, and end when it ends");
  line.flag("--no-reconnect", options.no_reconnect, "End with 69 when the hub is gone");
  line.flag("--no-start", options.no_start, "Do not start a hub");
  line.flag("-q,--quiet", options.quiet, "Say nothing on stderr but errors, not even the ready line");
  line.add_place(options.place);
}

}  // namespace bus::cli
