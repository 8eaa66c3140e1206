// Which publication stood in which frame of a connection: so that an `error` of the hub, which names the
// frame, is put down to the publication, and so that it is known how many are confirmed.
//
// Pure bookkeeping of a source. Compact: publications that follow each other without a gap are one run,
// whatever their number, and so are frames that are none.
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
  void add_publication(uint64_t number) {
    ++frames_;
    if (number != next_) runs_.push_back(Run{frames_, number});
    next_ = number + 1;
  }
  void add_other() {
    ++frames_;
    if (next_ != 0) runs_.push_back(Run{frames_, 0});
    next_ = 0;
  }

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
  // From `frame` up to where the next run begins, or the last frame.
  struct Run {
    uint64_t frame;   // ordinal of the first
    uint64_t number;  // of the first; 0: these are no publications
  };

  std::deque<Run> runs_;
  uint64_t next_ = 0;  // the publication that would continue the last run; 0: none would
  uint64_t frames_ = 0;
  uint64_t confirmed_ = 0;
};

}  // namespace bus::sdk
