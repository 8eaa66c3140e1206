// The command line of bus-value: which verb, with what. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "busd/consumer.hpp"
#include "consumer/cli/command_line.h"

namespace bus::cli {

enum class ValueVerb { get, put, erase, list, watch };

struct ValueCommand {
  std::string verb;
  std::string key;
  bool has_key = false;              // also where it is empty
  std::vector<std::string> words;    // behind KEY: of put the value, of delete, list and watch further ones
  std::vector<std::string> command;  // behind "--"
  bool text = false;
  bool raw = false;
  bool json = false;
  bool with_version = false;
  bool names = false;
  std::optional<uint64_t> if_version;
  bool create = false;
  bool if_changed = false;
  std::optional<std::chrono::milliseconds> ttl;
  std::string durable;
  bool hold = false;  // --while
  bool replace = false;
  bool wait = false;
  bool kill_on_loss = false;
  bool no_snapshot = false;
  std::optional<uint64_t> limit;
  std::string exec;
  std::optional<std::chrono::milliseconds> timeout;
  bool literal = false;
  bool no_start = false;
  bool quiet = false;
  Place place;
  std::vector<std::string> options;       // the long names of all options
  bool is_command_without_while = false;  // found by complete_value()

  ValueVerb which() const;
  // Whether a JSON string is printed as its text.
  bool prints_text() const { return text || raw; }
  // KEY and what follows it: of delete, list and watch.
  std::vector<std::string> patterns() const;
  // Whether there may be more than one key.
  bool means_many() const;
};

extern const char* const kValueAbout;
extern const char* const kValueNotes;

void declare_value(CommandLine& line, ValueCommand& command);

// Of put, but for the value.
busd::PutOptions put_options_of(const ValueCommand& command);

}  // namespace bus::cli
