// bus-consume: prints the events of a key. The options, the hooks and how it ends; consume_session.* is the
// stream itself.
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "busd/consumer.hpp"
#include "consumer/cli/command.h"
#include "consumer/cli/consume_session.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/program.h"
#include "consumer/cli/signals.h"

namespace bus::cli {

namespace {

constexpr const char* kAbout =
    R"(Examples:
  bus-consume build                       events of type "build", one JSON object per line
  bus-consume ci -t 'build.*' -t deploy   two entries; "build.*": all that begin with "build."
  bus-consume build -n 1 --timeout 10s    the next one, or exit 124
  bus-consume build --payload | jq .      payloads only
  bus-consume build --first ./subscribe --last ./unsubscribe

Prints events from the hub, one JSON object per line, as soon as they are there. Starts the hub if
none runs. Says "[bus] ready event_key=KEY" on stderr once it is subscribed.)";

constexpr const char* kNotes =
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

struct Options {
  ConsumeOptions consume;
  std::vector<std::string> types;
  std::string first;
  std::string last;
  std::string subscription_id;
  bool exclusive = false;
  bool no_reconnect = false;
  bool no_start = false;
  bool quiet = false;
  Place place;
};

std::string count_fault(const std::string& text) {
  bool digits =
      !text.empty() && text.size() <= 18 && text.find_first_not_of("0123456789") == std::string::npos;
  bool zero = text.find_first_not_of('0') == std::string::npos;
  return digits && !zero ? std::string() : "\"" + text + "\" is not a number of events from 1 on";
}

void declare(CommandLine& line, Options& options) {
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

// Runs the commands of --first and --last in the phase that their signals need.
class Hooks {
 public:
  Hooks(const Options& options, const Console& console) : options_(options), console_(console) {}

  bool set_up(const std::string& command) {
    enter_phase(Phase::setting_up);
    bool good = run("--first", command);
    // After a failure the library leaves, with clean-up when we are the last.
    enter_phase(good ? Phase::running : Phase::leaving);
    return good;
  }
  bool clean_up(const std::string& command) {
    enter_phase(Phase::leaving);
    return run("--last", command);
  }
  bool failed() const { return failed_; }

 private:
  bool run(const std::string& name, const std::string& command) {
    auto facts = busd::hub_inspect({.socket = options_.place.socket, .bus = options_.place.bus});
    Variables variables{{"BUSD_KEY", options_.consume.key},
                        {"BUSD_SUBSCRIPTION_ID", options_.subscription_id},
                        {"BUSD_SOCKET", facts ? facts->socket : options_.place.socket}};
    std::string fault = run_command(command, variables);
    if (fault.empty()) return true;
    failed_ = true;
    console_.error(name + " " + fault + ": " + command);
    return false;
  }

  const Options& options_;
  const Console& console_;
  bool failed_ = false;
};

busd::ConsumerOptions consumer_options(const Options& options, Hooks& hooks) {
  busd::ConsumerOptions wanted;
  wanted.key = options.consume.key;
  wanted.event_types = options.types.empty() ? std::vector{options.consume.key} : options.types;
  wanted.subscription_id = options.subscription_id;
  wanted.exclusive = options.exclusive;
  wanted.no_reconnect = options.no_reconnect;
  wanted.no_start = options.no_start;
  wanted.socket = options.place.socket;
  wanted.bus = options.place.bus;
  if (!options.first.empty()) wanted.on_first = [&] { return hooks.set_up(options.first); };
  if (!options.last.empty()) wanted.on_last = [&] { return hooks.clean_up(options.last); };
  return wanted;
}

void say_end(const Console& console, const Options& options, const ConsumeSession& session, Reason reason,
             std::chrono::steady_clock::time_point begin) {
  std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.3f", spent.count());
  console.fixed_line(
      "[bus] end event_key=" + options.consume.key + " events=" + std::to_string(session.events()) +
      " lost=" + std::to_string(session.lost()) + " seconds=" + seconds + " reason=" + name_of(reason));
}

int exit_code(const Options& options, const ConsumeSession& session, Reason reason, bool hook_failed) {
  if (reason == Reason::signal) return ended_by_signal(caught_signal());
  if (hook_failed || reason == Reason::failed) return kInternal;
  if (reason == Reason::hub_gone) return exit_code_of(session.error().result);
  if (reason == Reason::timeout && options.consume.limit) return kTimeRanOut;
  return kDone;
}

int consume(const Options& options, const Console& console) {
  EventFiles files;
  if (!options.consume.output_dir.empty()) {
    std::string fault = files.open(options.consume.output_dir);
    if (!fault.empty()) {
      console.error(fault);
      return kInternal;
    }
  }
  Hooks hooks(options, console);
  auto consumer = busd::Consumer::open(consumer_options(options, hooks));
  if (!consumer) {
    if (caught_signal() != 0) return ended_by_signal(caught_signal());
    if (hooks.failed()) return kInternal;
    console.error(consumer.error().message);
    return exit_code_of(consumer.error().result);
  }
  wake_on_signal([](void* handle) { busd_consumer_wake(static_cast<busd_consumer*>(handle)); },
                 consumer->handle());
  enter_phase(Phase::running);
  auto begin = std::chrono::steady_clock::now();
  console.fixed_line("[bus] ready event_key=" + options.consume.key);

  ConsumeSession session(options.consume, console, files);
  Reason reason = session.run(*consumer);

  enter_phase(Phase::leaving);
  wake_on_signal(nullptr, nullptr);
  if (reason == Reason::hub_gone || reason == Reason::failed) console.error(session.error().message);
  auto closed = consumer->close();
  if (!closed && !hooks.failed()) console.error(closed.error().message);
  say_end(console, options, session, reason, begin);
  return exit_code(options, session, reason, hooks.failed());
}

int act(Options& options, Console& console) {
  console.set_quiet(options.quiet);
  return consume(options, console);
}

constexpr Program<Options> kProgram{"bus-consume", kAbout, kNotes, declare, act};

}  // namespace

}  // namespace bus::cli

int main(int argc, char** argv) { return bus::cli::kProgram.run(argc, argv); }
