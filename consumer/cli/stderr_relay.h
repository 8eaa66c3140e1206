// Our stderr for what we and our commands say: written as it takes it, so that a reader who has stopped holds up
// the commands that write to it, and nothing else.
#pragma once

#include <poll.h>
#include <string>

namespace bus::cli {

class StderrRelay {
 public:
  // While more waits, no more is to be added.
  static constexpr size_t kMostWaitingBytes = 64 * 1024;

  std::string& waiting() { return waiting_; }
  bool has_room() const { return waiting_.size() < kMostWaitingBytes; }
  // Writes what stderr takes at once.
  void write_some();
  // Writes all, for as long as it takes, but no longer than a second without any progress.
  void finish();
  // Whether stderr is to be waited for.
  bool is_behind() const { return !waiting_.empty(); }

 private:
  std::string waiting_;
};

}  // namespace bus::cli
