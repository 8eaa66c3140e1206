// The command line of bus-serve: its options, what of them goes together, and the text of --help.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "consumer/cli/command_line.h"
#include "consumer/cli/error.h"

namespace bus::cli {

extern const char* const kServeAbout;
extern const char* const kServeNotes;

struct ServeCommand {
  std::vector<std::string> tasks;
  std::vector<std::string> command;  // the words as typed; once it is completed, as they are run
  size_t slots = 0;                  // 0 until it is completed
  int32_t priority = 0;
  std::optional<std::chrono::milliseconds> drain;
  std::optional<std::chrono::milliseconds> grace;
  std::string source;
  bool shell = false;
  bool stream = false;
  bool lines = false;
  bool literal = false;
  bool no_start = false;
  bool quiet = false;
  Place place;
};

void declare_serve(CommandLine& line, ServeCommand& command);

// Fills in what depends on several options and on the machine. Returns what is wrong with them, if something
// is.
std::optional<Error> complete_serve(ServeCommand& command);

}  // namespace bus::cli
