#include "consumer/sources/spawn.h"

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "consumer/sources/cgroup_fork.h"
#include "consumer/sources/process_facts.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::sources {

namespace {

constexpr const char* kTrampoline = "source-trampoline";

struct Pipe {
  Fd read_end;
  Fd write_end;
};

// Out of the way of what the child has there: 0 to 2 may be closed in a daemon.
Result<Fd> above_standard(Fd fd) {
  if (fd.get() > STDERR_FILENO) return fd;
  Fd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!moved) return errno_error("fcntl", errno);
  return moved;
}

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error("cannot make a pipe", errno);
  Pipe pipe{Fd(ends[0]), Fd(ends[1])};
  BUSD_ASSIGN(pipe.read_end, above_standard(std::move(pipe.read_end)));
  BUSD_ASSIGN(pipe.write_end, above_standard(std::move(pipe.write_end)));
  return pipe;
}

// Of the open file, which both ends of a pipe have one of each.
Result<void> set_blocking(const Fd& fd, bool blocking) {
  int flags = ::fcntl(fd.get(), F_GETFL);
  int wanted = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, wanted) != 0) return errno_error("fcntl", errno);
  return {};
}

// What the child gets at 0, 1, 2 and kReportFd; an invalid one is /dev/null.
struct Ends {
  Fd in;
  Fd out;
  Fd err;
  Fd report;
  int out_fd() const { return out ? out.get() : in.get(); }
};

Result<Ends> make_ends(Launch& launch, Spawned& ours) {
  Ends theirs;
  if (launch.channel) {
    BUSD_ASSIGN(theirs.in, above_standard(std::move(*launch.channel)));
    launch.channel.reset();
    // Programs expect to wait at their stdin.
    BUSD_TRY(set_blocking(theirs.in, true));
  } else {
    BUSD_ASSIGN(Pipe output, make_pipe());
    theirs.out = std::move(output.write_end);
    ours.pipes.out = std::move(output.read_end);
    BUSD_TRY(set_blocking(ours.pipes.out, false));
    if (launch.reads_stdin) {
      BUSD_ASSIGN(Pipe input, make_pipe());
      theirs.in = std::move(input.read_end);
      ours.pipes.in = std::move(input.write_end);
      BUSD_TRY(set_blocking(ours.pipes.in, false));
    }
  }
  BUSD_ASSIGN(Pipe errors, make_pipe());
  theirs.err = std::move(errors.write_end);
  ours.pipes.err = std::move(errors.read_end);
  BUSD_TRY(set_blocking(ours.pipes.err, false));
  BUSD_ASSIGN(Pipe report, make_pipe());
  theirs.report = std::move(report.write_end);
  ours.report = std::move(report.read_end);
  BUSD_TRY(set_blocking(ours.report, false));
  return theirs;
}

// posix_spawn(3)'s own objects, which are freed.
class SpawnRules {
 public:
  SpawnRules() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
  }
  ~SpawnRules() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }
  SpawnRules(const SpawnRules&) = delete;
  SpawnRules& operator=(const SpawnRules&) = delete;

  // An errno, or 0. kReportFd last: until then it may be where another one comes from.
  int set(const Ends& ends) {
    sigset_t all;
    sigset_t none;
    sigfillset(&all);
    sigemptyset(&none);
    auto* actions = &actions_;
    std::array<int, 7> results = {
        ::posix_spawnattr_setflags(&attributes_,
                                   POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK),
        ::posix_spawnattr_setsigdefault(&attributes_, &all),
        ::posix_spawnattr_setsigmask(&attributes_, &none),
        ends.in ? ::posix_spawn_file_actions_adddup2(actions, ends.in.get(), STDIN_FILENO)
                : ::posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0),
        ::posix_spawn_file_actions_adddup2(actions, ends.out_fd(), STDOUT_FILENO),
        ::posix_spawn_file_actions_adddup2(actions, ends.err.get(), STDERR_FILENO),
        ::posix_spawn_file_actions_adddup2(actions, ends.report.get(), kReportFd)};
    for (int error : results) {
      if (error != 0) return error;
    }
    return 0;
  }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

