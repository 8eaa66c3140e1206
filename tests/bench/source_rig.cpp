#include "tests/bench/source_rig.h"

#include <charconv>
#include <climits>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"
#include "tests/bench/busd_calls.h"

namespace bus::bench {

namespace {

Result<void> write_definitions(const std::string& directory, const std::vector<BenchSource>& sources) {
  if (::mkdir(directory.c_str(), 0700) != 0) return errno_error(directory, errno);
  for (const BenchSource& source : sources) {
    std::string path = directory + "/" + source.name + ".source";
    Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    std::string text = "command = " + program_beside_us("bus-bench-source") + " " + source.arguments + "\n" +
                       source.settings;
    if (!file || !write_all(file.get(), text)) return errno_error(path, errno);
  }
  return {};
}

}  // namespace

Result<SourceRig> SourceRig::start(TrialHub& hub, const std::vector<BenchSource>& sources) {
  std::string directory = hub.directory + "/sources.d";
  BUSD_TRY(write_definitions(directory, sources));
  BUSD_ASSIGN(CallClient client, CallClient::connect(hub.contender));
  TimePoint started_at = now();
  BUSD_ASSIGN(ServerProcess process, ServerProcess::spawn(program_beside_us("bus-sources"),
                                                          {"--socket", hub.directory + "/bus.sock", "--dir",
                                                           directory, "--state", hub.directory + "/state"},
                                                          hub.directory));
  SourceRig rig(std::move(client), std::move(process), started_at);
  for (TimePoint end = now() + kHandshakePatience; !rig.ask("list", "");) {
    if (!rig.process_.running() || now() > end) return Error{Errc::unavailable, "bus-sources does not serve"};
    std::this_thread::sleep_for(milliseconds(1));
  }
  return rig;
}

Result<std::string> SourceRig::ask(std::string_view verb, const std::string& name) {
  std::string args = name.empty() ? "{}" : R"({"name":")" + name + R"("})";
  BUSD_TRY(client_.send(request_line(++last_call_, "bus.source." + std::string(verb), args)));
  for (;;) {
    BUSD_ASSIGN(std::string line, client_.line());
    if (id_in(line) != last_call_) continue;
    std::string_view result = busd::rest_behind(line, R"("result":)");
    if (result.empty()) return Error{Errc::protocol, line};
    return std::string(result);
  }
}

Result<int64_t> SourceRig::pid_of(const std::string& name) {
  BUSD_ASSIGN(std::string status, ask("status", name));
  auto pid = static_cast<int64_t>(number_in(status, "pid"));
  if (pid == 0) return Error{Errc::protocol, name + " does not run: " + status};
  return pid;
}

Result<void> SourceRig::end() {
  ::kill(process_.pid(), SIGTERM);
  for (TimePoint until = now() + kHandshakePatience; process_.running();) {
    if (now() > until) return Error{Errc::timed_out, "bus-sources does not end"};
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  return {};
}

std::string program_beside_us(const std::string& program) {
  char path[PATH_MAX];
  ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  return parent_dir(std::string(path, length > 0 ? static_cast<size_t>(length) : 0)) + "/" + program;
}

uint64_t number_in(std::string_view json, std::string_view member) {
  std::string mark = "\"" + std::string(member) + "\":";
  size_t at = json.find(mark);
  uint64_t number = 0;
  if (at == std::string_view::npos) return 0;
  std::from_chars(json.data() + at + mark.size(), json.data() + json.size(), number);
  return number;
}

Result<TimePoint> next_stamp(int fd, Duration patience) {
  for (;;) {
    BUSD_ASSIGN(std::string line, read_until(fd, "\n", patience));
    if (!line.starts_with(R"({"type":"event")")) continue;
    return TimePoint(std::chrono::nanoseconds(number_in(line, "payload")));
  }
}

}  // namespace bus::bench
