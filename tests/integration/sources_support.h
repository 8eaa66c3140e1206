// A stage for processes of sources: a loop that runs until something is the case, programs written by the test, and a look at
// what is left of them, which goes by their command lines and so by none of the means that are tested.
#pragma once

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "consumer/sources/process.h"
#include "consumer/sources/processes.h"
#include "protocol/base/file.h"
#include "protocol/event/fd_watch.h"
#include "protocol/event/loop.h"
#include "protocol/event/timer.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/temp_dir.h"

namespace bus::test {

// The programs of a test, in a directory of their own: each has its name in its command line.
class Programs {
 public:
  // DIR/nap is sleep(1), which does nothing until it is ended.
  Programs() { std::filesystem::create_symlink("/bin/sleep", nap()); }
  ~Programs() {
    for (int64_t pid : living()) ::kill(static_cast<pid_t>(pid), SIGKILL);
  }
  Programs(const Programs&) = delete;
  Programs& operator=(const Programs&) = delete;

  const std::string& directory() const { return dir_.path(); }
  std::string file(const std::string& name) const { return dir_.file(name); }
  std::string nap() const { return dir_.file("nap"); }

  // Writes DIR/name with that mode.
  std::string write(const std::string& name, const std::string& text, int mode = 0755) const {
    std::string path = dir_.file(name);
    std::ofstream(path) << text;
    std::filesystem::permissions(path, static_cast<std::filesystem::perms>(mode));
    return path;
  }
  // A shell script, in which $NAP stands for DIR/nap.
  std::string script(const std::string& name, const std::string& text) const {
    return write(name, "#!/bin/sh\nNAP=" + nap() + "\n" + text + "\n");
  }

  // One that starts a DIR/nap which ends its marks in every way that a program can, and says "ready" when that is there.
  std::string hider() const {
    return write("hider.py",
                 "#!/usr/bin/env python3\nimport os, resource, time\nthere, gone = os.pipe()\n"
                 "if os.fork() == 0:\n  os.setsid()\n  if os.fork(): os._exit(0)\n"
                 "  resource.setrlimit(15, (200000, 200000))\n  os.execve('" +
                     nap() + "', ['" + nap() +
                     "', '1000'], {})\nos.close(gone)\nos.read(there, 1)\nprint('ready', flush=True)\n"
                     "time.sleep(1000)\n");
  }

  // Those that live and have DIR in their command line.
  std::vector<int64_t> living() const {
    std::vector<int64_t> found;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
      std::string name = entry.path().filename();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      auto command = read_file("/proc/" + name + "/cmdline", 1'000'000);
      if (command && command->find(dir_.path()) != std::string::npos) found.push_back(std::stoll(name));
    }
    return found;
  }
  // Waits until none lives any more; false if that takes too long.
  bool all_end() const { return come_to(0); }
  // Waits until so many live: one that executes its program has no command line for a moment.
  bool come_to(size_t count) const {
    for (TimePoint until = now() + kPatience; now() < until;) {
      if (living().size() == count) return true;
      std::this_thread::sleep_for(milliseconds(2));
    }
    return false;
  }

 private:
  TempDir dir_;
};

// A loop with Processes in it.
class Stage {
 public:
  explicit Stage(sources::Processes::Settings settings = {.record = "", .trampoline = "", .cgroups = false})
      : loop_(std::move(*Loop::create())) {
    auto made = sources::Processes::create(*loop_, std::move(settings));
    if (!made) FAIL(made.error().what);
    processes_ = std::move(*made);
    loop_->on_end_of_turn([this] {
      if (condition_ && condition_()) loop_->stop();
    });
  }

  Loop& loop() { return *loop_; }
  sources::Processes& processes() { return *processes_; }

  // Whether it came to be in time.
  bool run_until(std::function<bool()> condition, Duration patience = kPatience) {
    if (condition()) return true;
    condition_ = std::move(condition);
    bool late = false;
    Timer guard(*loop_, [&] {
      late = true;
      loop_->stop();
    });
    guard.set(now() + patience);
    loop_->run();
    condition_ = nullptr;
    return !late;
  }

