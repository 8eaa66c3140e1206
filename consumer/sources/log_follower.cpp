#include "consumer/sources/log_follower.h"

#include <algorithm>
#include <utility>

#include "consumer/sources/report.h"

namespace bus::sources {

LogFollower::LogFollower(std::string source, const LogRing& log, const LogQuery& query, uint64_t request)
    : source_(std::move(source)), query_(query), request_(request), next_(log.next()) {
  uint64_t left = query.lines.value_or(UINT64_MAX);
  while (next_ > log.first() && left > 0) {
    if (is_wanted(log.at(next_ - 1))) --left;
    --next_;
  }
}

bool LogFollower::is_wanted(const LogLine& line) const {
  return (!query_.stream || line.stream == *query_.stream) &&
         (!query_.since_time_ms || line.time_ms >= *query_.since_time_ms);
}

LogFollower::Done LogFollower::send(const LogRing& log, HubLink& link) {
  next_ = std::max(next_, log.first());
  while (!paused_ && next_ < log.next()) {
    if (!link.has_room()) return Done::not_yet;
    const LogLine& line = log.at(next_);
    if (is_wanted(line)) {
      std::string chunk = log_line(line, kMostTextInChunk);
      auto error = BUSD_INIT(busd_error);
      busd_result result = busd_request_chunk(link.get(), request_, text_of(chunk), 0, &error);
      if (result == BUSD_TIMED_OUT) {
        paused_ = true;
        break;
      }
      if (result == BUSD_CANCELED) return Done::gone;
      if (result != BUSD_OK) {
        trouble_ = error.message;
        return Done::failed;
      }
    }
    ++next_;
  }
  return next_ == log.next() && !query_.follow ? Done::complete : Done::not_yet;
}

}  // namespace bus::sources
