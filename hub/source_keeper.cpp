#include "hub/source_keeper.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "protocol/base/file.h"
#include "protocol/base/lock_holder.h"
#include "protocol/sources_place.h"

namespace bus::hub {

namespace {

constexpr const char* kProgram = "bus-sources";

// The one that was installed, or built, with this hub.
std::string program_beside_us() {
  char path[PATH_MAX];
  ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  return parent_dir(std::string(path, length > 0 ? static_cast<size_t>(length) : 0)) + "/" + kProgram;
}

// posix_spawn(3) does not copy our memory, however large: the hub never forks. Everything of ours is closed by exec.
int spawn(const std::string& program, std::vector<std::string> words, pid_t& pid) {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_init(&actions);
  sigset_t all;
  sigset_t none;
  ::sigfillset(&all);
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int failed = ::posix_spawn(&pid, program.c_str(), &actions, &attributes, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  return failed;
}

bool has_ended_well(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

std::string end_text(int status) {
  return WIFSIGNALED(status) ? "killed by signal " + std::to_string(WTERMSIG(status))
                             : "exit status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Duration RestartWait::after(Duration run) {
  if (run >= kGoodRun) wait_ = kFirst;
  return std::exchange(wait_, std::min(wait_ * 2, kLongest));
}

bool holds_files(const std::string& directory) {
  std::unique_ptr<DIR, int (*)(DIR*)> opened(::opendir(directory.c_str()), &::closedir);
  if (!opened) return false;
  while (const dirent* entry = ::readdir(opened.get())) {
    if (entry->d_name[0] != '.') return true;
  }
  return false;
}

SourceKeeper::SourceKeeper(Loop& loop, const Endpoint& endpoint, Log& log)
    : loop_(loop), log_(log), socket_(endpoint.socket), lock_(sources_lock(endpoint)), timer_(loop, [this] {
        on_time();
      }) {
  auto variable = [](const char* name) -> const char* { return std::getenv(name); };
  if (!has_default_sources(endpoint, variable)) return;
  auto directory = sources_directory(endpoint, variable);
  if (!directory) return;
  directory_ = std::move(*directory);
  program_ = program_beside_us();
  rest();
  look_for_sources();
}

SourceKeeper::~SourceKeeper() {
  int status = 0;
  bool is_ours = state_ == State::serving || state_ == State::clearing;
  pid_t ended = is_ours ? ::waitpid(pid_, &status, WNOHANG) : -1;
  // It ends with this hub by itself, unless it is so young that it has not seen it: then it would wait for the next one.
  if (state_ == State::serving && ended == 0) ::kill(pid_, SIGTERM);
  // Nobody else would end what one has left that died before the hub has ended.
  pid_t pid = -1;
  if (has_left_something(ended > 0, status)) (void)spawn(program_, leftovers_command(), pid);
}

bool SourceKeeper::has_left_something(bool has_ended, int status) const {
  switch (state_) {
    case State::off:
      return false;
    case State::waiting:
      return !is_cleared_;
    case State::serving:
      return has_ended && !has_ended_well(status);
    case State::clearing:
      return has_ended && WIFSIGNALED(status);
    case State::yielding:
      return inspect_lock(lock_).state == LockState::free;
  }
  return false;
}

// --- starts ---

// Nobody runs sources, and nothing is due, until something changes.
void SourceKeeper::rest() {
  state_ = State::off;
  changes_.emplace(loop_, std::vector<std::string>{directory_}, [this] { timer_.set(now()); });
  if (changes_->trouble().empty()) return;
  log_.write(LogLevel::warning, "new sources are seen only at SIGHUP",
             {{"directory", directory_}, {"why", changes_->trouble()}});
}

void SourceKeeper::look_again() {
  if (state_ == State::off && !directory_.empty()) timer_.set(now());
}

void SourceKeeper::look_for_sources() {
  if (!holds_files(directory_)) return;
  if (::access(program_.c_str(), X_OK) == 0) {
    changes_.reset();
    return start();
  }
  log_.write(LogLevel::warning, "there are sources, and no program to run them",
             {{"directory", directory_}, {"program", program_}});
}

void SourceKeeper::start() {
  LockFacts lock = inspect_lock(lock_);
  if (lock.state == LockState::held) return yield_to(lock.pid);
  has_told_ = false;
  started_at_ = now();
  pid_t pid = -1;
  int failed = spawn(program_, {kProgram, "--socket", socket_}, pid);
  if (failed != 0) return wait_after_failure(std::strerror(failed));
  log_.write(LogLevel::info, "bus-sources is started", {{"pid", pid}});
  watch(State::serving, pid);
}

// It may be that of the hub before this, which still ends its sources, or one that somebody runs by hand. Ours is started when
// it has ended.
void SourceKeeper::yield_to(int64_t other) {
  std::string why = "another one serves" + (other > 0 ? ": pid " + std::to_string(other) : std::string());
  if (!std::exchange(has_told_, true))
    log_.write(LogLevel::info, "bus-sources is not needed yet", {{"why", why}});
  if (other <= 0) return wait(now() + restart_wait_.after(Duration::zero()));
  watch(State::yielding, static_cast<pid_t>(other));
  // It may be a child of one that was killed, which has the lock until it executes its program.
  timer_.set(now() + kLook);
}

void SourceKeeper::wait_after_failure(const std::string& why) {
  Duration pause = restart_wait_.after(now() - started_at_);
  log_.write(LogLevel::warning, "bus-sources has failed", {{"why", why}, {"again_in_ms", to_ms(pause)}});
  again_at_ = now() + pause;
  wait(is_cleared_ ? again_at_ : now());
}

void SourceKeeper::wait(TimePoint until) {
  state_ = State::waiting;
  timer_.set(until);
}

// --- what one that died has left ---

std::vector<std::string> SourceKeeper::leftovers_command() const {
  return {kProgram, "--leftovers", "--quiet", "--socket", socket_};
}

void SourceKeeper::clear() {
  pid_t pid = -1;
  if (spawn(program_, leftovers_command(), pid) == 0) return watch(State::clearing, pid);
  on_cleared(false);
}

// The next start would end the same, but may be a minute away: so one that was killed is tried again soon, and one that has
// failed, as the start would, is not.
void SourceKeeper::on_cleared(bool was_killed) {
  is_cleared_ = !was_killed;
  wait(was_killed ? now() + RestartWait::kFirst : again_at_);
}

// --- ends ---

void SourceKeeper::watch(State state, pid_t pid) {
  state_ = state;
  pid_ = pid;
  timer_.clear();
  watch_.reset();
  // Before a child of ours is waited for, nobody else can have its number.
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (pidfd_) {
    watch_ = std::make_unique<FdWatch>(loop_, pidfd_.get(), static_cast<FdWatch::Handler&>(*this));
    if (watch_->set(FdWatch::Mode::reading, false)) return;
    pidfd_.reset();
  }
  log_.write(LogLevel::debug, "the end of bus-sources is not told, and is looked for", {{"pid", pid_}});
  timer_.set(now() + kLook);
}

// In a turn of its own, which may replace the watch.
void SourceKeeper::on_readable() {
  static_cast<void>(watch_->set(FdWatch::Mode::off, false));
  timer_.set(now());
}

void SourceKeeper::on_time() {
  if (state_ == State::off) return look_for_sources();
  if (state_ != State::waiting) return look();
  if (is_cleared_) return start();
  clear();
}

void SourceKeeper::look() {
  int status = 0;
  bool lives =
      state_ == State::yielding ? inspect_lock(lock_).pid == pid_ : ::waitpid(pid_, &status, WNOHANG) == 0;
  if (lives) {
    if (!pidfd_) timer_.set(now() + kLook);
  } else if (state_ == State::yielding) {
    start();
  } else if (state_ == State::clearing) {
    on_cleared(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  } else {
    on_end(status);
  }
}

void SourceKeeper::on_end(int status) {
  if (!has_ended_well(status)) {
    is_cleared_ = false;
    return wait_after_failure(end_text(status));
  }
  // Another one has come first.
  if (now() - started_at_ < kSecondOne) return wait(now() + restart_wait_.after(Duration::zero()));
  log_.write(LogLevel::info, "bus-sources has ended");  // somebody has stopped it
  rest();
}

}  // namespace bus::hub
