// The command line of a program: CLI11 with our exit codes, --help that begins with examples, and options
// that all share.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "consumer/cli/console.h"

namespace bus::cli {

// "500ms", "2s", "10m", "1h": a whole number and its unit. Nothing for anything else, or for more than a
// year.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// Which bus: --socket and --bus.
struct Place {
  std::string socket;
  std::string bus;
};

class CommandLine {
 public:
  // `about` stands on top of --help, and begins with examples; `notes` at its end.
  CommandLine(const Console& console, const std::string& about, const std::string& notes);

  CLI::App& app() { return app_; }
  void add_place(Place& place);
  CLI::Option* add_duration(const std::string& names, std::optional<std::chrono::milliseconds>& value,
                            const std::string& help);

  // Nothing: go on. Otherwise the exit code: 0 after --help or --version, 64 after a usage error, which was
  // reported.
  std::optional<int> parse(int argc, char** argv);

 private:
  const Console& console_;
  CLI::App app_;
};

// For text that the wire calls an identifier: 1 to 255 bytes without control characters. Empty: fine; else
// what is wrong.
std::string identifier_fault(const std::string& text);
// For --time: milliseconds since the epoch, in decimal.
std::string time_fault(const std::string& text);
// A check for CLI11 out of such a function.
CLI::Validator check_by(std::string (*fault)(const std::string&));

}  // namespace bus::cli
