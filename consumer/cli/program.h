// What the main() of every program does around its own part: locale, signals, console, command line.
#pragma once

#include <clocale>

#include "consumer/cli/command_line.h"
#include "consumer/cli/console.h"
#include "consumer/cli/signals.h"

namespace bus::cli {

template <class Options>
struct Program {
  const char* name;
  const char* about;  // on top of --help, and begins with examples
  const char* notes;  // at its end
  void (*declare)(CommandLine& line, Options& options);
  int (*act)(Options& options, Console& console);  // returns the exit code

  // noexcept: what the standard library throws for want of memory ends the process.
  // NOLINTNEXTLINE(bugprone-exception-escape)
  int run(int argc, char** argv) const noexcept {
    setlocale(LC_CTYPE, "C.UTF-8");
    take_signals();
    Console console(name);
    Options options;
    CommandLine line(console, about, notes);
    declare(line, options);
    if (auto code = line.parse(argc, argv)) return *code;
    return act(options, console);
  }
};

}  // namespace bus::cli
