#include "consumer/cli/health.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "consumer/cli/exit_code.h"
#include "consumer/cli/status_report.h"
#include "consumer/cli/status_table.h"

namespace bus::cli {

namespace {

constexpr std::chrono::milliseconds kStartingTime{500};

std::string pid_text(int64_t pid) { return pid > 0 ? "pid " + std::to_string(pid) : "a process"; }

std::string count_of(size_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

Health without_answer(const busd::Error& error, const busd::HubFacts& facts) {
  if (error.result == BUSD_TIMED_OUT) {
    return {kTryAgain,
            pid_text(facts.peer_pid) + " listens at " + facts.socket + " but does not answer within 2 s"};
  }
  if (error.result != BUSD_UNREACHABLE) return {exit_code_of(error.result), error.message};
  if (facts.lock_held) {
    std::string holder = pid_text(facts.lock_pid) + " holds " + facts.lock;
    return {kTryAgain, facts.socket_exists
                           ? holder + ", but nobody answers at " + facts.socket
                           : holder + ", but its socket " + facts.socket + " is gone; stop that process"};
  }
  return {kUnreachable, "no hub runs at " + facts.socket};
}

}  // namespace

Health check_health(const busd::HubOptions& options) {
  auto status = busd::hub_status(options);
  auto facts = busd::hub_inspect(options);
  if (!status && status.error().result == BUSD_UNREACHABLE && facts && facts->lock_held) {
    // Either ill, or just starting or ending: then it holds its lock without a socket for some milliseconds.
    std::this_thread::sleep_for(kStartingTime);
    status = busd::hub_status(options);
    facts = busd::hub_inspect(options);
  }
  if (!facts) return {exit_code_of(facts.error().result), facts.error().message};
  if (!status) return without_answer(status.error(), *facts);
  auto report = parse_status(*status);
  if (!report) return {kProtocol, "what answers at " + facts->socket + " is no hub"};
  if (!facts->lock_held) {
    return {kTryAgain,
            pid_text(facts->peer_pid) + " answers at " + facts->socket + " without holding " + facts->lock};
  }
  if (facts->lock_pid > 0 && facts->peer_pid > 0 && facts->lock_pid != facts->peer_pid) {
    return {kTryAgain, pid_text(facts->peer_pid) + " answers at " + facts->socket + ", but " +
                           pid_text(facts->lock_pid) + " holds " + facts->lock};
  }
  auto losers = std::count_if(report->consumers.begin(), report->consumers.end(),
                              [](const ConsumerReport& consumer) { return consumer.dropped > 0; });
  std::string summary = "healthy: " + pid_text(report->pid) + ", up " + readable_seconds(report->uptime_sec) +
                        ", " + count_of(report->sources.size(), "source") + ", " +
                        count_of(report->consumers.size(), "consumer");
  if (losers > 0) summary += ", " + std::to_string(losers) + " of them with losses";
  return {kDone, summary};
}

}  // namespace bus::cli
