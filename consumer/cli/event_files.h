// Each event into a file of its own in one directory (bus-consume --output-dir).
//
// Name: MS-SEQ-ID.json, so that names sort by arrival: MS is the time of arrival in milliseconds since 1970,
// SEQ the event's seq in eight digits or more, ID its event_id (its type when it has none) with all but
// [A-Za-z0-9._-] turned into "_", at most 64 bytes. A name that exists gets -2, -3 …: nothing is overwritten,
// and no path inside an id is followed. A file appears complete or not at all (written under a name that
// begins with ".tmp-", then renamed); it is not synced to disk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bus::cli {

class EventFiles {
 public:
  EventFiles() = default;
  EventFiles(const EventFiles&) = delete;
  EventFiles& operator=(const EventFiles&) = delete;
  ~EventFiles();

  // Opens `directory`, created with mode 0700 when it is missing. Empty: fine; else what went wrong.
  [[nodiscard]] std::string open(const std::string& directory);

  // Writes `text` and a line end. `label` is the event's id or type. Empty: fine; else what went wrong.
  [[nodiscard]] std::string write(std::string_view label, uint64_t seq, int64_t arrival_ms,
                                  std::string_view text);

 private:
  std::string publish(const std::string& temporary, const std::string& stem) const;

  std::string directory_;
  int fd_ = -1;
};

// The file name's middle and end; a function of its own for its test.
std::string event_file_stem(int64_t arrival_ms, uint64_t seq, std::string_view label);

}  // namespace bus::cli
