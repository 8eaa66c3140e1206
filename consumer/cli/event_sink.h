// Where the events of bus-consume go: to stdout line by line or in arrays, into files, or to a command each
// (exec_sink.h).
//
// A sink waits for nothing while it takes an event, except for the reader of stdout. What it has to wait for
// otherwise it names to the session, which polls.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <poll.h>
#include <string>
#include <vector>

#include "busd/consumer.hpp"
#include "consumer/cli/error.h"
#include "consumer/cli/event_batch.h"
#include "consumer/cli/event_files.h"
#include "consumer/cli/event_text.h"
#include "consumer/cli/output.h"

namespace bus::cli {

// How a sink got on.
struct Outcome {
  Written written = Written::ok;
  std::string fault{};  // with Written::failed
  ErrorCode code = ErrorCode::output_failed;
};

// Of a write to stdout that has just been tried.
Outcome outcome_of(Written written);

class EventSink {
 public:
  using Clock = std::chrono::steady_clock;

  EventSink() = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;
  virtual ~EventSink() = default;

  // Whether an event may be taken now. As long as not, events wait in the hub's queue.
  virtual bool ready() const { return true; }
  virtual Outcome take(const busd::Event& event, int64_t received_ms) = 0;
  // Writes what was taken before and has to come before another line on stdout.
  virtual Outcome put_in_order() { return {}; }

  // What to wait for, and until when, and what is due then.
  virtual void add_waits(std::vector<pollfd>&) const {}
  virtual std::optional<Clock::time_point> deadline() const { return std::nullopt; }
  virtual Outcome process() { return {}; }

  // No more events come: writes what is left, waits for what still runs.
  virtual Outcome finish() { return {}; }
  // Events that were taken and came to nothing.
  virtual uint64_t failed() const { return 0; }
};

// A line of stdout each.
class LineSink : public EventSink {
 public:
  LineSink(Output& output, EventText text) : output_(output), text_(std::move(text)) {}
  Outcome take(const busd::Event& event, int64_t received_ms) override;

 private:
  Output& output_;
  EventText text_;
};

// Several in one line of stdout, as a JSON array.
class BatchSink : public EventSink {
 public:
  BatchSink(Output& output, EventText text, std::chrono::milliseconds longest)
      : output_(output), text_(std::move(text)), batch_(longest) {}
  Outcome take(const busd::Event& event, int64_t received_ms) override;
  Outcome put_in_order() override;
  std::optional<Clock::time_point> deadline() const override { return batch_.due(); }
  Outcome process() override;
  Outcome finish() override;

 private:
  Output& output_;
  EventText text_;
  EventBatch batch_;
};

// A file each.
class FileSink : public EventSink {
 public:
  FileSink(EventFiles& files, EventText text) : files_(files), text_(std::move(text)) {}
  Outcome take(const busd::Event& event, int64_t received_ms) override;

 private:
  EventFiles& files_;
  EventText text_;
};

}  // namespace bus::cli