 private:
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<sources::Processes> processes_;
  std::function<bool()> condition_;
};

// Reads a descriptor to its end.
class Reader final : private FdWatch::Handler {
 public:
  Reader(Loop& loop, Fd fd)
      : fd_(std::move(fd)), watch_(loop, fd_.get(), static_cast<FdWatch::Handler&>(*this)) {
    static_cast<void>(watch_.set(FdWatch::Mode::reading, false));
  }
  const std::string& text() const { return text_; }
  bool ended() const { return ended_; }

 private:
  void on_readable() override {
    char chunk[65536];
    ssize_t got = ::read(fd_.get(), chunk, sizeof chunk);
    if (got > 0) text_.append(chunk, static_cast<size_t>(got));
    if (got != 0) return;
    ended_ = true;
    static_cast<void>(watch_.set(FdWatch::Mode::off, false));
  }
  void on_writable() override {}

  Fd fd_;
  FdWatch watch_;
  std::string text_;
  bool ended_ = false;
};

inline sources::Launch launch(std::vector<std::string> command) {
  sources::Launch launch;
  launch.source = "s";
  launch.run = 1;
  launch.command = std::move(command);
  launch.environment = {"PATH=/usr/local/bin:/usr/bin:/bin"};
  return launch;
}

// A run whose story is kept: "started ", "exited 0 ", "exited SIGTERM, others left ", "gone ", "failed: REASON".
class Watched final : public sources::Process::Owner {
 public:
  Watched(Stage& stage, sources::Launch launch) : stage_(stage) {
    process_ = std::make_unique<sources::Process>(stage.processes(), *this, std::move(launch));
    sources::Pipes pipes = process_->take_pipes();
    in_ = std::move(pipes.in);
    if (pipes.out) out_ = std::make_unique<Reader>(stage.loop(), std::move(pipes.out));
    if (pipes.err) err_ = std::make_unique<Reader>(stage.loop(), std::move(pipes.err));
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  sources::Process& process() { return *process_; }
  void destroy() { process_.reset(); }
  Fd& in() { return in_; }
  const std::string& story() const { return story_; }
  const std::string& out() const { return out_->text(); }
  const std::string& err() const { return err_->text(); }
  const sources::Exit& exit() const { return exit_; }
  const std::string& complaint() const { return complaint_; }

  bool until(const std::function<bool()>& condition) { return stage_.run_until(condition); }
  bool until_started() {
    return until([&] { return !story_.empty(); }) && story_.starts_with("started ");
  }
  // Until its stdout holds the text.
  bool until_out(const std::string& text) {
    return until([&] { return out().find(text) != std::string::npos; });
  }
  bool until_exited() {
    return until([&] { return story_.find("exited") != std::string::npos; });
  }
  bool until_gone() {
    return until([&] { return is_gone_; });
  }
  // Until nothing is left to be read, either.
  bool until_all_read() {
    return until([&] { return is_gone_ && (!out_ || out_->ended()) && err_->ended(); });
  }

 private:
  void on_started() override { story_ += "started "; }
  void on_could_not_start(const std::string& reason) override {
    story_ += "failed: " + reason;
    is_gone_ = true;
  }
  void on_exited(sources::Exit exit, bool others_left) override {
    exit_ = exit;
    story_ += "exited " + (exit.code ? std::to_string(*exit.code) : exit.reason.substr(10));
    story_ += others_left ? ", others left " : " ";
    is_gone_ = !others_left;
  }
  void on_complaint(const std::string& what) override { complaint_ = what; }
  void on_all_gone() override {
    story_ += "gone ";
    is_gone_ = true;
  }

  Stage& stage_;
  std::unique_ptr<sources::Process> process_;
  Fd in_;
  std::unique_ptr<Reader> out_;
  std::unique_ptr<Reader> err_;
  std::string story_;
  std::string complaint_;
  sources::Exit exit_;
  bool is_gone_ = false;
};

}  // namespace bus::test
