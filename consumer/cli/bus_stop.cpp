// bus-stop: stops the hub. The library waits and kills; here it is decided whether, and said what happened.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "busd/consumer.hpp"
#include "consumer/cli/buses.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/program.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/status_report.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

constexpr const char* kAbout =
    R"(Examples:
  bus-stop                        stop the hub, unless it is in use
  bus-stop --force --timeout 2s   stop it in any case; kill it if it still runs after 2 s

Stops the hub and waits until it has released its lock. If no hub runs, there is nothing to do. The
hub is in use while consumers are connected, and while values are watched or held, as bus-value
put --while does. Values that a hub keeps in memory only are lost; bus-stop says how many.)";

constexpr const char* kNotes =
    R"(With --force, a hub that refuses or has lost its socket is sent SIGTERM, and a hub that still runs
when the time is over is killed. The kernel names that process: it is the one that holds the hub's
lock. No other process is ever killed. If a client that reconnects starts the next hub, bus-stop
says so. It stops only the hub at the place where your programs would start one.

A time D is a whole number with ms, s, m or h: 500ms, 2s, 10m.

Exit status: 0 the hub has stopped, or no hub ran; 64 usage; 70 internal error; 75 not stopped: the
hub is in use, or does not answer, and --force was not given; 76 the peer is not a busd hub; 77
permission, also if it cannot be known whether a hub runs; 124 the hub still runs after --timeout;
129/130/143 ended by SIGHUP/SIGINT/SIGTERM.)";

struct Options {
  bool force = false;
  bool quiet = false;
  std::optional<std::chrono::milliseconds> timeout;
  Place place;
};

void declare(CommandLine& line, Options& options) {
  line.flag("--force", options.force, "Stop the hub although it is in use; kill it after --timeout");
  line.duration("--timeout", options.timeout, "Time that all of it may take (default: 5s)");
  line.flag("-q,--quiet", options.quiet, "Print only errors");
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
  return text;
}

// What the end of the hub would take from others; empty: nothing.
std::vector<std::string> losses(const StatusReport& report) {
  std::vector<std::string> all;
  if (!report.consumers.empty()) all.push_back(consumers_text(report));
  if (!report.values) return all;
  uint64_t held = report.values->held;
  if (held > 0) all.push_back(counted(held, "value") + (held == 1 ? " is held" : " are held"));
  // bus-value put --while watches what it holds. The hub does not tell whose a watch is: no more are counted than are
  // surely of others.
  if (uint64_t watches = report.values->watches; watches > held) {
    std::string others = held > 0 ? " other" : "";
    all.push_back(std::to_string(watches - held) + others +
                  (watches - held == 1 ? " watch of values is open" : " watches of values are open"));
  }
  // Where the store is fine, somebody wanted them to be in memory only.
  if (uint64_t values = report.values->only_here; values > 0 && report.values->store == "failed") {
    all.push_back("its store has failed, and " + counted(values, "value") +
                  (values == 1 ? " is in no file" : " are in no file"));
  }
  return all;
}

// What is said of values at the end of the hub; empty: nothing.
std::string lost_text(const StatusReport& report) {
  uint64_t values = report.values ? report.values->only_here : 0;
  if (values == 0) return {};
  return "; " + counted(values, "value") + " that it kept in memory only " +
         (values == 1 ? "is lost" : "are lost");
}

std::string losses_text(const StatusReport& report) {
  std::string text;
  for (const std::string& each : losses(report)) text += (text.empty() ? "" : "; ") + each;
  return text;
}

std::string losses_hint(const StatusReport& report) {
  if (report.values && report.values->store == "failed" && report.values->only_here > 0)
    return "save what bus-value list prints first, or use --force";
  bool is_one_consumer = losses(report).size() == 1 && report.consumers.size() == 1;
  bool are_consumers = losses(report).size() == 1 && !report.consumers.empty();
  std::string first = is_one_consumer ? "stop it"
                      : are_consumers ? "stop them"
                                      : "stop the programs that do this";
  return first + " first, or use --force";
}

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

class Stop {
 public:
  Stop(const Options& options, const Console& console)
      : options_(options),
        console_(console),
        hub_(hub_of(options.place)),
        timeout_(options.timeout.value_or(Milliseconds(5000))) {}

  int run();

 private:
  Milliseconds time_left() const;
  busd::Expected<std::string> ask() const;
  std::optional<int> objection();
  void note_successor(int64_t ended_pid) const;
  bool consumers_live() const;

  const Options& options_;
  const Console& console_;
  busd::HubOptions hub_;
  Milliseconds timeout_;
  Clock::time_point began_ = Clock::now();
  std::vector<ConsumerReport> consumers_;  // of the hub, before it was stopped
  bool has_values_in_use_ = false;         // likewise: some were watched or held
  std::string lost_;                       // what is said of its values at its end
};

Milliseconds Stop::time_left() const {
  auto spent = std::chrono::duration_cast<Milliseconds>(Clock::now() - began_);
  return std::max(timeout_ - spent, Milliseconds(0));
}

