// The command line of a program: CLI11 with our exit codes, --help that begins with examples, and options
// that all share. The only place of the programs that sees CLI11, which takes seconds to compile.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consumer/cli/console.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace bus::cli {

// "500ms", "2s", "10m", "1h": a whole number and its unit. Nothing for anything else, or for more than a
// year.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// Which bus: --socket and --bus.
struct Place {
  std::string socket;
  std::string bus;
};

// What is wrong with the text of a value; empty: nothing.
using Fault = std::string (*)(const std::string&);

class CommandLine {
 public:
  // A declared option, to say more of it.
  class Option {
   public:
    Option required() const;
    Option check(Fault fault) const;
    Option excludes(Option other) const;
    Option needs(Option other) const;
    Option value_is_optional() const;

   private:
    friend class CommandLine;
    explicit Option(CLI::Option* option) : option_(option) {}

    CLI::Option* option_;
  };
  // Takes over the text of a value.
  using Take = std::function<void(const std::string&)>;

  // Why there is nothing to do but to say `text` and end: on stdout after --help and --version (exit code 0),
  // else on stderr.
  struct Ending {
    int code;
    std::string text;
  };

  // `about` stands on top of --help, and begins with examples; `notes` at its end.
  CommandLine(const Console& console, const std::string& about, const std::string& notes);
  ~CommandLine();

  // `names` are as in "-q,--quiet"; without dashes it is the name of an argument. `value_name` stands for the
  // value in --help.
  Option flag(const std::string& names, bool& value, const std::string& help);
  Option option(const std::string& names, const char* value_name, std::string& value,
                const std::string& help);
  Option option(const std::string& names, const char* value_name, const Take& take, const std::string& help);
  // May be given again, each time with one value.
  Option option(const std::string& names, const char* value_name, std::vector<std::string>& values,
                const std::string& help);
  Option duration(const std::string& names, std::optional<std::chrono::milliseconds>& value,
                  const std::string& help);
  void add_place(Place& place);

  // Fills what was declared. Nothing: go on.
  std::optional<Ending> read(std::vector<std::string> arguments);
  // The same, and says the ending: then what is returned is the exit code.
  std::optional<int> parse(int argc, char** argv);

 private:
  const Console& console_;
  std::unique_ptr<CLI::App> app_;
};

// For text that the wire calls an identifier: 1 to 255 bytes without control characters. Empty: fine; else
// what is wrong.
std::string identifier_fault(const std::string& text);
// For --time: milliseconds since the epoch, in decimal.
std::string time_fault(const std::string& text);

}  // namespace bus::cli
