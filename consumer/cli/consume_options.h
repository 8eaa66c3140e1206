// The command line of bus-consume: its options, what of them goes together, and the text of --help.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "consumer/cli/command_line.h"
#include "consumer/cli/consume_session.h"
#include "consumer/cli/error.h"
#include "consumer/cli/event_text.h"
#include "consumer/cli/exec_sink.h"

namespace bus::cli {

extern const char* const kConsumeAbout;
extern const char* const kConsumeNotes;

struct ConsumeCommand {
  std::string key;
  bool literal = false;            // types are taken however they are written
  std::vector<std::string> types;  // never empty once it is checked
  ConsumeOptions consume;
  EventTextOptions text;
  ExecOptions exec;
  std::optional<std::chrono::milliseconds> batch;
  std::string output_dir;
  std::string first;
  std::string last;
  std::string cleanup_task;
  std::string subscription_id;
  std::optional<std::chrono::milliseconds> ready_timeout;
  bool exclusive = false;
  bool observe = false;
  bool no_reconnect = false;
  bool no_start = false;
  bool fail_on_loss = false;
  bool timeout_ok = false;
  bool end_record = false;
  bool summary = false;
  bool quiet = false;
  Place place;
};

void declare_consume(CommandLine& line, ConsumeCommand& command);

// Fills in what depends on several options. Returns what is wrong with them together, if something is.
std::optional<Error> complete_consume(ConsumeCommand& command);

}  // namespace bus::cli
