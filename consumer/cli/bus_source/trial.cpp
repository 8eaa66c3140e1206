#include "consumer/cli/bus_source/trial.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <unistd.h>
#include <utility>

#include "consumer/cli/bus_source/trial_definition.h"
#include "consumer/cli/bus_source/typed_lines.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/output.h"
#include "consumer/cli/text.h"
#include "consumer/sources/check.h"
#include "consumer/sources/core/line_judge.h"
#include "consumer/sources/inlet.h"
#include "consumer/sources/launch_environment.h"
#include "consumer/sources/process.h"
#include "consumer/sources/processes.h"
#include "consumer/sources/run_output.h"
#include "consumer/sources/trust.h"
#include "protocol/encode.h"
#include "protocol/endpoint.h"
#include "protocol/event/signal_watch.h"
#include "protocol/event/timer.h"
#include "protocol/messages/interest.h"

namespace bus::cli {

namespace {

using sources::Definition;
using sources::Judged;
using sources::Stream;

// So long a program may say nothing before that is worth a note.
constexpr Duration kSilence = seconds(3);

class Trial final : sources::Process::Owner, sources::RunOutput::Owner {
 public:
  Trial(Loop& loop, sources::Processes& processes, const Definition& definition, const Console& console)
      : loop_(loop),
        processes_(processes),
        definition_(definition),
        console_(console),
        judge_(definition),
        output_(STDOUT_FILENO),
        kill_(loop, [this] { process_->kill(); }),
        silent_(loop, [this] {
          console_.note("no line yet; if it holds its output back, see NOTES in bus-sources(5)");
        }) {}

  void start(const std::string& socket);
  // A signal ends it as bus-sources would.
  void stop(int signal);
  // Says the summary. The exit status.
  int finish();

 private:
  void on_started() override;
  void on_could_not_start(const std::string& reason) override;
  void on_exited(sources::Exit exit, bool others_left) override;
  void on_all_gone() override;
  void on_complaint(const std::string& what) override { console_.warning(what); }
  void on_line(Stream stream, uint64_t run, std::string_view line, bool whole) override;
  void on_too_long(Stream stream, uint64_t run) override;
  void note_written(Written written);
  void on_lines_done() override;
  void on_output_over(uint64_t run) override;

  void pass_on(std::string_view line);
  void show(std::string_view what, std::string_view text);
  void show_judged(const Judged& judged);
  void terminate();
  void end_if_over();

