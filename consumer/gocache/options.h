// The command line of bus-gocache.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "consumer/cli/command_line.h"
#include "consumer/gocache/core/limits.h"

namespace bus::gocache {

enum class Verb { serve, stats, top, prune, verify, clear };

// A size on the disk: bytes, or a part of the disk.
struct Amount {
  uint64_t bytes = 0;
  std::optional<double> percent;

  uint64_t of(uint64_t disk_bytes) const;
};
// "10GiB", "500MiB", "5%"; nothing for anything else.
std::optional<Amount> parse_amount(const std::string& text);

struct Options {
  std::string verb;  // empty: serve
  std::string directory;
  Amount max_size{uint64_t{10} << 30U, {}};
  std::chrono::milliseconds max_age = std::chrono::hours(24 * 30);
  Amount min_free;
  std::optional<uint64_t> rows;  // of stats and top
  bool read_only = false;
  bool verbose = false;
  bool bus = false;
  bool json = false;
  bool no_start = false;
  cli::Place place;

  Verb which() const;
  Limits limits(uint64_t disk_bytes) const;
};

extern const char* const kAbout;
extern const char* const kNotes;
void declare(cli::CommandLine& line, Options& options);
// What is wrong with options that do not go together.
std::optional<cli::Error> combination_fault(const Options& options);

// $XDG_CACHE_HOME/bus-gocache, or ~/.cache/bus-gocache; empty: neither variable leads anywhere.
std::string default_directory();

}  // namespace bus::gocache
