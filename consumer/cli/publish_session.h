// One run of bus-publish: events to the hub, one or a stream of lines, and the answers to them by line
// number.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "busd/consumer.hpp"
#include "consumer/cli/bad_input.h"
#include "consumer/cli/console.h"
#include "consumer/cli/line_reader.h"
#include "consumer/cli/rate_line.h"
#include "consumer/cli/split_value.h"

namespace bus::cli {

struct PublishOptions {
  std::string type;  // of the event, or of all lines; empty: lines are whole frames
  std::string id;
  std::string time;
  bool text = false;                          // payloads are raw text, to be made JSON strings
  std::chrono::milliseconds timeout{10'000};  // for each wait for the hub; for one event, in all
  bool timeout_given = false;                 // else the wait for a hub that takes no more is not bounded
};

// Which line of stdin a publication came from. Keeps only where the distance of the two numbers changes.
class LineMap {
 public:
  void add(uint64_t publication, uint64_t line);
  uint64_t line_of(uint64_t publication) const;
  // Publications up to this one will not be asked for again.
  void forget_up_to(uint64_t publication);

 private:
  struct Step {
    uint64_t publication;
    uint64_t line;
  };
  std::vector<Step> steps_;
};

// Of a stream, so many bytes are sent before the hub is asked to confirm them. They fit the buffer of the
// source together with the frame that follows, so that the library never waits for room: deadlines hold.
inline constexpr size_t kConfirmBytes = size_t{4} * 1024 * 1024;
inline constexpr size_t kBufferBytes = kConfirmBytes + size_t{2} * 1024 * 1024;

class PublishSession {
 public:
  PublishSession(const PublishOptions& options, const Console& console, busd::Source source);

  // Publishes one event, waits until the hub has processed it or the deadline has passed; the exit code.
  int publish_one(std::string payload, std::chrono::steady_clock::time_point deadline);
  // Publishes stdin line by line, waits until the hub has processed all, says what was done; the exit code.
  int publish_lines();

 private:
  void publish_line(const Line& line);
  void note_outcome(const busd::Published& published, uint64_t line, std::string_view text);
  bool begins_pretty_printed(const Line& line);
  bool is_piece(const Line& line);
  bool is_more_utf16(const Line& line);
  void keep_room(size_t bytes);
  bool read_more();
  void wait_for_input();
  void confirm(std::chrono::milliseconds timeout);
  void flush(std::chrono::milliseconds timeout);
  void take_refusals();
  void broke(const busd::Error& error);
  void report(Error error, uint64_t line);
  void report_rest();
  void say_summary() const;
  int finish();
  bool going_on() const;
  Input input() const;

  const PublishOptions& options_;
  const Console& console_;
  busd::Source source_;
  LineReader reader_;
  RateLine rate_;
  LineMap map_;
  std::string scratch_;
  uint64_t lines_ = 0;
  uint64_t bad_lines_ = 0;
  uint64_t unsaid_ = 0;  // of these, without a line on stderr
  size_t unconfirmed_bytes_ = 0;
  uint64_t pieces_ = 0;   // of these, pieces of values over several lines
  SplitValue value_;      // such a value
  uint64_t queued_ = 0;   // publications that the library took
  uint64_t refused_ = 0;  // of these, by the hub
  uint64_t last_publication_ = 0;
  uint64_t unconfirmed_ = 0;  // queued since the hub last confirmed
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  bool stream_ = false;
  bool looked_at_first_ = false;
  bool utf16_ = false;     // some of the input is, and this was said
  bool given_up_ = false;  // the input is no stream of lines
  bool stalled_ = false;   // the hub confirmed nothing for too long
  bool broken_ = false;
  bool input_failed_ = false;
  bool timed_out_ = false;
  int code_ = 0;  // the worst so far
};

}  // namespace bus::cli
