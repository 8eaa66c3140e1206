// What runs, in a file that survives a SIGKILL of bus-sources: the next one finds there what to end (leftovers.h).
//
// Lines are appended, and the file is replaced by a shorter one now and then. Room for what is appended is taken beforehand, so
// that a disk that is full takes no run from it; what it lacks all the same is found by the marks of processes, for which the
// first line is enough. It need not survive the machine: a boot id tells that it did, and then nothing of it is left. Reading
// passes over what it does not understand, such as a last line that was not finished. An orderly end removes it.
//
//   busd-sources 1 BOOT-ID INSTANCE    the first line
//   run SERIAL SOURCE CGROUP           before a run is started; CGROUP is "-" or a path, to the end of the line
//   pid SERIAL PID START-TICKS         its first process, which leads its session
//   end SERIAL                         nothing of it is left
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace bus::sources {

struct RecordedRun {
  std::string source;
  std::string cgroup;  // its directory, if one could be made there; empty: none
  int64_t pid = 0;     // 0: not known, for it was being started
  uint64_t start_ticks = 0;
  bool operator==(const RecordedRun&) const = default;
};

struct RecordedRuns {
  std::string boot_id;
  uint32_t instance = 0;                 // see process_facts.h
  std::map<uint32_t, RecordedRun> runs;  // by serial; those that have not ended
};

// Nothing, if the text is no record.
std::optional<RecordedRuns> parse_record(std::string_view text);

// The record of an earlier bus-sources at `path`. Error unavailable: there is none, or it is no regular file of ours; any other:
// there is one that cannot be read.
Result<RecordedRuns> read_record(const std::string& path);

// A word that stands for the bus-sources that have their record at `path`, one after the other.
std::string place_of_record(const std::string& path);

// "" when it cannot be read.
std::string boot_id();

class Record {
 public:
  // Replaces the file at `path` by an empty record (0600).
  static Result<Record> begin(const std::string& path, uint32_t instance);

  // Each changes the file, too; an error leaves that as it was.
  Result<void> add(uint32_t serial, RecordedRun run);
  Result<void> set_process(uint32_t serial, int64_t pid, uint64_t start_ticks);
  Result<void> end(uint32_t serial);
  // Removes the file: nothing is left.
  void remove() const;

 private:
  Record(std::string path, uint32_t instance) : path_(std::move(path)) { known_.instance = instance; }
  Result<void> rewrite();
  Result<void> append(const std::string& line);

  std::string path_;
  RecordedRuns known_;
  Fd file_;
  size_t bytes_ = 0;
  size_t rewrite_at_ = 0;
};

}  // namespace bus::sources