// In the order of TrampolineArgument.
std::vector<std::string> arguments_of(const SpawnPlan& plan, const Launch& launch) {
  std::vector<std::string> words = {kTrampoline,
                                    std::to_string(::getpid()),
                                    std::to_string(plan.mark),
                                    "",
                                    launch.nice ? std::to_string(*launch.nice) : "",
                                    launch.directory};
  words.insert(words.end(), launch.command.begin(), launch.command.end());
  return words;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

std::optional<pid_t> begin_in_cgroup(const SpawnPlan& plan, const Ends& ends, std::vector<char*>& argv,
                                     std::vector<char*>& envp) {
  if (plan.cgroup.empty()) return std::nullopt;
  Fd cgroup(::open(plan.cgroup.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!cgroup) return std::nullopt;
  return fork_into_cgroup({cgroup.get(), ends.in ? ends.in.get() : -1, ends.out_fd(), ends.err.get(),
                           ends.report.get(), argv.data(), envp.data()});
}

// "#!/usr/bin/env python3" -> "/usr/bin/env"; "" when it has no such line.
std::string interpreter_of(const std::string& program) {
  Fd file(::open(program.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  // What the kernel looks at (BINPRM_BUF_SIZE).
  std::array<char, 256> head{};
  ssize_t got = file ? ::read(file.get(), head.data(), head.size()) : 0;
  std::string_view line(head.data(), got > 0 ? static_cast<size_t>(got) : 0);
  if (!line.starts_with("#!")) return "";
  line.remove_prefix(2);
  line = line.substr(0, line.find('\n'));
  size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
  return std::string(line.substr(begin, line.find_first_of(" \t", begin) - begin));
}

// Quoted only if it needs to be.
std::string shown(const std::string& path) {
  std::string quoted = printable(path);
  bool is_plain = quoted.size() == path.size() + 2 && path.find(' ') == std::string::npos;
  return is_plain ? path : quoted;
}

std::string explain_program(int error, const Launch& launch) {
  std::string program = shown(launch.command.front());
  bool has_slash = program.find('/') != std::string::npos;
  if (error == ENOEXEC) return program + ": it has no #! line, and is no program of this machine";
  if (error == ENOENT && !has_slash) return program + ": there is no such program in PATH";
  // As the program would be found from its own directory.
  bool is_absolute = launch.command.front().starts_with('/') || launch.directory.empty();
  std::string file = (is_absolute ? "" : launch.directory + "/") + launch.command.front();
  if (error == ENOENT && ::access(file.c_str(), F_OK) == 0) {
    std::string interpreter = interpreter_of(file);
    if (interpreter.empty()) return program + ": its loader is not on this machine";
    return program + ": its #! line names " + shown(interpreter) + ", which is not there";
  }
  if (error == ETXTBSY) return program + ": it is still being written (Text file busy)";
  return errno_error(program, error).what;
}

bool is_program(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

Result<Spawned> spawn(const SpawnPlan& plan, Launch& launch) {
  BUSD_CHECK(!launch.command.empty());
  Spawned spawned;
  BUSD_ASSIGN(Ends ends, make_ends(launch, spawned));
  SpawnRules rules;
  if (int error = rules.set(ends); error != 0) return errno_error("cannot start a process", error);
  std::vector<std::string> words = arguments_of(plan, launch);
  std::vector<std::string> variables = launch.environment;
  variables.push_back(std::string(kMarkVariable) + "=" + std::to_string(plan.mark));
  std::vector<char*> argv = pointers(words);
  std::vector<char*> envp = pointers(variables);
  if (auto pid = begin_in_cgroup(plan, ends, argv, envp)) {
    spawned.pid = *pid;
    return spawned;
  }
  std::string cgroup_file = plan.cgroup.empty() ? "" : plan.cgroup + "/cgroup.procs";
  argv[kCgroupFile] = cgroup_file.data();
  int error = ::posix_spawn(&spawned.pid, plan.trampoline.c_str(), rules.actions(), rules.attributes(),
                            argv.data(), envp.data());
  if (error != 0) return errno_error("cannot start a process (" + printable(plan.trampoline) + ")", error);
  return spawned;
}

std::string explain(const StartReport& report, const Launch& launch) {
  switch (report.step) {
    case StartStep::cgroup:
      return errno_error("it runs in no cgroup of its own: cgroup.procs", report.error).what;
    case StartStep::nice:
      return errno_error("nice is not in force", report.error).what;
    case StartStep::directory:
      return errno_error("directory " + shown(launch.directory), report.error).what;
    case StartStep::program:
      return explain_program(report.error, launch);
    case StartStep::ready:
      break;
  }
  return "";
}

std::string find_trampoline() {
  std::array<char, PATH_MAX> self{};
  ssize_t length = ::readlink("/proc/self/exe", self.data(), self.size());
  if (length <= 0 || static_cast<size_t>(length) >= self.size()) return "";
  std::string directory = parent_dir(std::string(self.data(), static_cast<size_t>(length)));
  for (const char* place : {".", BUSD_LIBEXEC_FROM_PROGRAMS}) {
    std::string path = directory;
    path.append("/").append(place).append("/").append(kTrampoline);
    if (is_program(path)) return path;
  }
  return "";
}

}  // namespace bus::sources
