#include "consumer/src/hub_control.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <utility>
#include <variant>

#include "consumer/src/autostart.h"
#include "consumer/src/connection.h"
#include "consumer/src/start_lock.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"
#include "protocol/base/unix_socket.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/line_reader.h"

namespace bus::sdk {

namespace {

// After SIGKILL, the time the kernel is given to end a process and to free its lock.
constexpr seconds kKillPatience{5};

constexpr size_t kMaxLocksFileBytes = 4'194'304;

TimePoint deadline_after(Duration patience) {
  return patience >= std::chrono::hours(876'000) ? kNever : now() + patience;
}

// A connection on which one frame was sent; every line that comes back goes to `on_line` until it answers
// true.
template <class OnLine>
Verdict ask(const Endpoint& endpoint, const Message& question, TimePoint deadline, OnLine on_line) {
  auto socket = connect_hub(endpoint, deadline == kNever ? now() + std::chrono::hours(1) : deadline);
  if (!socket) return verdict_of(socket.error());
  auto connection = Connection::create();
  if (!connection) return verdict_of(connection.error());
  if (auto attached = connection->attach(std::move(*socket)); !attached) return verdict_of(attached.error());
  connection->queue(encode(question));
  LineReader reader;
  for (;;) {
    connection->send_pending();
    std::string_view chunk;
    std::string why;
    Connection::Read got = connection->read(chunk, why);
    if (got == Connection::Read::end) return {BUSD_CLOSED, why};
    if (got == Connection::Read::nothing) {
      if (now() >= deadline) {
        return {BUSD_TIMED_OUT,
                "the hub at " + quoted(endpoint.socket) + " accepts connections but does not answer"};
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

Verdict refusal_of(const ErrorMessage& error) {
  busd_result result =
      error.code == ErrorCode::denied || error.code == ErrorCode::not_allowed ? BUSD_DENIED : BUSD_REJECTED;
  return {result, "the hub says: " + error.message};
}

std::optional<ErrorMessage> error_in(std::string_view line) {
  Decoded decoded = decode(line);
  const Message* message = std::get_if<Message>(&decoded);
  const ErrorMessage* error = message == nullptr ? nullptr : std::get_if<ErrorMessage>(message);
  if (error == nullptr) return std::nullopt;
  return *error;
}

bool is_status_response(std::string_view line) {
  Decoded decoded = decode(line);
  const Message* message = std::get_if<Message>(&decoded);
  return message != nullptr && std::holds_alternative<StatusResponse>(*message);
}

template <class Number>
std::optional<Number> number_of(std::string_view text, int base) {
  Number value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view next_word(std::string_view& text) {
  size_t begin = std::min(text.find_first_not_of(' '), text.size());
  size_t end = std::min(text.find(' ', begin), text.size());
  std::string_view word = text.substr(begin, end - begin);
  text.remove_prefix(end);
  return word;
}

// The pid in a line of /proc/locks (proc(5)) if it is an flock held on `file`:
//   1: FLOCK  ADVISORY  WRITE 708 fe:01:1234 0 EOF
std::optional<int64_t> flock_holder(std::string_view line, const struct stat& file) {
  next_word(line);
  if (next_word(line) != "FLOCK") return std::nullopt;  // "->" there: one who waits
  next_word(line);
  next_word(line);
  auto pid = number_of<int64_t>(next_word(line), 10);
  std::string_view where = next_word(line);
  size_t first = where.find(':');
  size_t second = where.rfind(':');
  if (!pid || first == std::string_view::npos || first == second) return std::nullopt;
  auto device_major = number_of<unsigned>(where.substr(0, first), 16);
  auto device_minor = number_of<unsigned>(where.substr(first + 1, second - first - 1), 16);
  auto inode = number_of<uint64_t>(where.substr(second + 1), 10);
  if (device_major != major(file.st_dev) || device_minor != minor(file.st_dev) || inode != file.st_ino)
    return std::nullopt;
  return pid;
}

void inspect_lock(const std::string& path, HubFacts& facts) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) return;
  auto locks = read_file("/proc/locks", kMaxLocksFileBytes);
  std::string_view rest = locks ? std::string_view(*locks) : std::string_view();
  while (!rest.empty() && !facts.lock_held) {
    size_t end = std::min(rest.find('\n'), rest.size());
    if (auto pid = flock_holder(rest.substr(0, end), file)) {
      facts.lock_held = true;
      facts.lock_pid = std::max<int64_t>(*pid, 0);
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (facts.lock_held) return;
  // Not every lock is listed: not one from another pid namespace, and some file systems name another device.
  // A shared lock, held for no time, tells; a hub that wants the lock in that moment tries again. The lock of
  // another user's hub cannot be opened.
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  facts.lock_held = fd && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

Verdict ask_to_stop(const Endpoint& endpoint, TimePoint deadline) {
  std::optional<ErrorMessage> refused;
  Verdict verdict = ask(endpoint, Shutdown{}, deadline, [&refused](std::string_view line) {
    refused = error_in(line);
    return refused.has_value();
  });
  if (refused) return refusal_of(*refused);
  // The end of file is the answer.
  if (verdict.result == BUSD_CLOSED || verdict.result == BUSD_UNREACHABLE) return {};
  return verdict;
}

Verdict wait_for_lock(const Endpoint& endpoint, TimePoint deadline) {
  auto lock = lock_file_until(endpoint.lock, deadline);
  if (lock) return {};
  Verdict verdict = verdict_of(lock.error());
  if (verdict.result == BUSD_TIMED_OUT)
    verdict.message = "the hub did not stop in time: it still holds " + quoted(endpoint.lock);
  return verdict;
}

// A hub that lives, but whose socket is gone: nobody can ask it anything.
std::string unheard_hub(const Endpoint& endpoint, const HubFacts& facts) {
  std::string pid = std::to_string(facts.lock_pid);
  return (facts.lock_pid > 0 ? "pid " + pid : "a process") + " holds " + quoted(endpoint.lock) +
         ", but nobody listens at " + quoted(endpoint.socket) + ": not killed" +
         (facts.lock_pid > 0 ? "; to end it: kill " + pid : "");
}

// Kills the process that listens on the socket and holds the lock. The pidfd comes first: as long as the
// facts hold after it was opened, it cannot mean a later process with the same number.
Verdict kill_hub(const Endpoint& endpoint) {
  HubFacts before = hub_inspect(endpoint);
  int64_t pid = before.peer_pid;
  if (pid <= 0) return {BUSD_TIMED_OUT, unheard_hub(endpoint, before)};
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0U)));
  if (!process && errno != ESRCH)
    return verdict_of(errno_error("open process " + std::to_string(pid), errno));
  HubFacts facts = hub_inspect(endpoint);
  if (!facts.lock_held) return {};
  if (!process || facts.peer_pid != pid || facts.lock_pid != pid) {
    return {BUSD_TIMED_OUT, "the kernel names pid " + std::to_string(facts.peer_pid) +
                                " as the listener and pid " + std::to_string(facts.lock_pid) +
                                " as the lock's holder: not killed"};
  }
  if (::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0U) != 0 && errno != ESRCH) {
    return verdict_of(errno_error("kill process " + std::to_string(pid), errno));
  }
  return wait_for_lock(endpoint, now() + kKillPatience);
}

}  // namespace

Verdict hub_status(const Endpoint& endpoint, Duration patience, std::string& response) {
  std::optional<ErrorMessage> refused;
  Verdict verdict = ask(endpoint, StatusQuery{}, deadline_after(patience), [&](std::string_view line) {
    if (is_status_response(line)) {
      response = line;
      return true;
    }
    refused = error_in(line);
    return refused.has_value();
  });
  if (refused) return refusal_of(*refused);
  if (verdict.result == BUSD_CLOSED)
    verdict = Verdict(BUSD_PROTOCOL, "it closed the connection without a status");
  return verdict;
}

HubFacts hub_inspect(const Endpoint& endpoint) {
  HubFacts facts;
  struct stat at_path {};
  facts.socket_exists = ::lstat(endpoint.socket.c_str(), &at_path) == 0 && S_ISSOCK(at_path.st_mode);
  inspect_lock(endpoint.lock, facts);
  if (!facts.socket_exists) return facts;
  auto socket = connect_unix(endpoint.socket, milliseconds(100));
  if (!socket) return facts;
  // A status query is no activity (PROTOCOL.md 4): looking at a hub does not keep it from leaving for lack of
  // use.
  std::string query = encode(StatusQuery{});
  (void)::send(socket->get(), query.data(), query.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  auto peer = peer_credentials(socket->get());
  if (!peer) return facts;
  facts.peer_pid = peer->pid;
  facts.peer_uid = peer->uid;
  return facts;
}

Verdict hub_stop(const Endpoint& endpoint, Duration patience, bool force) {
  TimePoint deadline = deadline_after(patience);
  HubFacts before = hub_inspect(endpoint);
  if (!before.lock_held && before.peer_pid == 0) return {};
  if (!endpoint.explicit_path) {
    if (auto checked = check_private_dir(endpoint.directory); !checked) return verdict_of(checked.error());
  }
  // Before it is asked: by the lock, which is its owner's, its end is seen.
  if (before.lock_held && ::access(endpoint.lock.c_str(), R_OK | W_OK) != 0 && errno == EACCES) {
    return {BUSD_DENIED, "the hub at " + quoted(endpoint.socket) + " is another user's: not ours to stop"};
  }
  Verdict verdict = before.peer_pid == 0 ? Verdict() : ask_to_stop(endpoint, deadline);
  if (verdict.ok()) verdict = wait_for_lock(endpoint, deadline);
  if (verdict.result == BUSD_TIMED_OUT && force) return kill_hub(endpoint);
  if (verdict.result == BUSD_TIMED_OUT && before.peer_pid == 0)
    verdict.message = unheard_hub(endpoint, before);
  return verdict;
}

}  // namespace bus::sdk
