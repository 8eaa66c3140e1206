// What happened that people should know of, such as why a connection was closed: for the log, until the edge
// takes it, and for the counts of status_response.
//
// THE TABLE below says of each kind how much it matters, what the log calls it, and which count it adds to.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "hub/core/base/log_level.h"
#include "hub/core/base/transport.h"

namespace bus::hub {

// What became of connections, since the hub's start.
struct ConnectionCounts {
  uint64_t accepted = 0;
  uint64_t denied = 0;            // another user
  uint64_t too_many = 0;          // above max_connections
  uint64_t timed_out = 0;         // no complete first frame in time
  uint64_t cleanup_timeouts = 0;  // held a clean-up lock too long
  uint64_t unread = 0;            // left control replies unread, too many or for too long
  uint64_t evicted = 0;           // closed to get back the memory of a frame that it had read only a part of
  uint64_t uncleaned = 0;         // the last of a scope, which nobody was told to clean up
  uint64_t administrative = 0;    // accepted beyond the limits, for status_query and shutdown alone
};

// `text` is untrusted where it comes from a peer.
struct Notice {
  enum class Kind : uint8_t {
    joined,  // text: "consumer KEY" / "source NAME"
    left,    // text: why, with its counts
    // The connection is refused or closed; text: why.
    denied,           // its user is not admitted
    too_many,         // there is no place for it
    rejected,         // its hello is refused
    timed_out,        // its first frame did not come in time
    cleanup_timeout,  // it held a clean-up lock for too long
    unread,           // it left a control reply unread for too long, or too many of them
    evicted,          // to get back the memory of a frame that was partly written
    // The connection stays.
    odd_member,     // a hello has a member that looks like a slip for one that is defined; text: both
    fault,          // the first frame of a connection that was answered with `error`; text: code and message
    slow_consumer,  // the first event of a connection that was dropped
    // Of the hub.
    uncleaned,      // a scope ended, and nobody in it was told to clean up
    cleaned_up,     // a task did so that the hub has called for it
    not_cleaned,    // that failed; text: why
    out_of_memory,  // a pool was used up for the first time; text: which
    stop_requested,
  };
  Kind kind;
  PeerId peer = 0;
  int64_t pid = 0;
  std::string text;
};

struct NoticeRule {
  Notice::Kind kind;
  LogLevel level;
  const char* name;
  uint64_t ConnectionCounts::*count = nullptr;
};

// THE TABLE, in the order of the kinds. Every bus-publish joins and leaves, hence `debug`.
inline constexpr std::array kNoticeRules{
    NoticeRule{Notice::Kind::joined, LogLevel::debug, "joined"},
    NoticeRule{Notice::Kind::left, LogLevel::debug, "left"},
    NoticeRule{Notice::Kind::denied, LogLevel::warning, "connection refused", &ConnectionCounts::denied},
    NoticeRule{Notice::Kind::too_many, LogLevel::warning, "connection refused", &ConnectionCounts::too_many},
    NoticeRule{Notice::Kind::rejected, LogLevel::warning, "connection refused"},
    NoticeRule{Notice::Kind::timed_out, LogLevel::warning, "connection refused",
               &ConnectionCounts::timed_out},
    NoticeRule{Notice::Kind::cleanup_timeout, LogLevel::warning, "clean-up took too long",
               &ConnectionCounts::cleanup_timeouts},
    NoticeRule{Notice::Kind::unread, LogLevel::warning, "connection closed unread",
               &ConnectionCounts::unread},
    NoticeRule{Notice::Kind::evicted, LogLevel::warning, "connection closed for its memory",
               &ConnectionCounts::evicted},
    NoticeRule{Notice::Kind::odd_member, LogLevel::warning, "unknown member in hello"},
    NoticeRule{Notice::Kind::fault, LogLevel::warning, "bad frame"},
    NoticeRule{Notice::Kind::slow_consumer, LogLevel::warning, "slow consumer loses events"},
    NoticeRule{Notice::Kind::uncleaned, LogLevel::warning, "clean-up was missed",
               &ConnectionCounts::uncleaned},
    NoticeRule{Notice::Kind::cleaned_up, LogLevel::info, "clean-up task is done"},
    NoticeRule{Notice::Kind::not_cleaned, LogLevel::warning, "clean-up task failed"},
    NoticeRule{Notice::Kind::out_of_memory, LogLevel::warning, "memory is used up"},
    NoticeRule{Notice::Kind::stop_requested, LogLevel::info, "stop requested"},
};

constexpr const NoticeRule& notice_rule(Notice::Kind kind) { return kNoticeRules[static_cast<size_t>(kind)]; }

constexpr bool each_kind_has_its_rule() {
  for (size_t i = 0; i < kNoticeRules.size(); ++i) {
    if (static_cast<size_t>(kNoticeRules[i].kind) != i) return false;
  }
  return kNoticeRules.size() == static_cast<size_t>(Notice::Kind::stop_requested) + 1;
}
static_assert(each_kind_has_its_rule());

class Notices {
 public:
  void add(Notice notice) {
    if (auto count = notice_rule(notice.kind).count) ++(counts.*count);
    notices_.push_back(std::move(notice));
  }
  std::vector<Notice> take() { return std::exchange(notices_, {}); }

  ConnectionCounts counts;

 private:
  std::vector<Notice> notices_;
};

}  // namespace bus::hub
