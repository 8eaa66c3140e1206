#include "consumer/src/hub_control.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <poll.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "consumer/src/autostart.h"
#include "consumer/src/hub_facts.h"
#include "consumer/src/socket_trouble.h"
#include "consumer/src/start_lock.h"
#include "consumer/src/transport.h"
#include "protocol/base/file.h"
#include "protocol/base/lock_holder.h"
#include "protocol/base/strings.h"
#include "protocol/base/unix_socket.h"
#include "protocol/decode.h"
#include "protocol/encode.h"
#include "protocol/limits.h"
#include "protocol/line_reader.h"
#include "protocol/messages/control.h"
#include "protocol/messages/error.h"
#include "protocol/messages/status.h"

namespace bus::sdk {

namespace {

// After SIGKILL, the time the kernel is given to end a process.
constexpr seconds kKillPatience{1};

// For a process that has closed a connection to end, if it is about to.
constexpr milliseconds kEndPatience{200};

// Between two looks for a socket that a hub puts up again.
constexpr milliseconds kLookPause{20};

TimePoint deadline_after(Duration patience) {
  return patience >= std::chrono::hours(876'000) ? kNever : now() + patience;
}

// A descriptor of the process, which then cannot mean a later one with the same number. Invalid: it is gone.
Result<Fd> open_process(int64_t pid) {
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0U)));
  if (!process && errno != ESRCH) return errno_error("open process " + std::to_string(pid), errno);
  return process;
}

// Whether the process, whose descriptor this is, ended before `deadline`.
bool ended_until(const Fd& process, TimePoint deadline) {
  pollfd ended{process.get(), POLLIN, 0};
  long long left = std::clamp<long long>(to_ms(deadline - now()), 0, 3'600'000);
  return ::poll(&ended, 1, static_cast<int>(left)) != 0;
}

// A process that is being killed closes its descriptors one by one: a client may still connect, and is then closed
// without an answer. Whether it is gone, within a moment.
bool is_ending(int64_t pid) {
  if (pid <= 0) return false;
  auto process = open_process(pid);
  return process && (!*process || ended_until(*process, now() + kEndPatience));
}

// A connection on which one frame was sent; every line that comes back goes to `on_line` until it answers
// true.
template <class OnLine>
ApiResult ask(const Endpoint& endpoint, const std::string& question, TimePoint deadline, OnLine on_line) {
  auto socket = connect_hub(endpoint, deadline == kNever ? now() + std::chrono::hours(1) : deadline);
  if (!socket) return result_of(explained(endpoint, std::move(socket.error())));
  auto peer = peer_credentials(socket->get());
  int64_t pid = peer ? peer->pid : 0;
  auto connection = Transport::create();
  if (!connection) return result_of(connection.error());
  if (auto attached = connection->attach(std::move(*socket)); !attached) return result_of(attached.error());
  connection->queue(question);
  LineReader reader;
  for (;;) {
    connection->send_pending();
    std::string_view chunk;
    std::string why;
    Transport::Read got = connection->read(chunk, why);
    if (got == Transport::Read::end) {
      if (is_ending(pid)) {
        return result_of(
            explained(endpoint, {Errc::unavailable, process_text(pid) + ", which listened at " +
                                                        printable(endpoint.socket) + ", has just ended"}));
      }
      return {BUSD_CLOSED, process_text(pid) + " at " + printable(endpoint.socket) +
                               " closed the connection without an answer: it is not a busd hub"};
    }
    if (got == Transport::Read::nothing) {
      if (now() >= deadline) {
        return {BUSD_TIMED_OUT, silent_hub(endpoint, pid)};
      }
      (void)connection->wait(deadline);
      continue;
    }
    reader.feed(chunk);
    std::string_view line;
    for (LineReader::Next next = reader.next(line); next != LineReader::Next::none;
         next = reader.next(line)) {
      if (next == LineReader::Next::line && !is_blank(line) && on_line(line)) return {};
    }
  }
}

ApiResult refusal_of(const Endpoint& endpoint, const ErrorMessage& error) {
  busd_result result =
      error.code == ErrorCode::denied || error.code == ErrorCode::not_allowed ? BUSD_DENIED : BUSD_REJECTED;
  return {result, "the hub at " + printable(endpoint.socket) + " says: " + error.message};
}

ApiResult ask_to_stop(const Endpoint& endpoint, TimePoint deadline) {
  std::optional<ErrorMessage> refused;
  ApiResult result = ask(endpoint, encode(Shutdown{}), deadline, [&refused](std::string_view line) {
    refused = decode_line<ErrorMessage>(line);
    return refused.has_value();
  });
  if (refused) return refusal_of(endpoint, *refused);
  // The end of file is the answer.
  if (result.code == BUSD_CLOSED || result.code == BUSD_UNREACHABLE) return {};
  return result;
}

