// The command line of a program: its options and arguments, what is wrong with them in the order typed, and
// --help, which begins with examples. Knows the options that all programs share; protocol/base/arguments.h
// reads them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consumer/cli/console.h"
#include "consumer/cli/error.h"

namespace bus {

// One option or argument; command_line.cpp knows what it is made of.
struct Declared;

}  // namespace bus

namespace bus::cli {

// "500ms", "2s", "10m", "1h": a whole number and its unit. Nothing for anything else, or for more than 366
// days.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
// The same, also in days ("7d"), and up to ten years.
std::optional<std::chrono::milliseconds> parse_long_duration(std::string_view text);

// Which bus: --socket and --bus.
struct Place {
  std::string socket;
  std::string bus;
};

// What is wrong with the text of a value, as "what is wrong; what to do"; empty: nothing.
using Check = std::string (*)(const std::string&);

class CommandLine {
 public:
  // A declared option, to say more of it.
  class Option {
   public:
    Option required() const;
    Option check(Check find_fault) const;
    // `hint`: what to do instead; empty: nothing in particular.
    Option excludes(Option other, const char* hint = "") const;
    Option needs(Option other, const char* hint = "") const;
    Option value_is_optional() const;
    // Of the last argument: what to do about a further one.
    Option extra_hint(const char* hint) const;
    // An option that does not exist, but is typed for this one or for this argument, and what to do instead.
    Option mistaken_for(const char* option, const char* hint) const;
    // Of an argument: how one that begins with "-" is written, said of an unknown short option.
    Option dash_hint(const char* hint) const;
    // Of an argument: behind this value stands a command, whose options are behind "--".
    Option begins_command(const char* value) const;

   private:
    friend class CommandLine;
    explicit Option(Declared& declared) : declared_(&declared) {}

    Declared* declared_;
  };
  // Takes over the text of a value.
  using Take = std::function<void(const std::string&)>;

  // Why there is nothing to do but to end: `text` is for stdout after --help and --version (exit code 0);
  // else there are errors.
  struct Ending {
    int code;
    std::string text;
    std::vector<Error> errors;
  };

  // `about` comes first in --help, and begins with examples; `notes` come last.
  CommandLine(Console& console, const std::string& about, const std::string& notes);
  ~CommandLine();

  // `names` are as in "-q,--quiet"; without dashes it is the name of an argument. `value_name` is shown for
  // the value in --help. An option's value may not be empty, an argument may.
  Option flag(const std::string& names, bool& value, const std::string& help);
  Option option(const std::string& names, const char* value_name, std::string& value,
                const std::string& help);
  Option option(const std::string& names, const char* value_name, const Take& take, const std::string& help);
  // May be given again, each time with one value.
  Option option(const std::string& names, const char* value_name, std::vector<std::string>& values,
                const std::string& help);
  // An argument: all words behind "--", as they are.
  Option behind_dashes(const std::string& name, std::vector<std::string>& words, const std::string& help);
  Option duration(const std::string& names, std::optional<std::chrono::milliseconds>& value,
                  const std::string& help);
  void add_place(Place& place);
  // Of a program whose --bus is another option: what add_place() declares without it.
  Option add_socket(Place& place);
  // Of a program that never starts a hub: --no-start is accepted, so that one set of options fits all.
  void accept_no_start();

  // The long names of all options that were declared so far.
  std::vector<std::string> long_options() const;

  // Fills what was declared. Nothing: go on.
  std::optional<Ending> read(const std::vector<std::string>& arguments);
  // The same, and says the ending: then what is returned is the exit code.
  std::optional<int> parse(int argc, char** argv);

 private:
  Declared& declare(const std::string& names, const char* value_name, const std::string& help);
  std::string help() const;

  Console& console_;
  std::string about_;
  std::string notes_;
  std::vector<std::unique_ptr<Declared>> declared_;
  bool help_wanted_ = false;
  bool version_wanted_ = false;
  bool json_errors_ = false;
  bool no_start_ = false;
};

// What is wrong with a duration, named in full: --watch has a check of its own.
std::string duration_fault(const std::string& text);
// The same, as parse_long_duration() takes it.
std::string long_duration_fault(const std::string& text);
// For text that the wire calls an identifier: 1 to 255 bytes without control characters. Empty: fine; else
// what is wrong.
std::string identifier_fault(const std::string& text);
// For --time: milliseconds since the epoch, in decimal.
std::string time_fault(const std::string& text);

}  // namespace bus::cli
