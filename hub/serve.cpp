#include "hub/serve.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/access.h"
#include "hub/daemon.h"
#include "hub/effect.h"
#include "hub/instance_lock.h"
#include "hub/passed_socket.h"
#include "hub/process_limits.h"
#include "hub/source_keeper.h"
#include "hub/value_place.h"
#include "hub/value_store.h"
#include "protocol/base/file.h"
#include "protocol/base/lock_holder.h"
#include "protocol/base/signals.h"
#include "protocol/base/strings.h"
#include "protocol/limits.h"

namespace bus::hub {

namespace {

// The holder of the lock may be about to end (PROTOCOL.md 8).
constexpr Duration kLockPatience = seconds(2);

const char* variable(const char* name) { return std::getenv(name); }

// Lowers what was asked for to what the limit of open files leaves.
Result<size_t> raise_connections(size_t wanted, Log& log) {
  size_t descriptors = raise_descriptor_limit();
  BUSD_ASSIGN(size_t now, fitting_connections(wanted, descriptors));
  if (now < wanted) {
    log.write(LogLevel::warning, "max-connections is lowered to what the limit of open files allows",
              {{"wanted", wanted}, {"now", now}, {"limit", descriptors}});
  }
  return now;
}

Result<void> fill_random(uint64_t (&key)[2]) {
  ssize_t got = 0;
  do {
    got = ::getrandom(key, sizeof key, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return errno_error("getrandom", errno);
  // It gives less than asked for only of more than 256 bytes (getrandom(2)).
  BUSD_CHECK(got == sizeof key);
  return {};
}

Result<HubConfig> config_of(const Options& options, const Endpoint& endpoint, size_t max_connections) {
  HubConfig config;
  config.pid = ::getpid();
  config.uid = ::geteuid();
  config.version = BUSD_VERSION;
  config.bus = endpoint.name;
  config.socket = endpoint.socket;
  config.queue = options.queue;
  config.max_connections = max_connections;
  config.memory = options.memory;
  config.uid_share_percent = options.uid_share_percent;
  config.dedup_window = options.dedup_window;
  config.cleanup_timeout = options.cleanup_timeout;
  config.idle_exit = options.idle_exit.value_or(Duration::max());
  config.allow_uids = options.allow_uids;
  config.allow_gids = options.allow_gids;
  config.announce = options.announce;
  config.open_calls = options.open_calls;
  config.waiting_calls = options.waiting_calls;
  config.sources_uid = options.sources_uid;
  config.values = has_values(options);
  config.value_limits = options.value_limits;
  BUSD_TRY(fill_random(config.hash_key));
  uint64_t start[2] = {0, 0};
  BUSD_TRY(fill_random(start));
  std::array<char, 16> digits{};
  config.start_id.assign(digits.data(), std::to_chars(digits.begin(), digits.end(), start[0], 36).ptr);
  return config;
}

Result<ValueSeeds> value_seeds() {
  ValueSeeds out;
  BUSD_TRY(fill_random(out.hash_key));
  uint64_t epoch[2] = {0, 0};
  BUSD_TRY(fill_random(epoch));
  out.fresh_epoch = std::max<uint64_t>(epoch[0], 1);
  return out;
}

// Signals that end the hub wait until it can end in order: from before it owns anything until the loop
// watches for them. Never undone where it does not come to that, because the process ends.
void hold_signals(int how) {
  sigset_t ends;
  ::sigemptyset(&ends);
  for (int number : {SIGTERM, SIGHUP}) ::sigaddset(&ends, number);
  // An ignored signal that is blocked would wait, too, and then end the hub.
  if (!is_ignored(SIGINT)) ::sigaddset(&ends, SIGINT);
  ::sigprocmask(how, &ends, nullptr);
}

// The socket that was passed, in a directory where it may be served; nothing when none was.
Result<Fd> passed_socket(const Starter& starter, const Endpoint& endpoint, const Access& access) {
  if (!starter.passed_socket) {
    BUSD_TRY(ensure_directory(endpoint.directory, access));
    return Fd();
  }
  BUSD_ASSIGN(Fd passed, adopt_passed_socket(kFirstPassedFd, endpoint.socket, kListenBacklog));
  BUSD_TRY(check_passed_dir(endpoint.directory));
  return passed;
}

Result<InstanceLock> take_lock(const Starter& starter, const Endpoint& endpoint) {
  auto lock = InstanceLock::acquire(endpoint, kLockPatience);
  if (lock || !starter.passed_socket) return lock;
  // Nobody else can be asked at this socket: it is ours to serve.
  if (lock.error().code == Errc::busy) {
    lock.error().what += ", which serves a socket that stood at " + printable(endpoint.socket) +
                         " before the one that was passed: stop it, and start again";
  }
  if (lock.error().code == Errc::denied) {
    lock.error().what += "; beside a passed socket too the hub keeps its lock: let it write to " +
                         printable(endpoint.directory) + " (RuntimeDirectory= of its unit)";
  }
  return lock;
}

// To the log, and to stderr where that is not the log and somebody may look at it.
void warn(const std::string& text, const Options& options, Log& log) {
  log.write(LogLevel::warning, text);
  if (!options.log_file.empty() && options.ready_fd < 0) say_note(text);
}

Result<void> run(const Options& options, const Endpoint& endpoint, Starter& starter, Fd listening, Log& log) {
  BUSD_ASSIGN(InstanceLock lock, take_lock(starter, endpoint));
  BUSD_ASSIGN(size_t max_connections, raise_connections(options.max_connections, log));
  warn_of_limits(options.memory, log);
  BUSD_ASSIGN(std::unique_ptr<Loop> loop, Loop::create());
  BUSD_ASSIGN(HubConfig config, config_of(options, endpoint, max_connections));
  if (listening) {
    BUSD_TRY(lock.keep_passed_socket());
  } else {
    lock.set_access(access_of(options, endpoint));
    BUSD_ASSIGN(listening, lock.put_up_socket(kListenBacklog));
  }
  for (const std::string& text : without_effect(options, endpoint, starter.passed_socket))
    warn(text, options, log);
  BUSD_ASSIGN(ValuePlace place, value_place(options, endpoint, variable));
  std::optional<ValueStore> values;
  if (place.serves) values.emplace(*loop, log);
  BUSD_ASSIGN(ValueSeeds seeds, value_seeds());
  Daemon daemon(*loop, std::move(config), std::move(listening), lock, starter.manager, log);
  if (values) daemon.keep_values(*values, values->open(place, seeds));
  hold_signals(SIG_UNBLOCK);
  log.write(LogLevel::info, "serving",
            {{"socket", endpoint.socket}, {"pid", ::getpid()}, {"version", std::string_view(BUSD_VERSION)}});
  starter.readiness.ready();
  std::optional<SourceKeeper> sources;
  if (options.run_sources) {
    sources.emplace(*loop, endpoint, log);
    daemon.on_reload([&] { sources->look_again(); });
  }
  daemon.run();
  sources.reset();
  // While the lock is held: nobody else's socket can stand there. One that was passed stays.
  lock.take_down_socket();
  // Nobody else may open it before.
  if (values) values->finish();
  log.write(LogLevel::info, "stopped");
  return {};
}

// Why a hub that holds the lock does not answer, as far as its socket shows, and what to do about it.
std::string diagnose(const Endpoint& endpoint, const std::string& pid, const Error& silence) {
  std::string holder = (pid.empty() ? "a process" : "pid " + pid) + " holds " + printable(endpoint.lock);
  // A process that is stopped does not take the SIGTERM of a plain kill; this ends it all the same.
  std::string remedy = pid.empty() ? "to find it: fuser " + endpoint.lock
                                   : "bus-stop --force --socket " + endpoint.socket + " ends it";
  struct stat there {};
  if (::lstat(endpoint.socket.c_str(), &there) != 0) {
    return holder + ", but there is no socket at " + printable(endpoint.socket) +
           ": the socket was removed under a running hub; " + remedy;
  }
  if (!S_ISSOCK(there.st_mode)) {
    return holder + ", but what stands at " + printable(endpoint.socket) +
           " is no socket: the socket was replaced under a running hub; move that away; " + remedy;
  }
  if (silence.code == Errc::unavailable) {
    return holder + ", but nobody listens at " + printable(endpoint.socket) +
           ": the socket was replaced under a running hub; " + remedy;
  }
  return holder + " but does not answer (" + silence.what + "); " + remedy;
}

// Somebody else holds the lock or the socket. Whoever started us wants a hub, and there is one, if it
// answers.
ExitCode yield_to_other(const Options& options, const Endpoint& endpoint, const Error& obstacle,
                        Readiness& readiness, const ErrorOutput& output) {
  auto other = answering_hub(endpoint.socket, kStatusTimeout);
  if (other) {
    say_note("pid " + std::to_string(*other) + " serves " + endpoint.socket);
    if (options.ready_fd < 0 && changes_settings(options)) say_note(kOthersSettings);
    readiness.ready();
    return kExitDone;
  }
  auto holder = read_file(endpoint.lock, 64);
  std::string pid = holder ? holder->substr(0, holder->find('\n')) : "";
  if (!parse_u64(pid)) pid.clear();
  // The lock was ours if it names us: then the socket was the obstacle.
  bool lock_was_free = pid == std::to_string(::getpid());
  // Anybody else must be named by the kernel: the text may be of a process that is long gone.
  int64_t named = inspect_lock(endpoint.lock).pid;
  pid = named > 0 ? std::to_string(named) : "";
  std::string reason = lock_was_free ? obstacle.what + ", and does not answer (" + other.error().what + ")"
                                     : diagnose(endpoint, pid, other.error());
  readiness.failed(output.say(report_of({Errc::busy, reason})));
  return kExitBusy;
}

// Whether `directory` is `parent` or below it.
bool is_within(const std::string& directory, const std::string& parent) {
  return directory == parent || directory.starts_with(parent + "/");
}

}  // namespace

std::optional<ErrorReport> start_trouble(const Options& options, const Endpoint& endpoint) {
  Access access = access_of(options, endpoint);
  auto creates = try_directory(endpoint.directory, access);
  if (!creates) return report_of(creates.error());
  // The directory that is made for the socket is there when the log is opened.
  bool log_in_new = *creates && is_within(endpoint.directory, parent_dir(options.log_file));
  if (!options.log_file.empty() && !log_in_new) {
    if (auto log = try_open_append(options.log_file); !log) return log_file_report(log.error());
  }
  if (auto fits = fitting_connections(options.max_connections, most_descriptors()); !fits)
    return report_of(fits.error());
  if (*creates) return std::nullopt;
  if (auto lock = try_open_lock(endpoint.lock); !lock) return report_of(lock.error());
  if (auto socket = try_put_up(endpoint.socket); !socket) return report_of(socket.error());
  if (auto opened = try_open_socket(endpoint.socket, access); !opened) return report_of(opened.error());
  return std::nullopt;
}

ExitCode serve(const Options& options, const Endpoint& endpoint, Starter starter, const ErrorOutput& output) {
  Log log(options.log_level);
  auto fail = [&](const ErrorReport& error) {
    starter.readiness.failed(output.say(error));
    return static_cast<ExitCode>(error.exit);
  };
  hold_signals(SIG_BLOCK);
  auto listening = passed_socket(starter, endpoint, access_of(options, endpoint));
  if (!listening) return fail(report_of(listening.error()));
  if (!options.log_file.empty()) {
    if (auto opened = log.open_file(options.log_file); !opened) return fail(log_file_report(opened.error()));
  }
  auto done = run(options, endpoint, starter, std::move(*listening), log);
  if (done || done.error().code == Errc::closed) return kExitDone;
  if (done.error().code == Errc::busy && !starter.passed_socket)
    return yield_to_other(options, endpoint, done.error(), starter.readiness, output);
  return fail(report_of(done.error()));
}

}  // namespace bus::hub