// The line that answers `query`, without its end, and what it says.
ApiResult ask_for_status(const Endpoint& endpoint, const StatusQuery& query, Duration patience,
                         std::string& response, StatusAnswer& answer) {
  std::optional<ErrorMessage> refused;
  ApiResult result = ask(endpoint, encode(query), deadline_after(patience), [&](std::string_view line) {
    if (auto read = decode_line<StatusAnswer>(line)) {
      answer = std::move(*read);
      response = line;
      return true;
    }
    refused = decode_line<ErrorMessage>(line);
    return refused.has_value();
  });
  if (refused) return refusal_of(endpoint, *refused);
  if (result.code == BUSD_CLOSED) result.code = BUSD_PROTOCOL;
  return result;
}

}  // namespace

ApiResult hub_status(const Endpoint& endpoint, Duration patience, std::string& response) {
  StatusAnswer answer;
  return ask_for_status(endpoint, {}, patience, response, answer);
}

ApiResult hub_metrics(const Endpoint& endpoint, Duration patience, std::string& metrics) {
  std::string response;
  StatusAnswer answer;
  ApiResult result = ask_for_status(endpoint, {StatusFormat::prometheus}, patience, response, answer);
  if (!result.ok()) return result;
  // An older hub ignores the format.
  if (answer.metrics.empty()) {
    return {BUSD_PROTOCOL, "the hub at " + printable(endpoint.socket) + " (pid " +
                               std::to_string(answer.pid) + ", version " + printable(answer.version) +
                               ") is too old to report metrics; end it with bus-stop, and start a newer one"};
  }
  metrics = std::move(answer.metrics);
  return result;
}

namespace {

ApiResult wait_for_lock(const Endpoint& endpoint, TimePoint deadline) {
  auto lock = lock_file_until(endpoint.lock, deadline);
  if (lock) return {};
  ApiResult result = result_of(lock.error());
  if (result.code == BUSD_TIMED_OUT)
    result.message = "the hub did not stop in time: it still holds " + printable(endpoint.lock);
  return result;
}

ApiResult send_signal(const Fd& process, int signal) {
  if (::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0U) == 0 || errno == ESRCH) return {};
  return result_of(errno_error("end the hub's process", errno));
}

// Somebody listens, or seems to, and nothing proves that it is a hub.
ApiResult unproved_hub(const Endpoint& endpoint, const HubFacts& facts) {
  if (facts.peer_pid == 0) {
    if (facts.trouble.code != Errc::unavailable) return result_of(facts.trouble);
    return {BUSD_DENIED, "whether a hub runs at " + printable(endpoint.socket) +
                             " cannot be known: nobody listens, but " + printable(endpoint.lock) +
                             " may not be opened"};
  }
  std::string pid = std::to_string(facts.peer_pid);
  return {BUSD_TIMED_OUT, "pid " + pid + " listens at " + printable(endpoint.socket) +
                              " and does not answer, but it does not hold " + printable(endpoint.lock) +
                              ", so nothing proves that it is a hub: not killed; " +
                              ending_advice(facts.peer_pid)};
}

// Where no lock tells, the end of the process is the only thing to wait for.
ApiResult wait_for_process(int64_t pid, TimePoint deadline) {
  auto process = open_process(pid);
  if (!process) return result_of(process.error());
  if (!*process || ended_until(*process, deadline)) return {};
  return {BUSD_TIMED_OUT, "the hub (pid " + std::to_string(pid) + ") did not stop in time"};
}

struct Holder {
  int64_t pid = 0;
  Fd process;
};

std::vector<int64_t> pids_of_holders(const Endpoint& endpoint, bool removed) {
  return removed ? removed_lock_holders(endpoint.lock) : lock_holders(endpoint.lock);
}

// The processes that hold the lock. The pidfds come first: what is seen after they were opened holds for
// these processes and no later ones.
Result<std::vector<Holder>> open_holders(const Endpoint& endpoint, bool removed) {
  std::vector<Holder> holders;
  for (int64_t pid : pids_of_holders(endpoint, removed)) {
    BUSD_ASSIGN(Fd process, open_process(pid));
    if (process && pid != ::getpid()) holders.push_back({pid, std::move(process)});
  }
  std::vector<int64_t> still = pids_of_holders(endpoint, removed);
  std::erase_if(holders, [&still](const Holder& holder) {
    return std::find(still.begin(), still.end(), holder.pid) == still.end();
  });
  return holders;
}

ApiResult end_processes(const std::vector<Holder>& holders, bool terminate, TimePoint deadline,
                        HubEnding& ending) {
  for (const Holder& holder : holders) {
    if (!terminate) break;
    if (auto sent = send_signal(holder.process, SIGTERM); !sent.ok()) return sent;
  }
  for (const Holder& holder : holders) {
    if (ended_until(holder.process, terminate ? deadline : TimePoint())) continue;
    if (auto sent = send_signal(holder.process, SIGKILL); !sent.ok()) return sent;
    ending.killed = true;
    ending.pid = holder.pid;
    if (ended_until(holder.process, now() + kKillPatience)) continue;
    return {BUSD_TIMED_OUT, "pid " + std::to_string(holder.pid) + " was killed and has not ended yet"};
  }
  return {};
}

std::string finding_advice(const Endpoint& endpoint) { return "to find it: fuser " + endpoint.lock; }

