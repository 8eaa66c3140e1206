// bus-sources: runs supervised sources. Reads its options, and joins the parts: lock, loop, processes, supervisor.
#include <csignal>
#include <cstdlib>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/resource.h>
#include <utility>
#include <vector>

#include "consumer/cli/exit_code.h"
#include "consumer/cli/program.h"
#include "consumer/sources/check.h"
#include "consumer/sources/places.h"
#include "consumer/sources/processes.h"
#include "consumer/sources/spare_descriptors.h"
#include "consumer/sources/supervisor.h"
#include "protocol/base/file.h"
#include "protocol/base/last_word.h"
#include "protocol/base/lock_holder.h"
#include "protocol/event/signal_watch.h"
#include "protocol/sources_place.h"

namespace bus::sources {

namespace {

constexpr const char* kAbout =
    R"(Examples:
  bus-sources                     run the sources in ~/.config/busd/sources.d
  bus-sources --dir ./sources.d   run those in another directory
  bus-sources --check             judge all files, and run nothing

Runs programs that print lines as sources of the bus: an executable NAME in the directory is the
source NAME. It runs while somebody listens to it, is started again when it fails, and is stopped
with everything that it has started. bus-source lists, starts and stops them.)";

constexpr const char* kNotes =
    R"(A hub that is started on demand starts bus-sources when the default directory has sources. It starts
no hub itself: it waits for one, and ends when its hub ends in order. SIGHUP makes it look at the
directories again, which it also does when they change. A second one for the same bus ends at once
and says who serves.

The default directory is /etc/busd/sources.d for the system's bus, else sources.d (for a bus that is
not named "bus": NAME.sources.d) in $XDG_CONFIG_HOME/busd or ~/.config/busd. Files are described in
bus-sources(5).

Exit status: 0 ended by a signal or with its hub, or another one serves, or --check found nothing
wrong; 64 usage, or --check found faults; 70 internal error, or the program that starts sources is
missing, or --leftovers could not end everything; 77 permission, also to serve the hub.)";

struct Options {
  std::vector<std::string> directories;
  std::string state;
  std::string run;
  bool check = false;
  bool leftovers = false;
  bool quiet = false;
  cli::Place place;
};

void declare(cli::CommandLine& line, Options& options) {
  line.option("--dir", "DIR", options.directories, "Directory with sources; may be repeated");
  line.option("--state", "DIR", options.state, "Where it is noted which sources are disabled");
  line.option("--run", "DIR", options.run, "Where the lock and the record are (default: beside the socket)");
  auto check = line.flag("--check", options.check,
                         "Judge all files, say every fault with file and line, and run nothing");
  line.flag("--leftovers", options.leftovers, "End what a killed bus-sources has left running, and exit")
      .excludes(check);
  line.flag("-q,--quiet", options.quiet, "Print only errors and faults");
  line.accept_no_start();
  line.add_place(options.place);
}

const char* variable(const char* name) { return std::getenv(name); }

cli::ErrorCode code_of(Errc code) {
  switch (code) {
    case Errc::denied:
      return cli::ErrorCode::denied;
    case Errc::invalid:
    case Errc::too_long:
      return cli::ErrorCode::bad_value;
    default:
      return cli::ErrorCode::failed;
  }
}

int fail(const cli::Console& console, const Error& error) {
  return console.error(cli::error_of(code_of(error.code), error.what));
}

// What is given, else the default; made absolute, because sources are started elsewhere.
Result<std::vector<std::string>> directories_of(const Options& options, const Endpoint& endpoint) {
  if (options.directories.empty()) {
    BUSD_ASSIGN(std::string directory, sources_directory(endpoint, variable));
    return std::vector<std::string>{std::move(directory)};
  }
  std::vector<std::string> all;
  for (std::string directory : options.directories) {
    while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
    if (char* real = ::realpath(directory.c_str(), nullptr); real != nullptr) {
      directory = real;
      std::free(real);  // NOLINT(cppcoreguidelines-no-malloc): realpath(3)'s
    } else if (!directory.starts_with('/')) {
      return Error{Errc::invalid, "--dir " + directory + ": there is no such directory"};
    }
    all.push_back(std::move(directory));
  }
  return all;
}

// A source has up to five descriptors here.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  bool has_some_to_spare = limit.rlim_max > 2 * kSpareDescriptors;
  limit.rlim_cur = limit.rlim_max - (has_some_to_spare ? kSpareDescriptors : 0);
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

