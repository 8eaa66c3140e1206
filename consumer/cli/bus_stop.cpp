// bus-stop: ends the hub. The waiting and the killing are the library's.
#include <algorithm>
#include <optional>
#include <string>

#include "busd/consumer.hpp"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/program.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/status_report.h"

namespace bus::cli {

namespace {

constexpr const char* kAbout =
    R"(Examples:
  bus-stop                        stops the hub, unless consumers are connected
  bus-stop --force --timeout 2s   stops it in any case, and kills it if it is still there after 2 s

Stops the hub, and returns when its lock is free. A bus without a hub counts as stopped.)";

constexpr const char* kNotes =
    R"(--force also kills a hub that does not end in time: the process that the kernel names as the
listener of the socket and that holds the lock, no other. A time D is a whole number with ms, s, m
or h: 500ms, 2s, 10m.

Exit status: 0 stopped, or none ran; 64 usage; 70 internal; 75 refused: consumers are connected,
or the hub does not answer and --force was not given; 76 not a hub; 77 permission; 124 it still
runs after --timeout; 129/130/143 ended by SIGHUP/SIGINT/SIGTERM.)";

struct Options {
  bool force = false;
  bool quiet = false;
  std::optional<std::chrono::milliseconds> timeout;
  Place place;
};

void declare(CommandLine& line, Options& options) {
  line.flag("--force", options.force, "Also with consumers connected; kill the hub when the time is over");
  line.duration("--timeout", options.timeout, "Wait this long for its end (default: 5s)");
  line.flag("-q,--quiet", options.quiet, "Say nothing but errors");
  line.accept_no_start();
  line.add_place(options.place);
}

std::string consumers_text(const StatusReport& report) {
  constexpr size_t kNamed = 8;
  size_t all = report.consumers.size();
  std::string text =
      std::to_string(all) + (all == 1 ? " consumer is connected: " : " consumers are connected: ");
  for (size_t i = 0; i < std::min(all, kNamed); ++i) {
    const ConsumerReport& consumer = report.consumers[i];
    text += (i == 0 ? "" : ", ") + consumer.key + " (pid " + std::to_string(consumer.pid) + ")";
  }
  if (all > kNamed) text += " and " + std::to_string(all - kNamed) + " more";
  return text + "; stop them first, or use --force";
}

// Whether the hub may be stopped; otherwise the exit code, after the reason was given.
std::optional<int> objection(const busd::HubOptions& hub, const Console& console) {
  auto status = busd::hub_status(hub);
  if (!status) {
    if (status.error().result == BUSD_UNREACHABLE) return std::nullopt;  // none runs, or the lock tells
    bool silent = status.error().result == BUSD_TIMED_OUT;
    Error error = error_of(status.error());
    if (silent) error.hint = "use --force to stop it all the same";
    return console.error(error);
  }
  auto report = parse_status(*status);
  if (!report) {
    return console.error(ErrorCode::not_a_hub, "the peer is not a busd hub");
  }
  if (report->consumers.empty()) return std::nullopt;
  return console.error(error_of(ErrorCode::consumers_connected, consumers_text(*report)));
}

int stop(const Options& options, const Console& console) {
  busd::HubOptions hub{.socket = options.place.socket, .bus = options.place.bus};
  if (!options.force) {
    if (auto code = objection(hub, console)) return *code;
  }
  auto facts = busd::hub_inspect(hub);
  bool ran = facts && facts->lock_held;
  auto stopped =
      busd::hub_stop(hub, options.timeout.value_or(std::chrono::milliseconds(5000)), options.force);
  if (stopped) {
    console.note(ran ? "stopped" : "no hub runs" + (facts ? " at " + facts->socket : std::string()));
    return kDone;
  }
  if (stopped.error().result != BUSD_TIMED_OUT) return console.error(error_of(stopped.error()));
  return console.error(error_of(ErrorCode::timed_out, stopped.error().message));
}

int act(Options& options, Console& console) {
  console.set_quiet(options.quiet);
  return stop(options, console);
}

constexpr Program<Options> kProgram{"bus-stop", kAbout, kNotes, declare, act};

}  // namespace

}  // namespace bus::cli

int main(int argc, char** argv) { return bus::cli::kProgram.run(argc, argv); }
