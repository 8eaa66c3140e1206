// bus-consume: prints the events of a key. The hooks and how it ends; consume_options.* is the command line,
// consume_session.* the stream itself, event_sink.* and exec_sink.* where events go.
#include <chrono>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>

#include "busd/consumer.hpp"
#include "consumer/cli/buses.h"
#include "consumer/cli/command.h"
#include "consumer/cli/consume_options.h"
#include "consumer/cli/consume_session.h"
#include "consumer/cli/end_report.h"
#include "consumer/cli/event_files.h"
#include "consumer/cli/event_sink.h"
#include "consumer/cli/exec_sink.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/output.h"
#include "consumer/cli/program.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

// What every command finds in its environment.
Variables variables_of(const ConsumeCommand& command) {
  auto facts = busd::hub_inspect({.socket = command.place.socket, .bus = command.place.bus});
  return {{"BUSD_KEY", command.key},
          {"BUSD_SUBSCRIPTION_ID", command.subscription_id},
          {"BUSD_SOCKET", facts ? facts->socket : command.place.socket}};
}

// Runs the commands of --first and --last in the phase that their signals need.
class Hooks {
 public:
  Hooks(const ConsumeCommand& options, const Console& console) : options_(options), console_(console) {}

  bool set_up(const std::string& command) {
    enter_phase(Phase::setting_up);
    bool good = run("--first", command, true);
    // After a failure the library leaves, with clean-up when we are the last.
    enter_phase(good ? Phase::running : Phase::leaving);
    return good;
  }
  bool clean_up(const std::string& command) {
    enter_phase(Phase::leaving);
    cleaned_up_ = true;
    if (caught_signal() != 0 && isatty(STDERR_FILENO) == 1)
      console_.note("running --last; a second signal ends it");
    return run("--last", command, false);
  }
  bool failed() const { return failed_; }
  bool cleaned_up() const { return cleaned_up_; }

 private:
  bool run(const std::string& name, const std::string& command, bool setting_up) {
    std::string fault = run_command(command, variables_of(options_));
    if (fault.empty()) return true;
    failed_ = true;
    // The signal was passed on to it.
    if (setting_up && caught_signal() != 0) return false;
    console_.error(ErrorCode::command_failed, name + " " + fault + ": " + command);
    return false;
  }

  const ConsumeCommand& options_;
  const Console& console_;
  bool failed_ = false;
  bool cleaned_up_ = false;
};

busd::ConsumerOptions consumer_options(const ConsumeCommand& command, Hooks& hooks) {
  busd::ConsumerOptions wanted;
  wanted.key = command.key;
  wanted.event_types = command.types;
  wanted.subscription_id = command.subscription_id;
  wanted.exclusive = command.exclusive;
  wanted.observer = command.observe;
  wanted.cleanup_task = command.cleanup_task;
  wanted.no_reconnect = command.no_reconnect;
  wanted.no_start = command.no_start;
  if (command.ready_timeout) wanted.open_timeout = *command.ready_timeout;
  wanted.socket = command.place.socket;
  wanted.bus = command.place.bus;
  wanted.cancel_fd = signal_fd();
  if (!command.first.empty()) wanted.on_first = [&] { return hooks.set_up(command.first); };
  if (!command.last.empty()) wanted.on_last = [&] { return hooks.clean_up(command.last); };
  return wanted;
}

std::unique_ptr<EventSink> make_sink(const ConsumeCommand& command, const Console& console, Output& output,
                                     EventFiles& files) {
  if (!command.exec.command.empty())
    return std::make_unique<ExecSink>(command.exec, variables_of(command), console);
  bool to_terminal = command.output_dir.empty() && isatty(STDOUT_FILENO) == 1;
  EventText text(command.text, command.key, to_terminal);
  if (!command.output_dir.empty()) return std::make_unique<FileSink>(files, std::move(text));
  if (command.batch) return std::make_unique<BatchSink>(output, std::move(text), *command.batch);
  return std::make_unique<LineSink>(output, std::move(text));
}

bool failed_by_loss(const ConsumeCommand& command, const ConsumeCounts& counts) {
  return command.fail_on_loss && (counts.lost > 0 || counts.resets > 0);
}

// `broken`: a hook failed or may not run any more, or a command of --exec failed.
int exit_code(const ConsumeCommand& command, const ConsumeSession& session, Reason reason, bool broken) {
  bool by_signal = reason == Reason::signal;
  if (reason == Reason::failed || (broken && !by_signal)) return kInternal;
  if (reason == Reason::hub_gone) return exit_code_of(session.error().result);
  if (failed_by_loss(command, session.counts())) return kTryAgain;
  if (by_signal) return ended_by_signal(caught_signal());
  if (reason == Reason::timeout && command.consume.limit && !command.timeout_ok) return kTimeRanOut;
  return kDone;
}