// Ends what holds the lock. With `terminate` by SIGTERM, and what is left at `deadline` by SIGKILL.
ApiResult end_holders(const Endpoint& endpoint, bool terminate, TimePoint deadline, HubEnding& ending) {
  do {
    HubFacts facts = hub_prove(endpoint);
    if (facts.absent) return {};
    if (!facts.lock_held) return unproved_hub(endpoint, facts);
    auto holders = open_holders(endpoint, facts.lock_removed);
    if (!holders) return result_of(holders.error());
    if (!holders->empty()) return end_processes(*holders, terminate, deadline, ending);
    if (!hub_inspect(endpoint).lock_held) return {};
    // The lock may have gone from one to another, or its file been made anew, between the looks.
    std::this_thread::sleep_for(kLookPause);
  } while (now() < deadline);
  return {BUSD_TIMED_OUT, "the kernel does not name the process that holds " + printable(endpoint.lock) +
                              ": not killed; " + finding_advice(endpoint)};
}

// A hub that lives, but that no client can ask anything.
std::string unheard_hub(const Endpoint& endpoint, const HubFacts& facts) {
  if (facts.trouble.code == Errc::timed_out) return facts.trouble.what;
  bool closed = facts.trouble.code == Errc::unavailable;
  return process_text(facts.lock_pid) + " holds " + printable(endpoint.lock) +
         (facts.lock_removed ? ", which was removed, but " : ", but ") +
         (closed ? "nobody listens at " + printable(endpoint.socket) : facts.trouble.what) + "; " +
         (facts.lock_pid > 0 ? "bus-stop --force ends it" : finding_advice(endpoint));
}

// A hub whose socket was removed puts it up again (PROTOCOL.md 8), and one that starts has none for a moment.
HubFacts wait_until_heard(const Endpoint& endpoint, HubFacts facts, TimePoint deadline) {
  while (facts.lock_held && facts.peer_pid == 0 && facts.trouble.code == Errc::unavailable &&
         now() < deadline) {
    std::this_thread::sleep_for(std::min<Duration>(kLookPause, deadline - now()));
    facts = hub_prove(endpoint);
  }
  return facts;
}

// Of a hub that holds no lock its answer is the only sign that it is one; `pid` gets what it says of itself.
ApiResult ask_for_pid(const Endpoint& endpoint, TimePoint deadline, int64_t& pid) {
  std::string response;
  StatusAnswer answer;
  ApiResult result =
      ask_for_status(endpoint, {}, std::min<Duration>(deadline - now(), seconds(2)), response, answer);
  pid = answer.pid;
  return result;
}

ApiResult ask_and_wait(const Endpoint& endpoint, const HubFacts& before, TimePoint deadline) {
  int64_t pid = 0;
  if (!before.lock_held) {
    if (auto asked = ask_for_pid(endpoint, deadline, pid); !asked.ok()) return asked;
  }
  if (auto asked = ask_to_stop(endpoint, deadline); !asked.ok()) return asked;
  // Not for the lock, which the next hub may have taken at once, where a consumer reconnects.
  if (before.lock_pid > 0) return wait_for_process(before.lock_pid, deadline);
  if (before.lock_held) return wait_for_lock(endpoint, deadline);
  // Only if the hub itself listens: the kernel may also name the service manager that has passed the socket.
  return pid > 0 && pid == before.peer_pid ? wait_for_process(pid, deadline) : ApiResult();
}

}  // namespace

ApiResult hub_stop(const Endpoint& endpoint, Duration patience, bool force, HubEnding& ending) {
  TimePoint deadline = deadline_after(patience);
  HubFacts before = hub_prove(endpoint);
  if (!force) before = wait_until_heard(endpoint, std::move(before), deadline);
  if (before.absent) return {};
  if (!endpoint.explicit_path) {
    if (auto checked = check_own_dir(endpoint.directory); !checked) return result_of(checked.error());
  }
  if (!before.lock_held && before.peer_pid == 0) return unproved_hub(endpoint, before);
  // Checked before asking: we learn of the hub's end by its lock, and only its owner may open that.
  if (before.lock_held && ::access(endpoint.lock.c_str(), R_OK | W_OK) != 0 && errno == EACCES) {
    return {BUSD_DENIED, "the hub at " + printable(endpoint.socket) +
                             " belongs to another user: only that user and root may stop it"};
  }
  ending.ran = true;
  ending.pid = before.lock_pid > 0 ? before.lock_pid : before.peer_pid;
  if (before.peer_pid == 0) {
    if (force) return end_holders(endpoint, true, deadline, ending);
    return {BUSD_TIMED_OUT, unheard_hub(endpoint, before)};
  }
  ApiResult result = ask_and_wait(endpoint, before, deadline);
  bool silent = result.code == BUSD_TIMED_OUT;
  if (result.ok() || (!silent && !before.lock_held)) return result;
  if (force) return end_holders(endpoint, !silent, deadline, ending);
  return silent && !before.lock_held ? unproved_hub(endpoint, before) : result;
}

}  // namespace bus::sdk
