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
#include "protocol/sources_place.h"

namespace bus::hub {

namespace {

constexpr const char* kProgram = "bus-sources";
constexpr std::string_view kFailed = "bus-sources has failed";

// The one that was installed, or built, with this hub.
std::string program_beside_us() {
  char path[PATH_MAX];
  ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  return parent_dir(std::string(path, length > 0 ? static_cast<size_t>(length) : 0)) + "/" + kProgram;
}

// posix_spawn(3) does not copy our memory, however large: the hub never forks. Everything of ours is closed by exec.
int spawn(const std::string& program, const std::string& socket, pid_t& pid) {
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
  std::string name = kProgram;
  std::string option = "--socket";
  std::string path = socket;
  char* argv[] = {name.data(), option.data(), path.data(), nullptr};
  int failed = ::posix_spawn(&pid, program.c_str(), &actions, &attributes, argv, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  return failed;
}

}  // namespace

bool holds_files(const std::string& directory) {
  std::unique_ptr<DIR, int (*)(DIR*)> opened(::opendir(directory.c_str()), &::closedir);
  if (!opened) return false;
  while (const dirent* entry = ::readdir(opened.get())) {
    if (entry->d_name[0] != '.') return true;
  }
  return false;
}

SourceKeeper::SourceKeeper(Loop& loop, const Endpoint& endpoint, Log& log)
    : loop_(loop), log_(log), socket_(endpoint.socket), retry_(loop, [this] { start(); }) {
  auto variable = [](const char* name) -> const char* { return std::getenv(name); };
  if (!has_default_sources(endpoint, variable)) return;
  auto directory = sources_directory(endpoint, variable);
  if (!directory || !holds_files(*directory)) return;
  program_ = program_beside_us();
  if (::access(program_.c_str(), X_OK) != 0) {
    log_.write(LogLevel::warning, "there are sources, and no program to run them",
               {{"directory", *directory}, {"program", program_}});
    return;
  }
  start();
}

SourceKeeper::~SourceKeeper() = default;

void SourceKeeper::start() {
  int failed = spawn(program_, socket_, pid_);
  if (failed != 0) return start_later(LogLevel::warning, kFailed, std::strerror(failed));
  started_at_ = now();
  log_.write(LogLevel::info, "bus-sources is started", {{"pid", pid_}});
  // Before it is waited for, nobody else can have its number.
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!pidfd_) return;  // it runs, and nobody sees its end
  watch_ = std::make_unique<FdWatch>(loop_, pidfd_.get(), static_cast<FdWatch::Handler&>(*this));
  if (!watch_->set(FdWatch::Mode::reading, false)) watch_.reset();
}

void SourceKeeper::on_readable() {
  int status = 0;
  pid_t ended = ::waitpid(pid_, &status, WNOHANG);
  if (ended == 0) return;
  static_cast<void>(watch_->set(FdWatch::Mode::off, false));
  pid_ = -1;
  if (ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    if (now() - started_at_ < kSecondOne)
      return start_later(LogLevel::info, "bus-sources is not needed yet", "another one serves");
    log_.write(LogLevel::info, "bus-sources has ended");  // somebody has stopped it
    return;
  }
  bool was_killed = ended > 0 && WIFSIGNALED(status);
  start_later(LogLevel::warning, kFailed,
              was_killed ? "killed by signal " + std::to_string(WTERMSIG(status))
                         : "exit status " + std::to_string(WEXITSTATUS(status)));
}

void SourceKeeper::start_later(LogLevel level, std::string_view what, const std::string& why) {
  if (now() - started_at_ >= kGoodRun) wait_ = kFirstWait;
  log_.write(level, what, {{"why", why}, {"again_in_ms", to_ms(wait_)}});
  retry_.set(now() + wait_);
  wait_ = std::min(wait_ * 2, kLongestWait);
}

}  // namespace bus::hub
