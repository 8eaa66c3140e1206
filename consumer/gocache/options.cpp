#include "consumer/gocache/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <initializer_list>
#include <string_view>

#include "consumer/cli/exit_code.h"
#include "consumer/cli/text.h"
#include "consumer/cli/verb_fault.h"
#include "protocol/base/strings.h"

namespace bus::gocache {

const char* const kAbout =
    R"(Examples:
  go env -w GOCACHEPROG=bus-gocache     let every build of yours use it (Go 1.24 and later)
  GOCACHEPROG='bus-gocache -v' go build ./...
                                        use it for one build, and see each request
  bus-gocache stats                     what the builds of the last days got from it
  bus-gocache top                       what takes the room
  bus-gocache prune --max-size 5GiB     make room now

The cache of the go command, with a limit. Without a COMMAND it answers a go command that has
started it. Whatever happens to the cache, no build fails: what it cannot give is a miss.)";

const char* const kNotes =
    R"(DIR holds the same files as the go command's own cache, and may be that directory: go env GOCACHE
names it. It must be yours, and nobody else may write to it.

When a build has ended, and not before, what was not used for the longest time is removed, until the
cache keeps to its limits; nothing goes that a running build was given, nor what go list has printed
within a day. A size N is a whole number with KiB, MiB, GiB or TiB, or with % a part of the disk. A
time D is a whole number with s, m, h or d.

Exit status: 0 done; 1 verify found damage; 64 usage; 69 there is no such directory; 70 internal
error, or stdout broke; 75 a build uses the cache, or another bus-gocache prunes it; 77 permission;
129/130/143 ended by SIGHUP/SIGINT/SIGTERM.)";

namespace {

struct NamedVerb {
  const char* name;
  Verb which;
  std::initializer_list<std::string_view> mistaken;  // what other programs call it
};

const std::array<NamedVerb, 5> kVerbs = {{
    {"stats", Verb::stats, {"status", "stat", "show", "info"}},
    {"top", Verb::top, {"list", "ls", "du", "largest"}},
    {"prune", Verb::prune, {"trim", "gc", "clean", "cleanup", "evict"}},
    {"verify", Verb::verify, {"check", "fsck", "repair"}},
    {"clear", Verb::clear, {"reset", "delete", "purge", "rm", "remove"}},
}};

std::string verb_fault(const std::string& text) {
  return cli::verb_fault(kVerbs, text, "command", "it is stats, top, prune, verify or clear, or none");
}

std::string amount_fault(const std::string& text) {
  if (parse_amount(text)) return {};
  return cli::in_quotes(text) +
         " is no size; write a whole number with KiB, MiB, GiB or TiB, or with %: 10GiB, 5%";
}

std::optional<uint64_t> rows_of(const std::string& text) {
  auto number = parse_u64(text);
  return number && *number > 0 ? number : std::nullopt;
}

std::string rows_fault(const std::string& text) {
  return rows_of(text) ? std::string() : cli::in_quotes(text) + " is not a whole number from 1";
}

}  // namespace

uint64_t Amount::of(uint64_t disk_bytes) const {
  return percent ? static_cast<uint64_t>(static_cast<double>(disk_bytes) * *percent / 100) : bytes;
}

std::optional<Amount> parse_amount(const std::string& text) {
  Amount out;
  if (text.ends_with('%')) {
    double percent = 0;
    auto [end, fault] =
        std::from_chars(text.data(), text.data() + text.size() - 1, percent, std::chars_format::fixed);
    if (fault != std::errc() || end != text.data() + text.size() - 1 || !(percent > 0 && percent <= 100))
      return std::nullopt;
    out.percent = percent;
    return out;
  }
  // Which base's parse_size() does not know.
  if (text.ends_with("TiB")) {
    auto number = parse_u64(std::string_view(text).substr(0, text.size() - 3));
    if (!number || *number > (UINT64_MAX >> 41U)) return std::nullopt;
    out.bytes = *number << 40U;
    return out;
  }
  auto bytes = parse_size(text);
  if (!bytes) return std::nullopt;
  out.bytes = *bytes;
  return out;
}

Verb Options::which() const {
  for (const NamedVerb& each : kVerbs) {
    if (verb == each.name) return each.which;
  }
  return Verb::serve;
}

Limits Options::limits(uint64_t disk_bytes) const {
  return {max_size.of(disk_bytes), std::chrono::nanoseconds(max_age).count(), min_free.of(disk_bytes)};
}

void declare(cli::CommandLine& line, Options& o) {
  line.option("COMMAND", "", o.verb,
              "stats, top, prune, verify or clear; without it, a go command is answered")
      .check(verb_fault);
  line.option("--dir", "DIR", o.directory, "Where the cache is (default: $XDG_CACHE_HOME/bus-gocache)");
  line.option(
          "--max-size", "N", [&o](const std::string& text) { o.max_size = *parse_amount(text); },
          "The most that it may take on the disk (default: 10GiB)")
      .check(amount_fault);
  line.option(
          "--max-age", "D", [&o](const std::string& text) { o.max_age = *cli::parse_long_duration(text); },
          "What is not used for so long is removed (default: 30d)")
      .check(cli::long_duration_fault);
  line.option(
          "--min-free", "N", [&o](const std::string& text) { o.min_free = *parse_amount(text); },
          "What it leaves free of the disk, for others")
      .check(amount_fault);
  line.flag("--read-only", o.read_only, "Use what is there, and change nothing");
  line.flag("-v,--verbose", o.verbose, "Print a line for each request on stderr");
  auto bus = line.flag("--bus", o.bus, "Tell the bus of each run, and what the cache takes");
  line.flag("--json", o.json, "Of commands: print JSON");
  line.option(
          "-n,--rows", "N", [&o](const std::string& text) { o.rows = rows_of(text); },
          "Of stats and top: print so many (default: 10)")
      .check(rows_fault);
  line.flag("--no-start", o.no_start, "With --bus: do not start a hub").needs(bus);
  line.add_socket(o.place).needs(bus);
}

std::optional<cli::Error> combination_fault(const Options& o) {
  auto conflict = [](const std::string& text) { return cli::error_of(cli::ErrorCode::conflict, text); };
  Verb verb = o.which();
  if (o.json && verb == Verb::serve)
    return conflict("--json goes with a COMMAND only; --verbose shows each request");
  if (o.bus && verb != Verb::serve) return conflict("--bus goes without a COMMAND only");
  if (o.verbose && verb != Verb::serve) return conflict("--verbose goes without a COMMAND only");
  if (o.rows && verb != Verb::stats && verb != Verb::top)
    return conflict("--rows goes with stats and top only");
  if (o.read_only && (verb == Verb::prune || verb == Verb::clear))
    return conflict("--read-only excludes " + o.verb + ", which removes files");
  return std::nullopt;
}

std::string default_directory() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return std::string(cache) + "/bus-gocache";
  const char* home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') return std::string(home) + "/.cache/bus-gocache";
  return {};
}

}  // namespace bus::gocache
