// The command line of bus-consume: its options, and the text of --help.
#pragma once

#include <string>
#include <vector>

#include "consumer/cli/command_line.h"
#include "consumer/cli/consume_session.h"

namespace bus::cli {

extern const char* const kConsumeAbout;
extern const char* const kConsumeNotes;

struct ConsumeCommand {
  ConsumeOptions consume;
  std::vector<std::string> types;
  std::string first;
  std::string last;
  std::string subscription_id;
  bool exclusive = false;
  bool no_reconnect = false;
  bool no_start = false;
  bool quiet = false;
  Place place;
};

void declare_consume(CommandLine& line, ConsumeCommand& options);

}  // namespace bus::cli
