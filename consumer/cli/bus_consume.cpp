// bus-consume: prints the events of a key. The hooks and how it ends; consume_options.* is the command line,
// consume_session.* the stream itself.
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "busd/consumer.hpp"
#include "consumer/cli/command.h"
#include "consumer/cli/consume_options.h"
#include "consumer/cli/consume_session.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/program.h"
#include "consumer/cli/signals.h"

namespace bus::cli {

namespace {

// Runs the commands of --first and --last in the phase that their signals need.
class Hooks {
 public:
  Hooks(const ConsumeCommand& options, const Console& console) : options_(options), console_(console) {}

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
    console_.error(ErrorCode::command_failed, name + " " + fault + ": " + command);
    return false;
  }

  const ConsumeCommand& options_;
  const Console& console_;
  bool failed_ = false;
};

busd::ConsumerOptions consumer_options(const ConsumeCommand& options, Hooks& hooks) {
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

void say_end(const Console& console, const ConsumeCommand& options, const ConsumeSession& session,
             Reason reason, std::chrono::steady_clock::time_point begin) {
  std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.3f", spent.count());
  console.fixed_line(
      "[bus] end event_key=" + options.consume.key + " events=" + std::to_string(session.events()) +
      " lost=" + std::to_string(session.lost()) + " seconds=" + seconds + " reason=" + name_of(reason));
}

int exit_code(const ConsumeCommand& options, const ConsumeSession& session, Reason reason, bool hook_failed) {
  if (reason == Reason::signal) return ended_by_signal(caught_signal());
  if (hook_failed || reason == Reason::failed) return kInternal;
  if (reason == Reason::hub_gone) return exit_code_of(session.error().result);
  if (reason == Reason::timeout && options.consume.limit) return kTimeRanOut;
  return kDone;
}

int consume(const ConsumeCommand& options, const Console& console) {
  EventFiles files;
  if (!options.consume.output_dir.empty()) {
    std::string fault = files.open(options.consume.output_dir);
    if (!fault.empty()) return console.error(error_of(ErrorCode::output_failed, fault));
  }
  Hooks hooks(options, console);
  auto consumer = busd::Consumer::open(consumer_options(options, hooks));
  if (!consumer) {
    if (caught_signal() != 0) return ended_by_signal(caught_signal());
    if (hooks.failed()) return kInternal;
    return console.error(error_of(consumer.error()));
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
  if (reason == Reason::hub_gone) console.error(error_of(session.error()));
  if (reason == Reason::failed) console.error(error_of(ErrorCode::output_failed, session.error().message));
  auto closed = consumer->close();
  if (!closed && !hooks.failed()) console.error(error_of(closed.error()));
  say_end(console, options, session, reason, begin);
  return exit_code(options, session, reason, hooks.failed());
}

int act(ConsumeCommand& options, Console& console) {
  console.set_quiet(options.quiet);
  // A payload may look like a line of --control; in files it cannot be mistaken for one.
  if (options.consume.payload_only && options.consume.control && options.consume.output_dir.empty())
    return console.error(ErrorCode::conflict, "--control excludes --payload", "except with --output-dir");
  return consume(options, console);
}

}  // namespace

}  // namespace bus::cli

int main(int argc, char** argv) {
  using namespace bus::cli;
  return Program<ConsumeCommand>{"bus-consume", kConsumeAbout, kConsumeNotes, declare_consume, act}.run(argc,
                                                                                                        argv);
}
