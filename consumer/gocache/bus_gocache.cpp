// bus-gocache: the build cache of the go command, with a limit. options.* is the command line, serve.* answers a go command, prune.*, verify.* and
// report.* do the rest.
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "consumer/cli/exit_code.h"
#include "consumer/cli/output.h"
#include "consumer/cli/program.h"
#include "consumer/gocache/bus_link.h"
#include "consumer/gocache/core/parent.h"
#include "consumer/gocache/lease.h"
#include "consumer/gocache/options.h"
#include "consumer/gocache/private_place.h"
#include "consumer/gocache/prune.h"
#include "consumer/gocache/report.h"
#include "consumer/gocache/serve.h"
#include "consumer/gocache/verify.h"
#include "consumer/gocache/walk.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::gocache {

namespace {

using cli::Console;
using cli::ErrorCode;

constexpr size_t kRows = 10;
constexpr std::chrono::milliseconds kAtOnce{0};
constexpr std::chrono::milliseconds kLongPatience{60'000};
// For the end of a build, which a command may come right behind.
constexpr std::chrono::milliseconds kPatience{3'000};

std::string counted_builds(size_t builds) {
  return builds == 1 ? "a build uses" : std::to_string(builds) + " builds use";
}

// Where the cache is to be; empty: nobody knows.
std::string directory_of(const Options& options) {
  return options.directory.empty() ? default_directory() : options.directory;
}

// By then, what was put last has the age that files are told apart by.
void let_files_age() { std::this_thread::sleep_for(std::chrono::nanoseconds(2 * kClockMarginNs)); }

// What is wrong, without what to do about it in other programs.
std::string without_remedy(const std::string& what) { return what.substr(0, what.find("; ")); }

// ---- as the child of a go command

std::vector<std::string> parents_command_line() {
  std::vector<std::string> out;
  auto text = read_file("/proc/" + std::to_string(::getppid()) + "/cmdline", 65536);
  if (!text) return out;
  for (size_t at = 0, end = 0; (end = text->find('\0', at)) != std::string::npos; at = end + 1)
    out.push_back(text->substr(at, end - at));
  return out;
}

// What a build has to do with, or without.
struct Means {
  std::optional<Place> place;
  std::optional<Lease> lease;
};

Means means_of(const Options& options, const Console& console) {
  Means out;
  const std::string directory = directory_of(options);
  auto go_without = [&](const std::string& why) {
    console.warning("this build goes without a cache: " + why);
    return Means();
  };
  // Each project would have its own, and no shell has replaced a "~".
  if (!options.directory.empty() && options.directory.front() != '/')
    return go_without("--dir must be an absolute path, not " + printable(options.directory) +
                      "; no shell reads GOCACHEPROG");
  if (directory.empty())
    return go_without("neither XDG_CACHE_HOME nor HOME is set; name a directory with --dir");
  auto place = Place::open(directory, options.read_only);
  if (!place && !options.read_only && place.error().code != Errc::denied) {
    // A file system that is read-only, or full.
    if (auto readable = Place::open(directory, true)) {
      console.warning("the cache can only be read: " + place.error().what);
      place = std::move(readable);
    }
  }
  if (!place) return go_without(without_remedy(place.error().what) + "; name another directory with --dir");
  out.place = std::move(*place);
  bool renews = !out.place->read_only();
  if (renews || out.place->own() >= 0) {
    auto lease = Lease::take(*out.place, renews ? wall_ns() : 0);
    if (lease) {
      out.lease = std::move(*lease);
    } else if (renews) {
      // What is handed out could be pruned.
      return go_without(lease.error().what);
    }
  }
  if (!out.place->is_local())
    console.warning(
        "the cache is on another machine's disk: it is not pruned, and builds do not wait for each other");
  return out;
}

// Neither the go command, nor a program that reads its output, must wait for what follows.
void leave_parent() {
  ::setsid();
  int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd : {0, 1, 2}) {
    if (null < 0 || ::dup2(null, fd) < 0) ::close(fd);
  }
}

void look_after(Place& place, const Options& options, const RunRecord& run) {
  int64_t now = wall_ns();
  remove_dead_private_places();
  Limits limits = options.limits(disk_size_of(place));
  News news{place.path(), run, {}, {}, 0};
  bool must_count = run.counts.stored_bytes > 0;
  auto upkeep = Upkeep::begin(place, must_count ? kLongPatience : kAtOnce);
  // What it takes now, the next run finds out.
  if (!upkeep && must_count) Upkeep::forget_size(place);
  if (upkeep) {
    if (must_count) upkeep->add(run.counts.stored_bytes);
    if (upkeep->is_due(limits, now)) {
      let_files_age();
      news.pruned = upkeep->prune(limits, wall_ns());
    } else {
      // What dead runs have left.
      look_at_leases(place, now);
    }
    news.disk_bytes = upkeep->size().disk_bytes;
  }
  if (!options.bus) return;
  for_each_run(place, [&](const RunRecord& each) {
    ++news.totals.runs;
    news.totals.counts.add(each.counts);
  });
  tell_bus(options, news);
}

int serve(const Options& options, const Console& console) {
  if (::isatty(STDIN_FILENO) == 1) {
    return console.error(
        ErrorCode::missing_argument, "without a COMMAND, a go command starts it, and asks it on stdin",
        "go env -w GOCACHEPROG=bus-gocache lets go do that; bus-gocache stats shows what it did");
  }
  // The go command is interrupted, too, and ends its cache when it is ready to.
  for (int signal : {SIGINT, SIGHUP}) ::signal(signal, SIG_IGN);
  std::vector<std::string> parent = parents_command_line();
  RunRecord run;
  run.began_ns = wall_ns();
  run.pid = ::getpid();
  run.parent = short_name(parent);
  Means means = means_of(options, console);
  bool may_write = means.place && !means.place->read_only();
  ServeOptions how;
  how.verbose = options.verbose;
  how.paths_may_escape = paths_may_escape(parent);
  how.say = [&console](const std::string& line) { console.note(line); };
  {
    Serve serve(means.place ? &*means.place : nullptr, means.lease ? &*means.lease : nullptr, std::move(how));
    serve.run(0, 1);
    run.counts = serve.counts();
    run.ended_ns = wall_ns();
    // Before the go command goes on, so that its run can be seen right behind it.
    bool was_asked = run.counts.gets + run.counts.puts + run.counts.refused > 0;
    if (may_write && was_asked) note_run(*means.place, run);
    leave_parent();
  }
  means.lease.reset();
  if (may_write) look_after(*means.place, options, run);
  return cli::kDone;
}

// ---- commands

int print(const std::string& text, const Console& console) {
  cli::Output output(STDOUT_FILENO);
  cli::Written written = output.text(text);
  if (written == cli::Written::ok) written = output.flush();
  if (written == cli::Written::ok || written == cli::Written::closed) return cli::kDone;
  return console.error(ErrorCode::output_failed, "cannot write to stdout");
}

int failed(const Error& error, const Console& console) {
  cli::Error said = cli::error_of(ErrorCode::failed, error.what);
  if (error.code == Errc::denied) {
    said = cli::error_of(ErrorCode::denied, without_remedy(error.what));
    said.hint = "name another directory with --dir";
  }
  if (error.code == Errc::busy) said = cli::error_of(ErrorCode::busy, error.what);
  if (error.code == Errc::unavailable) {
    said.message = "there is no cache: " + error.what;
    said.hint = "a build makes one: go env -w GOCACHEPROG=bus-gocache; --dir names another";
    said.exit = cli::kUnreachable;
  }
  return console.error(said);
}

// A cache that is there. It is made by builds only.
Result<Place> existing_place(const Options& options, bool read_only) {
  std::string directory = directory_of(options);
  if (directory.empty())
    return Error{Errc::unavailable, "neither XDG_CACHE_HOME nor HOME is set; name a directory with --dir"};
  auto place = Place::open(directory, true);
  if (place && !place->is_cache())
    return Error{Errc::unavailable, "directory " + printable(place->path()) + " has none"};
  if (!place || read_only) return place;
  return Place::open(directory, false);
}

int stats(const Options& options, const Console& console) {
  auto place = existing_place(options, true);
  if (!place) return failed(place.error(), console);
  size_t rows = options.rows.value_or(kRows);
  Limits limits = options.limits(disk_size_of(*place));
  Statistics statistics = statistics_of(*place, rows);
  Upkeep::Size size = Upkeep::size_of(*place);
  return print(options.json ? stats_json(*place, statistics, size, limits)
                            : stats_text(*place, statistics, size, limits, rows),
               console);
}

int top(const Options& options, const Console& console) {
  auto place = existing_place(options, true);
  if (!place) return failed(place.error(), console);
  Inventory inventory = inventory_of(*place, options.rows.value_or(kRows));
  return print(options.json ? top_json(inventory) : top_text(inventory, wall_ns()), console);
}

int prune(const Options& options, const Console& console) {
  auto place = existing_place(options, false);
  if (!place) return failed(place.error(), console);
  if (!place->is_local())
    return console.error(ErrorCode::refused,
                         "the cache is on another machine's disk, where builds that use it cannot be seen");
  auto upkeep = Upkeep::begin(*place, kPatience);
  if (!upkeep) return failed(upkeep.error(), console);
  let_files_age();
  Upkeep::Pruned pruned = upkeep->prune(options.limits(disk_size_of(*place)), wall_ns());
  if (options.json) return print(json_of(pruned) + "\n", console);
  std::string text = "removed " + std::to_string(pruned.files) + " files, " + bytes_text(pruned.disk_bytes) +
                     "; the cache takes " + bytes_text(pruned.left_bytes) + " in " +
                     std::to_string(pruned.left_files) + " files\n";
  if (pruned.held_by_builds) text += "more may go when the builds that use the cache have ended\n";
  if (pruned.held_by_paths) text += "more may go tomorrow: its paths were printed, by go list or its kind\n";
  return print(text, console);
}

int verify(const Options& options, const Console& console) {
  auto place = existing_place(options, options.read_only);
  if (!place) return failed(place.error(), console);
  auto verified = verify(*place);
  if (!verified) return failed(verified.error(), console);
  bool is_fine = verified->damaged.empty() && verified->broken.empty();
  std::string text;
  if (options.json) {
    ObjectWriter writer(text);
    writer.number("outputs", verified->outputs);
    writer.number("entries", verified->entries);
    writer.texts("damaged", verified->damaged);
    writer.texts("broken", verified->broken);
    writer.number("removed", verified->removed);
    writer.end();
    text += '\n';
  } else {
    for (const std::string& name : verified->damaged)
      text += name + " has other bytes than it was put with\n";
    for (const std::string& name : verified->broken) text += name + " leads to no whole output\n";
    text += std::to_string(verified->outputs) + " outputs and " + std::to_string(verified->entries) +
            " entries: " +
            (is_fine              ? std::string("all are whole\n")
             : place->read_only() ? std::string("nothing was removed (--read-only)\n")
                                  : std::to_string(verified->removed) + " damaged files were removed\n");
  }
  int code = print(text, console);
  if (code != cli::kDone) return code;
  return is_fine ? cli::kDone : cli::kDamaged;
}

int clear(const Options& options, const Console& console) {
  auto place = existing_place(options, false);
  if (!place) return failed(place.error(), console);
  auto upkeep = Upkeep::begin(*place, kPatience);
  if (!upkeep) return failed(upkeep.error(), console);
  if (size_t living = look_at_leases(*place, wall_ns()).living; living > 0) {
    cli::Error error = cli::error_of(ErrorCode::busy, counted_builds(living) + " the cache");
    error.hint = "clear it when they have ended; prune --max-size leaves what they need";
    return console.error(error);
  }
  let_files_age();
  Upkeep::Pruned cleared = upkeep->clear(wall_ns());
  if (options.json) return print(json_of(cleared) + "\n", console);
  return print(
      "removed " + std::to_string(cleared.files) + " files, " + bytes_text(cleared.disk_bytes) + "\n",
      console);
}

int act(Options& options, Console& console) {
  if (auto error = combination_fault(options)) return console.error(*error);
  switch (options.which()) {
    case Verb::serve:
      return serve(options, console);
    case Verb::stats:
      return stats(options, console);
    case Verb::top:
      return top(options, console);
    case Verb::prune:
      return prune(options, console);
    case Verb::verify:
      return verify(options, console);
    case Verb::clear:
      return clear(options, console);
  }
  return cli::kInternal;
}

const cli::Program<Options> kProgram{"bus-gocache", kAbout, kNotes, declare, act};

}  // namespace

}  // namespace bus::gocache

// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) { return bus::gocache::kProgram.run(argc, argv); }