// The hub's status. With force it is not needed, only good to have; else a hub that runs without a socket,
// which it puts up again, is given the time to do so.
busd::Expected<std::string> Stop::ask() const {
  constexpr Milliseconds kPause{20};
  Milliseconds patience = options_.force ? std::min(timeout_ / 2, Milliseconds(500)) : Milliseconds(2000);
  while (true) {
    auto status = busd::hub_status(hub_, std::min(patience, time_left()));
    bool absent = !status && status.error().result == BUSD_UNREACHABLE;
    if (!absent || options_.force || time_left() == Milliseconds(0)) return status;
    auto facts = busd::hub_inspect(hub_);
    if (!facts || !facts->lock_held) return status;
    std::this_thread::sleep_for(std::min(kPause, time_left()));
  }
}

// Why the hub may not be stopped, as the exit code, after the reason was given.
std::optional<int> Stop::objection() {
  auto status = ask();
  if (status) {
    auto report = parse_status(*status);
    if (report) {
      consumers_ = report->consumers;
      has_values_in_use_ = report->values && report->values->held + report->values->watches > 0;
      lost_ = lost_text(*report);
    }
    if (options_.force) return std::nullopt;
    if (!report) return console_.error(ErrorCode::not_a_hub, "the peer is not a busd hub");
    if (losses(*report).empty()) return std::nullopt;
    return console_.error(ErrorCode::consumers_connected, losses_text(*report), losses_hint(*report));
  }
  if (options_.force || status.error().result == BUSD_UNREACHABLE) return std::nullopt;
  // Without a socket, hub_end() knows more: a process may hold the lock.
  if (status.error().result == BUSD_TIMED_OUT) return console_.error(error_of(status.error()));
  auto facts = busd::hub_inspect(hub_);
  if (facts && facts->lock_held && !facts->socket_exists) return std::nullopt;
  return console_.error(error_of(status.error()));
}

bool Stop::consumers_live() const {
  return std::any_of(consumers_.begin(), consumers_.end(), [](const ConsumerReport& consumer) {
    auto pid = static_cast<pid_t>(consumer.kernel_pid > 0 ? consumer.kernel_pid : consumer.pid);
    return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
  });
}

// A client that reconnects starts the next hub at once. Looks for that while there are consumers that may, and for a
// moment where values were in use, of which the hub does not tell by which processes; not without, since a look
// connects, and where a service manager holds the socket, that starts the next hub.
void Stop::note_successor(int64_t ended_pid) const {
  constexpr Milliseconds kLongest{1000};
  constexpr Milliseconds kMoment{300};
  constexpr Milliseconds kPause{10};
  auto began = Clock::now();
  auto may_come = [&] { return consumers_live() || (has_values_in_use_ && Clock::now() < began + kMoment); };
  if (!may_come()) return;
  std::string starter = "a client that reconnects";
  for (auto until = began + kLongest; Clock::now() < until; std::this_thread::sleep_for(kPause)) {
    auto facts = busd::hub_inspect(hub_);
    if (!facts) return;
    if (facts->starter_pid > 0) starter = "pid " + std::to_string(facts->starter_pid) + ", which reconnects";
    if (facts->lock_held && facts->lock_pid > 0 && facts->lock_pid != ended_pid) {
      console_.note("a new hub, pid " + std::to_string(facts->lock_pid) + ", was started by " + starter);
      return;
    }
    if (facts->starter_pid == 0 && !may_come()) return;
  }
}

int Stop::run() {
  auto place = busd::hub_find(hub_);
  if (!place) return console_.error(error_of(place.error()));
  if (place->socket != place->home) {
    console_.note("no hub runs at " + place->home +
                  "; to stop your hub at another place: bus-stop --socket " + place->socket);
    return kDone;
  }
  if (auto code = objection()) return *code;
  busd::HubEnding ending;
  auto stopped = busd::hub_end(hub_, time_left(), options_.force, &ending);
  if (!stopped) {
    if (stopped.error().result != BUSD_TIMED_OUT) return console_.error(error_of(stopped.error()));
    return console_.error(error_of(ErrorCode::timed_out, stopped.error().message));
  }
  if (!ending.ran) {
    console_.note(absence(hub_, place->home));
    return kDone;
  }
  std::string end = ending.killed ? "killed pid " + std::to_string(ending.pid) + ", which did not answer"
                                  : std::string("stopped");
  console_.note(end + lost_);
  if (!options_.quiet) note_successor(ending.pid);
  return kDone;
}

int act(Options& options, Console& console) {
  console.set_quiet(options.quiet);
  Stop stop(options, console);
  note_place(hub_of(options.place), console);
  return stop.run();
}

constexpr Program<Options> kProgram{"bus-stop", kAbout, kNotes, declare, act};

}  // namespace

}  // namespace bus::cli

int main(int argc, char** argv) { return bus::cli::kProgram.run(argc, argv); }
