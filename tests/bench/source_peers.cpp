#include "tests/bench/source_peers.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"
#include "tests/bench/machine.h"
#include "tests/bench/server_process.h"
#include "tests/bench/source_rig.h"

namespace bus::bench {

namespace {

struct Stamp {
  TimePoint born;
  pid_t pid = 0;
};

struct Place {
  std::string directory;  // of services
  std::string stamps;     // the file
  std::string command() const { return program_beside_us("bus-bench-source") + " stamp-to " + stamps; }
};

struct Supervisor {
  std::string name;
  std::string program;
  std::function<Result<void>(const Place& place, int count)> set_up;
  std::function<std::vector<std::string>(const Place& place)> arguments;
  int end_signal = SIGTERM;  // by which it ends what it runs, too
};

Result<void> write_new(const std::string& path, const std::string& text, mode_t mode) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, mode));
  if (!file || !write_all(file.get(), text)) return errno_error(path, errno);
  return {};
}

// As runit and s6 have it: a directory for each service, with a program `run`.
Result<void> set_up_run_scripts(const Place& place, int count) {
  for (int i = 0; i < count; ++i) {
    std::string service = place.directory + "/s" + std::to_string(i);
    if (::mkdir(service.c_str(), 0700) != 0) return errno_error(service, errno);
    BUSD_TRY(write_new(service + "/run", "#!/bin/sh\nexec " + place.command() + "\n", 0700));
  }
  return {};
}

// As supervisord has it: one file for all. A good run is one of a second there, as by default.
Result<void> set_up_supervisord(const Place& place, int count) {
  std::string text =
      "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=" + place.directory +
      "/pid\n";
  for (int i = 0; i < count; ++i) {
    text += "[program:s" + std::to_string(i) + "]\ncommand=" + place.command() +
            "\nautorestart=true\nstdout_logfile=NONE\nstderr_logfile=NONE\n";
  }
  return write_new(place.directory + "/supervisord.conf", text, 0600);
}

Result<void> set_up_sources(const Place& place, int count) {
  for (int i = 0; i < count; ++i) {
    BUSD_TRY(write_new(place.directory + "/s" + std::to_string(i) + ".source",
                       "command = " + place.command() + "\nstart = always\n", 0600));
  }
  return {};
}

std::vector<Stamp> stamps_in(const std::string& path) {
  auto text = read_file(path, size_t{1} << 24U);
  std::vector<Stamp> stamps;
  if (!text) return stamps;
  const char* at = text->data();
  const char* end = at + text->size();
  while (at < end) {
    int64_t born_ns = 0;
    Stamp stamp;
    auto first = std::from_chars(at, end, born_ns);
    auto second = std::from_chars(std::min(first.ptr + 1, end), end, stamp.pid);
    if (second.ptr >= end || *second.ptr != '\n') break;
    stamp.born = TimePoint(std::chrono::nanoseconds(born_ns));
    stamps.push_back(stamp);
    at = second.ptr + 1;
  }
  return stamps;
}

Result<std::vector<Stamp>> await_stamps(const std::string& path, size_t count) {
  for (TimePoint end = now() + seconds(20); now() < end; std::this_thread::sleep_for(milliseconds(1))) {
    std::vector<Stamp> stamps = stamps_in(path);
    if (stamps.size() >= count) return stamps;
  }
  return Error{Errc::timed_out, "not all of its programs run"};
}

