#include "tests/bench/startup.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <functional>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "protocol/base/process.h"
#include "protocol/base/strings.h"
#include "protocol/base/unix_socket.h"
#include "tests/bench/mosquitto_config.h"
#include "tests/bench/server_process.h"
#include "tests/bench/wire.h"

namespace bus::bench {

namespace {

// Short beside what is measured, and leaves the cpu to the server.
constexpr auto kConnectPause = std::chrono::microseconds(50);

// Starts a server in an empty directory, ends it, and says how long it took until it was there.
using Start = std::function<Result<Duration>(const std::string& directory)>;

struct Candidate {
  StartupRow row;
  Start start;
  std::vector<double> times_ms;
};

// The hub is nobody's child, so its connection tells which process it is.
Result<void> end_hub(const Fd& connection) {
  BUSD_ASSIGN(PeerCredentials hub, peer_credentials(connection.get()));
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, hub.pid, 0)));
  if (!process) return errno_error("pidfd_open", errno);
  if (::syscall(SYS_pidfd_send_signal, process.get(), SIGTERM, nullptr, 0) != 0) {
    return errno_error("pidfd_send_signal", errno);
  }
  pollfd ended{process.get(), POLLIN, 0};
  if (::poll(&ended, 1, static_cast<int>(to_ms(kHandshakePatience))) > 0) return {};
  return Error{Errc::timed_out, "busd does not end on SIGTERM"};
}

Result<Duration> start_hub(const std::string& program, const std::string& directory) {
  std::string socket = directory + "/bus.sock";
  std::string log = directory + "/bus.log";
  TimePoint begin = now();
  BUSD_TRY(start_daemon(program, {"--socket", socket, "--idle-exit", "30s", "--log-file", log}, log,
                        kHandshakePatience));
  BUSD_ASSIGN(Fd connection, connect_unix(socket, kHandshakePatience));
  Duration taken = now() - begin;
  BUSD_TRY(end_hub(connection));
  return taken;
}

Result<Duration> start_server(const std::string& program, const std::vector<std::string>& arguments,
                              const std::string& socket, const std::string& directory) {
  TimePoint begin = now();
  BUSD_ASSIGN(ServerProcess server, ServerProcess::spawn(program, arguments, directory));
  while (!connect_unix(socket, kHandshakePatience)) {
    // Also finds out that it has ended, and why.
    if (!server.running()) BUSD_TRY(server.await([] { return false; }, Duration::zero()));
    if (now() - begin > kHandshakePatience) return Error{Errc::timed_out, program + " does not come up"};
    std::this_thread::sleep_for(kConnectPause);
  }
  return now() - begin;
}

Result<Duration> start_redis(const std::string& directory) {
  std::string socket = directory + "/redis.sock";
  return start_server("redis-server",
                      {"--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no"}, socket,
                      directory);
}

Result<Duration> start_mosquitto(const std::string& directory) {
  BUSD_ASSIGN(std::vector<std::string> arguments, configure_mosquitto(directory));
  return start_server(kMosquittoProgram, arguments, mosquitto_socket(directory), directory);
}

std::vector<Candidate> candidates_of(const StartupOptions& options) {
  std::vector<Candidate> candidates;
  auto add = [&candidates](const std::string& name, Start start) {
    StartupRow row;
    row.name = name;
    candidates.push_back({std::move(row), std::move(start), {}});
  };
  for (const auto& hub : options.hubs) {
    add(hub.first,
        [program = hub.second](const std::string& directory) { return start_hub(program, directory); });
  }
  add("redis-server", start_redis);
  add("mosquitto", start_mosquitto);
  return candidates;
}

Result<void> run_once(Candidate& candidate, const std::string& directory, bool counted) {
  if (::mkdir(directory.c_str(), 0700) != 0) return errno_error("mkdir " + printable(directory), errno);
  auto taken = candidate.start(directory);
  if (!taken) {
    candidate.row.fault = taken.error().what;
  } else if (counted) {
    candidate.times_ms.push_back(std::chrono::duration<double, std::milli>(*taken).count());
  }
  return {};
}

// `sorted` is not empty.
double quantile(const std::vector<double>& sorted, double q) {
  auto rank = static_cast<size_t>(q * static_cast<double>(sorted.size()));
  return sorted[std::min(rank, sorted.size() - 1)];
}

void summarise(Candidate& candidate) {
  if (!candidate.row.fault.empty() || candidate.times_ms.empty()) return;
  std::sort(candidate.times_ms.begin(), candidate.times_ms.end());
  candidate.row.median_ms = quantile(candidate.times_ms, 0.5);
  candidate.row.p90_ms = quantile(candidate.times_ms, 0.9);
}

}  // namespace

Result<std::vector<StartupRow>> measure_startup(const StartupOptions& options) {
  std::vector<Candidate> candidates = candidates_of(options);
  size_t directories = 0;
  for (size_t run = 0; run <= options.runs; ++run) {
    for (Candidate& candidate : candidates) {
      if (!candidate.row.fault.empty()) continue;
      std::string directory = options.directory + "/start-" + std::to_string(++directories);
      BUSD_TRY(run_once(candidate, directory, run > 0));
    }
  }
  std::vector<StartupRow> rows;
  for (Candidate& candidate : candidates) {
    summarise(candidate);
    double first_ms = candidates.front().row.median_ms;
    if (first_ms > 0) candidate.row.to_first_hub = candidate.row.median_ms / first_ms;
    rows.push_back(candidate.row);
  }
  return rows;
}

}  // namespace bus::bench
