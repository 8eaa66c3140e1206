// One run of bus-consume: takes items of a consumer, gives events to a sink, and tells people and --control
// of the rest.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "busd/consumer.hpp"
#include "consumer/cli/console.h"
#include "consumer/cli/error.h"
#include "consumer/cli/event_sink.h"
#include "consumer/cli/output.h"

namespace bus::cli {

struct ConsumeOptions {
  std::optional<uint64_t> limit;
  std::optional<std::chrono::milliseconds> timeout;  // from the start of the run
  std::vector<std::string> excluded;                 // types and patterns
  bool control = false;
  bool timestamps = false;  // of what --control prints
  bool until_eof = false;
  bool watch_stdout = true;  // end when its reader has gone
};

// Why it ended.
enum class Reason { limit, timeout, signal, output_closed, eof, hub_gone, failed };
const char* name_of(Reason reason);

struct ConsumeCounts {
  uint64_t events = 0;    // given to the sink
  uint64_t excluded = 0;  // received besides
  uint64_t lost = 0;
  uint64_t resets = 0;  // each may have lost any number
};

class ConsumeSession {
 public:
  ConsumeSession(const ConsumeOptions& options, const Console& console, EventSink& sink, Output& output);

  // Takes items until something ends it, then finishes the sink.
  Reason run(busd::Consumer& consumer);

  const ConsumeCounts& counts() const { return counts_; }
  // With Reason::hub_gone and Reason::failed.
  const busd::Error& error() const { return error_; }
  // With Reason::failed.
  ErrorCode failure() const { return failure_; }

 private:
  using Clock = std::chrono::steady_clock;

  Reason stream(busd::Consumer& consumer);
  std::optional<Reason> take_items(busd::Consumer& consumer);
  std::optional<Reason> wait(busd::Consumer& consumer);
  std::optional<Reason> look_at(const std::vector<pollfd>& waits);
  std::optional<Reason> take(const busd::Item& item);
  std::optional<Reason> take_event(const busd::Event& event);
  std::optional<Reason> control_line(const std::string& line);
  std::optional<Reason> after(const Outcome& outcome);
  std::optional<Reason> check_input() const;
  Reason finish(Reason reason);
  Reason fail(std::string message, ErrorCode code);
  int poll_timeout_ms(const busd::Consumer& consumer) const;

  const ConsumeOptions& options_;
  const Console& console_;
  EventSink& sink_;
  Output& output_;
  std::optional<Clock::time_point> deadline_;
  bool more_at_hand_ = false;
  ConsumeCounts counts_;
  busd::Error error_;
  ErrorCode failure_ = ErrorCode::failed;
};

}  // namespace bus::cli
