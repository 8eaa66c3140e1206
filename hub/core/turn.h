// The events of one turn, from the moment that they are routed until each consumer has got its share.
//
// A turn is what one read brought, often a thousand events, and most consumers get the same ones. So the
// events are kept once, and who gets them is kept by runs and streams:
//
//   run     events that follow each other and go to the same consumers. Routed once, whatever their number.
//   stream  what one consumer gets in this turn: runs, in order. Consumers with the same runs have the same
//   stream, so
//           it is rendered once; between two of them only the digits of `seq` are overwritten. Streams form a
//           tree: each is another one (or nothing) and one run more.
//
//   events  a1 a2 a3 b1 c1 c2        consumer 1 takes a, b     stream {run a, run b}
//   runs    \--a--/  b  \-c-/        consumers 2, 3 take all   stream {run a, run b, run c}
//
// Bytes of events are borrowed: they must stay until clear(). All buffers are kept from turn to turn. Knows
// neither peers nor sockets; delivery.cpp hands out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "hub/core/block.h"

namespace bus::hub {

class Turn {
 public:
  using StreamId = uint32_t;  // 0: nothing

  Turn() { clear(); }

  // Forgets everything; no StreamId of before means anything.
  void clear();
  bool empty() const { return events_.empty(); }

  // Memory that stays until clear(), for an event whose bytes do not.
  char* keep(size_t bytes);

  // The next event of the open run: its frame without seq, and where `,"seq":N` goes.
  void add(std::string_view frame, size_t seq_at);
  // Whether the open run has events.
  bool run_is_open() const { return open_run_ != events_.size(); }
  // The stream `stream`, and the open run behind it.
  StreamId extended(StreamId stream);
  // The open run is over; each consumer of its has been given its stream.
  void close_run();

  // How many events `stream` has, and their bytes without seqs.
  size_t size_of(StreamId stream) const { return streams_[stream].events; }
  size_t bytes_of(StreamId stream) const { return streams_[stream].bytes; }

  // The bytes for a consumer whose first event here gets `seq`. Good until the next call.
  std::string_view render(StreamId stream, uint64_t seq);

  // Of the bytes that render() gave last: how many events are wholly in the first `bytes` of them, and how
  // many bytes follow these.
  struct Place {
    size_t events = 0;
    size_t rest = 0;
  };
  Place place_of(size_t bytes) const;

  // Events of a stream that are kept for a queue: all of one run, or its end.
  struct Part {
    BlockPtr block;
    size_t first = 0;
    size_t end = 0;
  };
  // `stream` without its first `skip` events, in order. Good until the next call.
  const std::vector<Part>& parts_of(StreamId stream, size_t skip);

 private:
  struct Event {
    const char* bytes;
    uint32_t size;
    uint32_t seq_at;
  };
  struct Run {
    size_t first;
    size_t end;
    BlockPtr block;  // made when a queue first needs it
  };
  struct Stream {
    StreamId parent;
    uint32_t run;
    size_t events;
    size_t bytes;  // without seqs
    // The stream that this one becomes by the newest run that it was extended by.
    uint32_t extended_by;
    StreamId extension;
  };
  static constexpr uint32_t kNoRun = UINT32_MAX;

  void list_runs(StreamId stream);
  void render_anew(StreamId stream, uint64_t seq);
  void overwrite_digits(uint64_t seq);
  const BlockPtr& block_of(Run& run);

  std::vector<Event> events_;
  std::vector<Run> runs_;        // closed ones
  std::vector<Stream> streams_;  // [0] is nothing
  size_t open_run_ = 0;          // its first event
  size_t open_bytes_ = 0;        // of its events
  std::vector<std::unique_ptr<char[]>> kept_;
  size_t kept_used_ = 0;  // of kept_.back()
  size_t kept_size_ = 0;

  // What render() gave last.
  StreamId rendered_ = 0;
  uint64_t rendered_seq_ = 0;
  std::unique_ptr<char[]> out_;
  size_t out_capacity_ = 0;
  size_t out_size_ = 0;
  std::vector<uint32_t> digits_at_;  // in out_, one for each event
  std::vector<uint32_t> ends_;

  std::vector<uint32_t> run_list_;
  std::vector<Part> parts_;
};

}  // namespace bus::hub
