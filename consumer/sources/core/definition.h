// What a supervised source is, and how it is to be run: the contents of a file NAME.source, or the defaults of an
// executable without one. bus-sources(5) describes each member.
//
// A value: knows no process and no directory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/clock.h"

namespace bus::sources {

enum class Start { demand, always, manual };
enum class Format { automatic, frames, json, text };
enum class Channel { lines, socket };  // `connection`: its stdout is read, or it speaks to the hub itself
enum class Input { null, frames };     // `stdin`
enum class Restart { on_failure, always, never };

// Whether a type or a task, or a pattern of them, is one of the hub or of bus-sources, which no source may have.
bool is_reserved(std::string_view name);

// 1 to 64 bytes of [A-Za-z0-9_-].
bool is_source_name(std::string_view name);

struct Definition {
  std::string name;
  std::string file;                  // the one that says so: NAME.source, else the executable
  std::vector<std::string> command;  // the program and its arguments; never empty
  std::vector<std::string> types;    // what it publishes: types and patterns
  std::vector<std::string> tasks;
  Start start = Start::demand;
  std::optional<Duration> every;
  Format format = Format::automatic;
  std::string event_type;
  Channel connection = Channel::lines;
  Input input = Input::null;
  Restart restart = Restart::on_failure;
  Duration linger = seconds(10);
  Duration stop_timeout = seconds(5);
  std::string directory;                 // empty: the home directory
  std::vector<std::string> environment;  // "K=V"
  size_t log_bytes = 256 * 1024;
  std::string log_file;                // empty: none
  std::optional<uint64_t> memory_max;  // bytes
  std::optional<uint32_t> cpu_weight;  // 1 to 10000, cgroup's
  std::optional<int> nice;             // -20 to 19

  bool operator==(const Definition&) const = default;
};

// The definition of an executable without a file.
Definition plain_definition(const std::string& name, const std::string& executable);

// One thing that is wrong with a file.
struct DefinitionFault {
  size_t line = 0;  // 0: of the file as a whole
  std::string message;
};

struct ReadDefinition {
  Definition definition;
  std::vector<DefinitionFault>
      faults;  // all of them, in the order of the lines; with any, the definition is not used
  std::map<std::string, size_t> lines;  // of the keys that are given
};

// Whether one of them is in that line.
bool has_fault(const ReadDefinition& read, size_t line);

// Reads the text of the file NAME.source; `executable` is the one beside it, if there is one.
ReadDefinition read_definition(std::string_view text, const std::string& name, const std::string& file,
                               const std::optional<std::string>& executable);

}  // namespace bus::sources
