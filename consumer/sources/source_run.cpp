// The runs of a source: how each is launched, what is heard of its processes, and its end.
#include <algorithm>
#include <utility>

#include "consumer/sources/launch_environment.h"
#include "consumer/sources/source.h"
#include "consumer/sources/trust.h"
#include "protocol/encode.h"
#include "protocol/messages/interest.h"

namespace bus::sources {

namespace {

std::string others_text(size_t count) {
  return count == 1 ? "another one that it has started is ended with it"
                    : std::to_string(count) + " others that it has started are ended with it";
}

}  // namespace

void Source::spawn(uint64_t) { launch(); }

Result<Fd> Source::open_channel() {
  std::vector<busd_text> types;
  busd_connection_options options = connection_options(types);
  options.no_start = 1;
  options.open_timeout_ms = 2000;
  auto error = BUSD_INIT(busd_error);
  int fd = -1;
  if (busd_socket_open(&options, &fd, &error) != BUSD_OK) return Error{Errc::unavailable, error.message};
  return Fd(fd);
}

void Source::launch() {
  const Definition& definition = found_.definition;
  retire_process();
  Launch what;
  what.source = definition.name;
  what.run = life_.run();
  what.command = definition.command;
  what.directory = launch_directory(definition);
  what.environment = launch_environment(definition, place_.socket);
  what.memory_max = definition.memory_max;
  what.cpu_weight = definition.cpu_weight;
  what.nice = definition.nice;
  what.reads_stdin = definition.input == Input::frames;
  // It may have changed since the directory was looked at.
  if (std::string trouble = path_trouble(program_file(definition)); !trouble.empty()) {
    launch_trouble_ = "is not run: " + trouble;
    return unlaunched_.set(now());
  }
  if (definition.connection == Channel::socket) {
    // Without a hub there is nothing for it to do.
    launch_waits_ = !link_.is_open();
    if (launch_waits_) return;
    auto channel = open_channel();
    if (!channel) {
      launch_trouble_ = "no connection to the hub for it: " + channel.error().what;
      return unlaunched_.set(now());
    }
    what.channel = std::move(*channel);
  }
  process_run_ = life_.run();
  process_ =
      std::make_unique<Process>(place_.processes, static_cast<Process::Owner&>(*this), std::move(what));
  Pipes pipes = process_->take_pipes();
  if (pipes.in) inlet_ = std::make_unique<Inlet>(place_.loop, std::move(pipes.in));
  outputs_.push_back(std::make_unique<RunOutput>(place_.loop, static_cast<RunOutput::Owner&>(*this),
                                                 life_.run(), std::move(pipes.out), std::move(pipes.err)));
  pause_outputs();
}

void Source::fail_launch(const std::string& reason) {
  feed_.note(life_.run(), reason);
  life_.could_not_start(reason, now());
  relay_.on_ended("the source " + name() + " could not be started: " + reason);
  settle();
}

void Source::retire_process() {
  inlet_.reset();
  if (!process_) return;
  dead_processes_.push_back(std::move(process_));
  owner_.on_source_has_dead(*this);
}

void Source::terminate() {
  inlet_.reset();
  relay_.on_ended("the source " + name() + " was stopped before it answered");
  if (process_) return process_->terminate();
  // It was never launched.
  launch_waits_ = false;
  launch_trouble_ = "stopped before it was started";
  unlaunched_.set(now());
}

void Source::kill() {
  if (process_) process_->kill();
}

void Source::changed() {
  report_state();
  owner_.on_source_changed(*this);
}

void Source::on_started() {
  std::vector<std::string> complaints = process_->take_complaints();
  for (const std::string& complaint : complaints) {
    // What the run before lacked is in the log; why may name a place of that run.
    bool is_known = std::any_of(complaints_.begin(), complaints_.end(), [&](const std::string& known) {
      return known.substr(0, known.find(':')) == complaint.substr(0, complaint.find(':'));
    });
    if (!is_known) feed_.note(life_.run(), complaint);
  }
  complaints_ = std::move(complaints);
  tell_interest();
  life_.started(now());
  if (life_.state() == State::running) relay_.on_running(inlet_.get());
  settle();
}

// A program that reads frames begins with what is known.
void Source::tell_interest() {
  if (!inlet_) return;
  for (const auto& [entry, consumers] : interest_)
    (void)inlet_->write(encode(InterestMessage{entry, consumers}));
}

void Source::on_could_not_start(const std::string& reason) { fail_launch(reason); }

void Source::on_exited(Exit exit, bool others_left) {
  for (const auto& output : outputs_) output->drain();
  if (others_left && life_.state() == State::running) {
    std::string others = others_text(process_->use().processes);
    feed_.note(life_.run(), "its first process has ended, and " + others);
    exit.reason = exit.why() + ", and " + others;
  }
  relay_.on_ended("the source " + name() + " ended before it answered: " + exit.why());
  life_.exited(std::move(exit), others_left, now());
  settle();
}

void Source::on_all_gone() {
  life_.all_gone(now());
  settle();
}

std::optional<int64_t> Source::pid() const {
  State state = life_.state();
  bool is_alive = state == State::starting || state == State::running || state == State::stopping;
  // While a run is announced, the process is that of the one before.
  bool is_of_this_run = process_ && process_run_ == life_.run();
  if (!is_of_this_run || !is_alive || process_->pid() <= 0) return std::nullopt;
  return process_->pid();
}

std::optional<Process::Use> Source::use() const {
  if (!pid()) return std::nullopt;
  return process_->use();
}

}  // namespace bus::sources
