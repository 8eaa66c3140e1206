// One run of bus-consume: items of a consumer to stdout (or files), and what people are told about them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "busd/consumer.hpp"
#include "consumer/cli/console.h"
#include "consumer/cli/event_files.h"
#include "consumer/cli/output.h"

namespace bus::cli {

struct ConsumeOptions {
  std::string key;
  std::optional<uint64_t> limit;
  std::optional<std::chrono::milliseconds> timeout;
  bool payload_only = false;
  bool control = false;
  bool until_eof = false;
  std::string output_dir;
};

// Why it ended.
enum class Reason { limit, timeout, signal, output_closed, eof, hub_gone, failed };
const char* name_of(Reason reason);

class ConsumeSession {
 public:
  ConsumeSession(const ConsumeOptions& options, const Console& console, EventFiles& files);

  // Takes items until something ends it.
  Reason run(busd::Consumer& consumer);

  uint64_t events() const { return events_; }
  uint64_t lost() const { return lost_; }
  // With Reason::hub_gone and Reason::failed.
  const busd::Error& error() const { return error_; }

 private:
  using Clock = std::chrono::steady_clock;

  std::optional<Reason> take_items(busd::Consumer& consumer);
  std::optional<Reason> wait(busd::Consumer& consumer);
  std::optional<Reason> take(const busd::Item& item);
  std::optional<Reason> take_event(const busd::Event& event);
  std::optional<Reason> control_line(const std::string& line);
  std::optional<Reason> after(Written written);
  std::optional<Reason> check_input() const;
  Reason fail(std::string message);
  int poll_timeout_ms(const busd::Consumer& consumer) const;

  const ConsumeOptions& options_;
  const Console& console_;
  EventFiles& files_;
  Output output_;
  std::optional<Clock::time_point> deadline_;
  bool more_at_hand_ = false;
  uint64_t events_ = 0;
  uint64_t lost_ = 0;
  busd::Error error_;
};

}  // namespace bus::cli
