// What the core has to say for the log, until the edge takes it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "hub/core/base/transport.h"

namespace bus::hub {

// `text` is untrusted where it comes from a peer.
struct Notice {
  enum class Kind {
    joined,        // text: "consumer KEY" / "source NAME"
    left,          // text: why, with its counts
    refused_peer,  // denied, too_many, rejected, timeout: text is the reason
    odd_member,    // a hello has a member that looks like a slip for one that is defined; text: both
    fault,         // the first frame of a connection that was answered with `error`; text: code and message
    cleanup_timeout,  // a lock holder was closed
    uncleaned,        // a scope ended, and nobody in it was told to clean up
    slow_consumer,    // the first event of a connection that was dropped
    slow_close,       // a control reply was not written in time, or too many were left unread
    evicted,          // closed to get back the memory of a frame that was partly written
    out_of_memory,    // a pool was used up for the first time; text: which
    stop_requested,
  };
  Kind kind;
  PeerId peer = 0;
  int64_t pid = 0;
  std::string text;
};

class Notices {
 public:
  void add(Notice notice) { notices_.push_back(std::move(notice)); }
  std::vector<Notice> take() { return std::exchange(notices_, {}); }

 private:
  std::vector<Notice> notices_;
};

}  // namespace bus::hub
