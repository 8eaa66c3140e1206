// The events of one turn, from the moment that they are routed until each consumer has got its share.
//
// A turn is what one read brought, often a thousand events, and most consumers get the same ones. So the
// events are kept once, and who gets them is kept by runs and streams:
//
//   run     events that follow each other and go to the same consumers. Routed once, whatever their number.
//   stream  what one consumer gets in this turn: runs, in order. Consumers with the same runs have the same
//           stream, so it is rendered once; between two of them only the digits of `seq` are overwritten.
//           Streams form a tree: each is another one (or nothing) and one run more.
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
#include <utility>
#include <vector>

#include "hub/core/delivery/block.h"

namespace bus::hub {

class Batch {
 public:
  using StreamId = uint32_t;  // 0: nothing

  Batch() { clear(); }

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

  // A stream as one consumer gets it.
  struct Place {
    size_t events = 0;  // that are wholly before it
    size_t rest = 0;    // bytes behind these
  };
  struct Rendering {
    StreamId stream = 0;
    uint64_t seq = 0;  // of its first event
    char* out = nullptr;
    size_t size = 0;
    std::vector<uint32_t> digits_at;  // where those of each event's seq are
    std::vector<uint32_t> ends;       // of each event

    std::string_view bytes() const { return {out, size}; }
    Place place_of(size_t bytes) const;
    // Whether it has as many bytes, at the same places, for a consumer whose first event gets `other`.
    bool fits(uint64_t other) const;
  };

  // Renders the stream for a consumer whose first event gets `seq`. Good until the next call.
  const Rendering& render(StreamId stream, uint64_t seq);

  // The same into memory of somebody else's, of `size` bytes, at least most_bytes_of(stream), which is
  // written no more after that; what queues keep of it holds it.
  const Rendering& render_into(std::shared_ptr<char> memory, size_t size, StreamId stream, uint64_t seq);
  size_t most_bytes_of(StreamId stream) const;

  // What render_into() gave last, for a consumer whose first event gets `seq`, for whom it fits: as pieces of
  // it with other digits between them, which are put into `digits`, of at least most_digits_of(stream) bytes.
  // Good until the next call.
  const std::vector<std::string_view>& pieces(uint64_t seq, char* digits);
  size_t most_digits_of(StreamId stream) const;

  // Events of a stream that are kept for a queue: all of one run, or its end.
  struct Part {
    BlockPtr block;
    size_t first = 0;
    size_t end = 0;
  };
  // `stream` without its first `skip` events, in order, for a queue of whoever pays. Good until the next
  // call.
  const std::vector<Part>& parts_of(StreamId stream, size_t skip, Payers payers = {});

 private:
  struct Event {
    const char* bytes;
    uint32_t size;
    uint32_t seq_at;
  };
  struct Kept {
    const Meter* user;
    StreamId reference_of;  // 0: a copy
    BlockPtr block;
  };
  struct Run {
    size_t first;
    size_t end;
    // Made when a queue first needs them. Only consumers of the stream that was rendered may refer to the
    // rendering: all in it is theirs, and others would keep alive what is not.
    BytesPtr copy;
    std::vector<Kept> kept;  // for each user who has queues, mostly one
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
  void fill(Rendering& rendering, StreamId stream, uint64_t seq);
  const BlockPtr& block_of(Run& run, StreamId stream, size_t at, Payers payers);
  Block copied(Run& run, Payers payers) const;
  Block referred(const Run& run, size_t at, Payers payers);
  const HoldingPtr& shared_holding(Payers payers);

  std::vector<Event> events_;
  std::vector<Run> runs_;        // closed ones
  std::vector<Stream> streams_;  // [0] is nothing
  size_t open_run_ = 0;          // its first event
  size_t open_bytes_ = 0;        // of its events
  std::vector<std::unique_ptr<char[]>> kept_;
  size_t kept_used_ = 0;  // of kept_.back()
  size_t kept_size_ = 0;

  Rendering own_;
  std::unique_ptr<char[]> own_bytes_;
  size_t own_capacity_ = 0;
  Rendering shared_;
  std::shared_ptr<char> shared_memory_;
  size_t shared_size_ = 0;  // of the memory
  BytesPtr shared_bytes_;   // what queues keep of it
  std::vector<std::pair<const Meter*, HoldingPtr>> shared_holdings_;
  std::vector<std::string_view> pieces_;

  std::vector<uint32_t> run_list_;
  std::vector<Part> parts_;
};

}  // namespace bus::hub
