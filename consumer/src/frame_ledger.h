// Which publication stood in which frame of a connection: so that an `error` of the hub, which names the
// frame, is put down to the publication, and so that it is known how many are confirmed.
//
// Pure bookkeeping of a source. Compact: publications that follow each other without a gap are one run,
// whatever their number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

namespace bus::sdk {

class FrameLedger {
 public:
  // A new connection: no frames yet.
  void clear();

  // The next frame is publication `number` (above all before it); or it is none: hello, status, check.
  void add_publication(uint64_t number);
  void add_other() { ++frames_; }

  // How many frames there are; the ordinal of the last one.
  uint64_t frames() const { return frames_; }

  // The publication in frame `ordinal`; 0: none, or confirmed long ago.
  uint64_t publication_of(uint64_t ordinal) const;

  // The hub has processed every frame up to `ordinal`: they are forgotten.
  void confirm(uint64_t ordinal);
  uint64_t confirmed() const { return confirmed_; }

  // How many publications stand in the frames that are not confirmed, up to `ordinal`.
  uint64_t unconfirmed_until(uint64_t ordinal) const;

  // Entries held, for whoever bounds them.
  size_t runs() const { return runs_.size(); }

 private:
  struct Run {
    uint64_t frame;   // ordinal of the first
    uint64_t number;  // of the first
    uint64_t count;
  };

  std::deque<Run> runs_;
  uint64_t frames_ = 0;
  uint64_t confirmed_ = 0;
};

}  // namespace bus::sdk