// Returns the exit code.
int say_end(const ConsumeCommand& command, Console& console, Output& output, EndReport report) {
  if (command.end_record && report.reason != Reason::output_closed) {
    output.line(end_record(report));
    Outcome outcome = outcome_of(output.flush());
    if (outcome.written == Written::failed)
      report.exit_code = console.error(error_of(ErrorCode::output_failed, outcome.fault));
  }
  if (command.summary) console.set_quiet(false);
  console.fixed_line(end_line(report));
  return report.exit_code;
}

// The end line says it to people; programs that read errors only are told here.
void say_time_ran_out(const ConsumeCommand& command, const ConsumeCounts& counts, const Console& console) {
  if (!console.json_errors()) return;
  console.error(ErrorCode::timed_out,
                "--timeout ran out after " + std::to_string(counts.events) + " of " +
                    counted(command.consume.limit.value_or(0), "event"),
                "--timeout-ok makes this no failure");
}

int stream(const ConsumeCommand& command, Console& console, EventFiles& files, Hooks& hooks,
           busd::Consumer consumer) {
  wake_on_signal([](void* handle) { busd_consumer_wake(static_cast<busd_consumer*>(handle)); },
                 consumer.handle());
  auto begin = std::chrono::steady_clock::now();
  console.fixed_line("[bus] ready event_key=" + key_in_line(command.key));

  Output output(STDOUT_FILENO);
  auto sink = make_sink(command, console, output, files);
  ConsumeSession session(command.consume, console, *sink, output);
  Reason reason = session.run(consumer);

  enter_phase(Phase::leaving);
  wake_on_signal(nullptr, nullptr);
  if (reason == Reason::hub_gone) console.error(error_of(session.error()));
  if (reason == Reason::failed) console.error(error_of(session.failure(), session.error().message));
  if (failed_by_loss(command, session.counts()))
    console.error(ErrorCode::events_lost, loss_summary(session.counts()));
  auto closed = consumer.close();
  if (!closed && !hooks.failed()) console.error(error_of(closed.error()));
  bool not_cleaned = !closed && !hooks.cleaned_up();
  int code = exit_code(command, session, reason, hooks.failed() || not_cleaned || sink->failed() > 0);
  if (code == kTimeRanOut) say_time_ran_out(command, session.counts(), console);
  return say_end(command, console, output,
                 {.key = command.key,
                  .counts = session.counts(),
                  .failed = sink->failed(),
                  .spent = std::chrono::steady_clock::now() - begin,
                  .reason = reason,
                  .exit_code = code});
}

int consume(const ConsumeCommand& command, Console& console) {
  EventFiles files;
  if (!command.output_dir.empty()) {
    std::string fault = files.open(command.output_dir);
    if (!fault.empty()) return console.error(error_of(ErrorCode::output_failed, fault));
  }
  Hooks hooks(command, console);
  // Once the hub counts us, others may leave the clean-up to us: a signal does not end us on the spot.
  enter_phase(Phase::running);
  auto consumer = busd::Consumer::open(consumer_options(command, hooks));
  if (!consumer) {
    if (caught_signal() != 0) return ended_by_signal(caught_signal());
    if (hooks.failed()) return kInternal;
    return console.error(error_of(consumer.error()));
  }
  return stream(command, console, files, hooks, std::move(*consumer));
}

// A space in a type is legal, and nearly always a slip of quoting.
void note_spaces(const ConsumeCommand& command, const Console& console) {
  if (command.literal) return;
  for (const std::string& type : command.types) {
    if (type.find(' ') == std::string::npos) continue;
    console.note((type == command.key ? "KEY " : "TYPE ") + key_in_line(type) +
                 " has a space and is taken as one type; each of several types is given with -t");
  }
}

int act(ConsumeCommand& command, Console& console) {
  if (auto error = complete_consume(command)) return console.error(*error);
  console.set_quiet(command.quiet || command.summary);
  note_place(hub_of(command.place), console);
  note_spaces(command, console);
  return consume(command, console);
}

using Options = ConsumeCommand;
const Program<Options> kProgram{"bus-consume", kConsumeAbout, kConsumeNotes, declare_consume, act};

}  // namespace

}  // namespace bus::cli

int main(int argc, char** argv) { return bus::cli::kProgram.run(argc, argv); }