// The lock, or who holds it. When a bus-sources is killed while it starts a process, that one holds the lock until it
// executes its program, for a moment, and is no owner.
Result<Fd> lock_for_us(const std::string& path, int64_t& holder) {
  constexpr int kTries = 100;
  constexpr int kTriesOfOwner = 5;
  constexpr int kPauseMs = 10;
  for (int tries = 1;; ++tries) {
    auto lock = try_lock_file(path);
    if (lock || lock.error().code != Errc::busy) return lock;
    int64_t before = std::exchange(holder, inspect_lock(path).pid);
    bool is_owner = holder > 0 && holder == before && tries >= kTriesOfOwner;
    if (is_owner || tries == kTries) return lock;
    ::poll(nullptr, 0, kPauseMs);
  }
}

// The lock; else `code` is the exit status.
std::optional<Fd> take_lock(const RunFiles& files, const Endpoint& endpoint, const cli::Console& console,
                            int& code) {
  int64_t holder = 0;
  auto lock = lock_for_us(files.lock, holder);
  if (lock) return std::move(*lock);
  if (lock.error().code == Errc::busy) {
    console.note((holder > 0 ? "pid " + std::to_string(holder) : std::string("another process")) +
                 " serves the sources of " + endpoint.socket);
  } else {
    code = fail(console, lock.error());
  }
  return std::nullopt;
}

// Whoever has the lock meanwhile has ended them.
int end_leftovers(const Options& options, const Endpoint& endpoint, const cli::Console& console) {
  RunFiles files = run_files(endpoint, options.run);
  int code = cli::kDone;
  auto lock = take_lock(files, endpoint, console, code);
  if (!lock) return code;
  for (const std::string& complaint : clean_up(files.record))
    code = console.error(cli::ErrorCode::failed, complaint);
  return code;
}

int serve(const Options& options, const Endpoint& endpoint, std::vector<std::string> directories,
          cli::Console& console) {
  std::string state = options.state.empty() ? state_directory(endpoint, variable) : options.state;
  RunFiles files = run_files(endpoint, options.run);
  int code = cli::kDone;
  auto lock = take_lock(files, endpoint, console, code);
  if (!lock) return code;
  raise_descriptor_limit();
  auto loop = Loop::create();
  if (!loop) return fail(console, loop.error());
  auto processes = Processes::create(**loop, {.record = files.record});
  if (!processes) return fail(console, processes.error());
  Supervisor::Settings settings{endpoint, std::move(directories), options.directories.empty(),
                                std::move(state), options.run.empty()};
  {
    Supervisor supervisor(**loop, **processes, std::move(settings),
                          {[&console](const std::string& text) { console.note(text); },
                           [&console](const std::string& text) { console.warning(text); }});
    SignalWatch on_term(**loop, SIGTERM, [&] { supervisor.end("SIGTERM"); });
    SignalWatch on_int(**loop, SIGINT, [&] { supervisor.end("SIGINT"); });
    SignalWatch on_hup(**loop, SIGHUP, [&] { supervisor.look_again(); });
    (*loop)->on_end_of_turn([&] { supervisor.end_of_turn(); });
    supervisor.begin();
    (*loop)->run();
    (*loop)->on_end_of_turn(nullptr);
    if (supervisor.failure()) return fail(console, *supervisor.failure());
  }
  return cli::kDone;
}

int act(Options& options, cli::Console& console) {
  console.set_quiet(options.quiet);
  auto endpoint = resolve_endpoint({options.place.socket, options.place.bus}, variable);
  if (!endpoint) return fail(console, endpoint.error());
  if (options.leftovers) return end_leftovers(options, *endpoint, console);
  auto directories = directories_of(options, *endpoint);
  if (!directories) return fail(console, directories.error());
  if (options.check) return check_directories(*directories, options.directories.empty(), console);
  return serve(options, *endpoint, std::move(*directories), console);
}

constexpr cli::Program<Options> kProgram{"bus-sources", kAbout, kNotes, declare, act};

}  // namespace

}  // namespace bus::sources

[[gnu::constructor(101)]] static void watch_memory() { bus::end_when_memory_is_out("bus-sources"); }

int main(int argc, char** argv) { return bus::sources::kProgram.run(argc, argv); }