  Loop& loop_;
  sources::Processes& processes_;
  const Definition& definition_;
  const Console& console_;
  sources::LineJudge judge_;
  FrameScanner scanner_;
  EventLine event_;
  Output output_;
  Written written_ = Written::ok;
  int write_error_ = 0;
  Timer kill_;
  std::unique_ptr<sources::Process> process_;
  Timer silent_;
  std::unique_ptr<sources::Inlet> inlet_;
  std::unique_ptr<TypedLines> typed_;
  bool has_typed_ = false;
  std::unique_ptr<sources::RunOutput> lines_;
  std::optional<sources::Exit> exit_;
  std::string trouble_;  // why it could not be started
  bool others_left_ = false;
  int signal_ = 0;
  uint64_t events_ = 0;
  uint64_t log_lines_ = 0;
  uint64_t refused_ = 0;
  uint64_t skipped_ = 0;
};

void Trial::start(const std::string& socket) {
  sources::Launch what;
  what.source = definition_.name;
  what.run = 1;
  what.command = definition_.command;
  what.directory = sources::launch_directory(definition_);
  what.environment = sources::launch_environment(definition_, socket);
  what.memory_max = definition_.memory_max;
  what.cpu_weight = definition_.cpu_weight;
  what.nice = definition_.nice;
  what.reads_stdin = definition_.input == sources::Input::frames;
  process_ = std::make_unique<sources::Process>(processes_, static_cast<sources::Process::Owner&>(*this),
                                                std::move(what));
  sources::Pipes pipes = process_->take_pipes();
  if (pipes.in) inlet_ = std::make_unique<sources::Inlet>(loop_, std::move(pipes.in));
  lines_ = std::make_unique<sources::RunOutput>(loop_, static_cast<sources::RunOutput::Owner&>(*this), 1,
                                                std::move(pipes.out), std::move(pipes.err));
}

void Trial::on_started() {
  for (const std::string& complaint : process_->take_complaints()) console_.warning(complaint);
  silent_.set(now() + kSilence);
  if (!inlet_) return;
  // As if somebody listened to all of it.
  for (const std::string& entry : definition_.types) (void)inlet_->write(encode(InterestMessage{entry, 1}));
  // Who has typed something ends the program's stdin, too; of /dev/null nobody expects that.
  auto at_end = [this] {
    if (has_typed_) inlet_.reset();
  };
  typed_ = std::make_unique<TypedLines>(
      loop_, [this](std::string_view line) { pass_on(line); }, at_end);
}

void Trial::pass_on(std::string_view line) {
  has_typed_ = true;
  if (inlet_ && !inlet_->write(std::string(line) + "\n"))
    console_.warning("the program does not read its stdin: a line is not passed on");
}

void Trial::on_could_not_start(const std::string& reason) {
  trouble_ = reason;
  loop_.stop();
}

void Trial::terminate() {
  silent_.clear();
  typed_.reset();
  inlet_.reset();
  process_->terminate();
  kill_.set(now() + definition_.stop_timeout);
}

void Trial::stop(int signal) {
  signal_ = signal;
  if (!exit_ || others_left_) terminate();
}

void Trial::on_exited(sources::Exit exit, bool others_left) {
  silent_.clear();
  exit_ = std::move(exit);
  others_left_ = others_left;
  lines_->drain();
  if (others_left) {
    if (signal_ == 0)
      console_.note("it has ended, and processes that it has started live on: they are ended, too");
    terminate();
  }
  end_if_over();
}

void Trial::on_all_gone() {
  others_left_ = false;
  end_if_over();
}

void Trial::end_if_over() {
  if (exit_ && !others_left_ && lines_->is_over()) loop_.stop();
}

void Trial::show(std::string_view what, std::string_view text) {
  std::string line(what);
  line.resize(9, ' ');
  line += safe_text(text);
  if (written_ == Written::ok) note_written(output_.line(line));
}

void Trial::show_judged(const Judged& judged) {
  switch (judged.kind) {
    case Judged::Kind::frame:
      ++events_;
      scanner_.scan(judged.text, event_);
      return show("event", std::string(event_.event_type) + " " + std::string(event_.payload_token));
    case Judged::Kind::payload:
      ++events_;
      return show("event", definition_.event_type + " " + std::string(judged.text));
    case Judged::Kind::message:
      return show("frame", judged.text);
    case Judged::Kind::refused:
      ++refused_;
      return show("refused", judged.reason + ": " + std::string(judged.text));
    case Judged::Kind::log:
      ++log_lines_;
      return show("log", "stdout| " + std::string(judged.text));
    case Judged::Kind::blank:
      break;
  }
}

void Trial::on_line(Stream stream, uint64_t, std::string_view line, bool whole) {
  silent_.clear();
  if (stream == Stream::out) return show_judged(whole ? judge_.judge(line) : judge_.judge_cut(line));
  ++log_lines_;
  show("log", "stderr| " + std::string(line));
}

void Trial::on_too_long(Stream, uint64_t) {
  ++skipped_;
  show("skipped", "a line of more than 1 MiB");
}

void Trial::note_written(Written written) {
  written_ = written;
  if (written == Written::failed) write_error_ = errno;
}

void Trial::on_lines_done() {
  if (written_ == Written::ok) note_written(output_.flush());
  if (written_ != Written::ok && signal_ == 0) stop(SIGPIPE);
}

void Trial::on_output_over(uint64_t) { end_if_over(); }

int Trial::finish() {
  if (written_ == Written::failed)
    return console_.error(ErrorCode::output_failed,
                          std::string("cannot write to stdout: ") + std::strerror(write_error_));
  if (!trouble_.empty()) return console_.error(error_of(ErrorCode::command_failed, trouble_));
  std::string summary = counted(events_, "event") + ", " + counted(log_lines_, "log line") + ", " +
                        std::to_string(refused_) + " refused, " + std::to_string(skipped_) + " skipped";
  console_.note(summary);
  if (signal_ == SIGPIPE) return kDone;
  if (signal_ != 0) return ended_by_signal(signal_);
  if (!exit_ || exit_->ok()) return kDone;
  return console_.error(
      error_of(ErrorCode::command_failed, definition_.name + " has ended: " + exit_->reason));
}

// Where a fault of `key` is, as --check says it; empty: there is no file that says it.
std::string place_of(const sources::ReadDefinition& read, const char* key) {
  auto line = read.lines.find(key);
  return line == read.lines.end() ? std::string()
                                  : text_of(sources::FileFault{read.definition.file, line->second, {}});
}

// Why bus-sources would not run it, as its directory and each start are judged; empty: it would.
std::string refusal_of(const sources::ReadDefinition& read) {
  const Definition& definition = read.definition;
  constexpr const char* kWouldNot = "bus-sources would not run it: ";
  std::string trouble = sources::path_trouble(definition.file);
  if (!trouble.empty()) return kWouldNot + trouble;
  trouble = sources::path_trouble(sources::program_file(definition));
  return trouble.empty() ? trouble : place_of(read, "command") + kWouldNot + trouble;
}

// What is wrong with the files: each a line. The exit status.
int say_all(std::string_view faults, const Console& console) {
  int code = kDone;
  while (!faults.empty()) {
    size_t end = std::min(faults.find('\n'), faults.size());
    code = console.error(error_of(ErrorCode::bad_config, kUsage, faults.substr(0, end)));
    faults.remove_prefix(std::min(end + 1, faults.size()));
  }
  return code;
}

// Why it cannot be tried here. The exit status; kDone: it can.
int say_obstacles(const sources::ReadDefinition& read, const Console& console) {
  if (read.definition.connection == sources::Channel::socket) {
    return console.error(
        ErrorCode::bad_config,
        place_of(read, "connection") +
            "with connection = socket it speaks to a hub, and there is none here; drop it in "
            "and read bus-source logs");
  }
  std::vector<sources::FileFault> faults = sources::start_faults(read.definition, read.lines);
  if (faults.empty() || read.definition.file.ends_with(".source"))
    return sources::say_faults(faults, console);
  return console.error(error_of(ErrorCode::command_failed, faults.front().message));
}

}  // namespace

int try_program(const Place& place, const std::string& file, const std::vector<std::string>& arguments,
                const Console& console) {
  auto variable = [](const char* name) -> const char* { return std::getenv(name); };
  auto endpoint = resolve_endpoint({place.socket, place.bus}, variable);
  if (!endpoint) return console.error(ErrorCode::bad_value, endpoint.error().what);
  auto read = definition_to_try(file, arguments);
  if (!read) return say_all(read.error().what, console);
  if (int code = say_obstacles(*read, console); code != kDone) return code;
  if (std::string refusal = refusal_of(*read); !refusal.empty()) console.warning(refusal);
  auto loop = Loop::create();
  if (!loop) return console.error(ErrorCode::failed, loop.error().what);
  auto processes = sources::Processes::create(**loop, {.record = {}});
  if (!processes) return console.error(ErrorCode::failed, processes.error().what);
  for (const std::string& complaint : (*processes)->take_complaints()) console.warning(complaint);
  Trial trial(**loop, **processes, read->definition, console);
  SignalWatch on_term(**loop, SIGTERM, [&] { trial.stop(SIGTERM); });
  SignalWatch on_int(**loop, SIGINT, [&] { trial.stop(SIGINT); });
  SignalWatch on_hup(**loop, SIGHUP, [&] { trial.stop(SIGHUP); });
  trial.start(endpoint->socket);
  (*loop)->run();
  return trial.finish();
}

}  // namespace bus::cli
