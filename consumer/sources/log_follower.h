// One reader of a source's log, over a stream of chunks: first what the ring has, then what comes, without a gap between.
//
// Holds no lines: what it has not sent when the ring drops it shows as a gap in the numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "consumer/sources/core/log_ring.h"
#include "consumer/sources/hub_link.h"

namespace bus::sources {

struct LogQuery {
  std::optional<Stream> stream;          // none: both
  std::optional<uint64_t> lines;         // so many of the last; none: all
  std::optional<int64_t> since_time_ms;  // none from before
  bool follow = false;
};

class LogFollower {
 public:
  LogFollower(std::string source, const LogRing& log, const LogQuery& query, uint64_t request);

  const std::string& source() const { return source_; }
  enum class Done {
    not_yet,   // more may come
    complete,  // all was sent, and nothing is followed
    gone,      // nobody waits for more
    failed,    // trouble() says why no more can be sent
  };
  // Sends what can be sent now. A line that does not fit into a chunk is cut.
  Done send(const LogRing& log, HubLink& link);
  const std::string& trouble() const { return trouble_; }
  void pause(bool paused) { paused_ = paused; }

 private:
  bool is_wanted(const LogLine& line) const;

  std::string source_;
  LogQuery query_;
  uint64_t request_;
  uint64_t next_;
  bool paused_ = false;
  std::string trouble_;
};

}  // namespace bus::sources
