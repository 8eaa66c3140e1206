#include "consumer/cli/health.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>

#include "consumer/cli/buses.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/readable.h"
#include "consumer/cli/status_report.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

constexpr std::chrono::milliseconds kStartingTime{500};
constexpr std::chrono::milliseconds kPatience{2000};

std::string pid_text(int64_t pid) { return pid > 0 ? "pid " + std::to_string(pid) : "a process"; }

// A hub that runs and cannot be reached: what happened to its socket, and what to do.
std::string unreachable_hub(const busd::HubFacts& facts) {
  std::string holder = pid_text(facts.lock_pid) + " holds " + facts.lock + ", but ";
  // A process that is stopped does not take the SIGTERM of a plain kill; this ends it all the same.
  std::string remedy = facts.lock_pid > 0 ? "bus-stop --force --socket " + facts.socket + " ends it"
                                          : "to find it: fuser " + facts.lock;
  if (facts.socket_exists) {
    return holder + "nobody listens at " + facts.socket + ": the socket was replaced under a running hub; " +
           remedy;
  }
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(facts.socket, ignored))) {
    return holder + "what stands at " + facts.socket +
           " is no socket: the socket was replaced under a running hub; move that away; " + remedy;
  }
  return holder + "there is no socket at " + facts.socket + ": the socket was removed under a running hub; " +
         remedy;
}

std::string silent_listener(const busd::HubFacts& facts) {
  std::string text =
      pid_text(facts.peer_pid) + " listens at " + facts.socket + " but does not answer within 2 s";
  if (facts.lock_pid == 0 || facts.peer_pid == 0 || facts.lock_pid == facts.peer_pid) return text;
  return text + ", and " + pid_text(facts.lock_pid) + " holds " + facts.lock +
         ": the socket was replaced under a running hub";
}

Health without_answer(const busd::HubOptions& options, const busd::Error& error,
                      const busd::HubFacts& facts) {
  if (error.result == BUSD_TIMED_OUT) {
    // The library knows whether the process is stopped, and what ends it.
    std::string advice = error_of(error).hint;
    return {kTryAgain, silent_listener(facts) + (advice.empty() ? "" : "; " + advice)};
  }
  // Something that is no socket stands in the place of a running hub's: that is the hub's trouble.
  bool replaced = facts.lock_held && !facts.socket_exists;
  if (error.result != BUSD_UNREACHABLE && !replaced) return {exit_code_of(error.result), error.message};
  if (facts.lock_held) return {kTryAgain, unreachable_hub(facts)};
  if (!facts.absent) {
    return {kPermission, "whether a hub runs at " + facts.socket + " cannot be known: nobody listens, but " +
                             facts.lock + " may not be opened"};
  }
  return {kUnreachable, absence(options, facts.socket)};
}

using Question = busd::Expected<std::string> (*)(const busd::HubOptions& options,
                                                 std::chrono::milliseconds timeout);

struct Look {
  busd::Expected<std::string> answer;
  busd::Expected<busd::HubFacts> facts;
};

// What the kernel reports of a hub that gave `answer` to `question`. A hub that holds its lock and cannot be
// reached is asked once more: for some milliseconds it may just be starting or ending.
Look look_at(const busd::HubOptions& options, Question question, busd::Expected<std::string> answer) {
  auto facts = busd::hub_inspect(options);
  bool odd = !answer && facts && facts->lock_held &&
             (answer.error().result == BUSD_UNREACHABLE || !facts->socket_exists);
  if (odd) {
    std::this_thread::sleep_for(kStartingTime);
    answer = question(options, kPatience);
    facts = busd::hub_inspect(options);
  }
  return {std::move(answer), std::move(facts)};
}

Health diagnose(const busd::HubOptions& options, const Look& look) {
  if (!look.facts) return {exit_code_of(look.facts.error().result), look.facts.error().message};
  return without_answer(options, look.answer.error(), *look.facts);
}

Answer ask(const busd::HubOptions& options, Question question) {
  auto answer = question(options, kPatience);
  if (answer) return {*answer, {}};
  Look look = look_at(options, question, std::move(answer));
  if (look.answer) return {*look.answer, {}};
  return {std::nullopt, diagnose(options, look)};
}

}  // namespace

Error error_of(const Health& trouble) {
  auto code = [&] {
    switch (trouble.exit_code) {
      case kUsage:
        return ErrorCode::bad_value;
      case kUnreachable:
        return ErrorCode::no_hub;
      case kTryAgain:
        return ErrorCode::unhealthy;
      case kProtocol:
        return ErrorCode::not_a_hub;
      case kPermission:
        return ErrorCode::denied;
      default:
        return ErrorCode::failed;
    }
  };
  return error_of(code(), trouble.exit_code, trouble.summary);
}

Answer ask_hub(const busd::HubOptions& options) { return ask(options, busd::hub_status); }

Answer ask_metrics(const busd::HubOptions& options) { return ask(options, busd::hub_metrics); }

Health check_health(const busd::HubOptions& options) {
  Look look = look_at(options, busd::hub_status, busd::hub_status(options, kPatience));
  if (!look.facts || !look.answer) return diagnose(options, look);
  const auto& status = look.answer;
  const auto& facts = look.facts;
  auto report = parse_status(*status);
  if (!report) return {kProtocol, "the peer at " + facts->socket + " is not a busd hub"};
  if (!facts->lock_held) {
    return {kTryAgain,
            pid_text(facts->peer_pid) + " answers at " + facts->socket + " without holding " + facts->lock};
  }
  if (facts->lock_pid > 0 && facts->peer_pid > 0 && facts->lock_pid != facts->peer_pid) {
    return {kTryAgain, pid_text(facts->peer_pid) + " answers at " + facts->socket + ", but " +
                           pid_text(facts->lock_pid) + " holds " + facts->lock};
  }
  const auto& values = report->values;
  if (values && values->store == "failed")
    return {kTryAgain, pid_text(report->pid) + " serves, but stores no values: " + fault_of(*values)};
  auto losers = std::count_if(report->consumers.begin(), report->consumers.end(),
                              [](const ConsumerReport& consumer) { return consumer.dropped > 0; });
  std::string summary = "healthy: " + pid_text(report->pid) + ", up " + readable_seconds(report->uptime_sec) +
                        ", " + counted(report->sources.size(), "source") + ", " +
                        counted(report->consumers.size(), "consumer");
  if (losers > 0) summary += ", of which " + std::to_string(losers) + " lost events";
  for (const TaskReport& task : report->tasks) {
    if (task.full)
      summary += "; the line of task \"" + task.task + "\" is full, with " + counted(task.waiting, "call");
  }
  if (values && values->has_most_keys())
    summary += "; no room for more keys: there may be " + std::to_string(values->most_keys);
  if (values && !values->fault.empty()) summary += "; values: " + fault_of(*values);
  if (std::string old = renewal_hint(options, *report); !old.empty()) summary += "; " + old;
  return {kDone, summary};
}

}  // namespace bus::cli
