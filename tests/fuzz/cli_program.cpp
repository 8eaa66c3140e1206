// One of the bus-* programs without its main(), and whether it takes a command line. Compiled once for each:
// BUSD_CLI_SOURCE is its file, BUSD_CLI_TAKES the name of the function, BUSD_CLI_MAIN one for what is not
// used.
//
// The file itself is included, because what is tested are its own options, which it shows nobody.
#define main BUSD_CLI_MAIN
#include BUSD_CLI_SOURCE
#undef main

namespace bus::cli {

bool BUSD_CLI_TAKES(std::vector<std::string> arguments);

// As Program::run() does it, but nothing is printed.
bool BUSD_CLI_TAKES(std::vector<std::string> arguments) {
  Console console(kProgram.name);
  Options options;
  CommandLine line(console, kProgram.about, kProgram.notes);
  kProgram.declare(line, options);
  return !line.read(std::move(arguments));
}

}  // namespace bus::cli