// Whether a process works in the directory of the services, or writes to the file of the stamps: none else knows them.
bool belongs(const std::string& pid, const Place& place) {
  char cwd[PATH_MAX];
  ssize_t length = ::readlink(("/proc/" + pid + "/cwd").c_str(), cwd, sizeof cwd);
  if (length > 0 && std::string_view(cwd, static_cast<size_t>(length)).starts_with(place.directory))
    return true;
  auto command = read_file("/proc/" + pid + "/cmdline", 65'536);
  return command && command->find(place.stamps) != std::string::npos;
}

// What a supervisor leaves behind, which may start more while it is ended.
void end_programs(const Place& place) {
  namespace fs = std::filesystem;
  bool some_left = true;
  for (TimePoint end = now() + seconds(5); some_left && now() < end;) {
    some_left = false;
    std::error_code trouble;
    for (fs::directory_iterator at("/proc", trouble), last; !trouble && at != last; at.increment(trouble)) {
      std::string name = at->path().filename().string();
      auto pid = parse_u64(name);
      if (!pid || !belongs(name, place)) continue;
      ::kill(static_cast<pid_t>(*pid), SIGKILL);
      some_left = true;
    }
  }
}

Result<void> measure(const Supervisor& supervisor, const Place& place, bool quick, SupervisorRow& row) {
  int count = quick ? 5 : 100;
  int kills = quick ? 0 : 20;
  BUSD_TRY(supervisor.set_up(place, count));
  TimePoint begun = now();
  BUSD_ASSIGN(ServerProcess process,
              ServerProcess::spawn(supervisor.program, supervisor.arguments(place), place.directory));
  BUSD_ASSIGN(std::vector<Stamp> stamps, await_stamps(place.stamps, static_cast<size_t>(count)));
  for (const Stamp& stamp : stamps) row.all_up = std::max(row.all_up, stamp.born - begun);
  // A good run lasts 10 s.
  if (kills > 0) std::this_thread::sleep_for(milliseconds(10'500));
  for (int i = 0; i < kills; ++i) {
    TimePoint death = now();
    ::kill(stamps[static_cast<size_t>(i)].pid, SIGKILL);
    BUSD_ASSIGN(std::vector<Stamp> after, await_stamps(place.stamps, static_cast<size_t>(count + i + 1)));
    row.restarts.push_back(after.back().born - death);
  }
  ::kill(process.pid(), supervisor.end_signal);
  static_cast<void>(process.await([] { return false; }, seconds(3)));
  return {};
}

std::vector<Supervisor> supervisors(const std::string& hub_directory) {
  return {{"runit", "runsvdir", set_up_run_scripts,
           [](const Place& place) { return std::vector{place.directory}; }, SIGHUP},
          {"s6", "s6-svscan", set_up_run_scripts,
           [](const Place& place) { return std::vector{place.directory}; }, SIGTERM},
          {"supervisord", "supervisord", set_up_supervisord,
           [](const Place& place) {
             return std::vector<std::string>{"-c", place.directory + "/supervisord.conf"};
           },
           SIGTERM},
          {"busd", program_beside_us("bus-sources"), set_up_sources,
           [hub_directory](const Place& place) {
             return std::vector<std::string>{"--socket", hub_directory + "/bus.sock",
                                             "--dir",    place.directory,
                                             "--state",  hub_directory + "/state"};
           },
           SIGTERM}};
}

}  // namespace

Result<std::vector<SupervisorRow>> measure_supervisors(
    const std::vector<std::unique_ptr<Contender>>& contenders, bool quick, ScratchDir& scratch) {
  std::vector<SupervisorRow> rows;
  auto hub = std::find_if(contenders.begin(), contenders.end(),
                          [](const auto& each) { return each->role() == Role::hub; });
  if (hub == contenders.end()) return rows;
  BUSD_ASSIGN(std::string hub_directory, scratch.fresh());
  BUSD_ASSIGN(ServerProcess server, (*hub)->start(hub_directory));
  for (const Supervisor& supervisor : supervisors(hub_directory)) {
    if (!is_installed(supervisor.program)) continue;
    BUSD_ASSIGN(std::string directory, scratch.fresh());
    BUSD_ASSIGN(std::string beside, scratch.fresh());
    Place place{directory, beside + "/stamps"};
    SupervisorRow row;
    row.name = supervisor.name;
    auto measured = measure(supervisor, place, quick, row);
    if (!measured) row.fault = measured.error().what;
    end_programs(place);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace bus::bench
