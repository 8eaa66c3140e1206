// A run of the cache: while it lives, nothing is pruned that it may have handed out.
//
// Its file DIR/bus-gocache/run/START-PID is locked from its beginning to its end, which the kernel sees to; START is in nanoseconds since 1970.
// It holds a line "private PATH" for a directory that the run has made elsewhere, and, where paths may outlive the run, a line "d ID" for
// each output that was handed out. Such a file stays for a day behind the run, and so do these outputs. Where the disk is full, a link
// START-PID.private leads to the directory instead.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "consumer/gocache/place.h"

namespace bus::gocache {

// How long paths that were handed on may be used.
inline constexpr int64_t kEscapedNs = int64_t{24} * 3600 * 1'000'000'000;
// The clock of files is coarser than ours: a tick, 10 ms at most.
inline constexpr int64_t kClockMarginNs = int64_t{50} * 1'000'000;

int64_t wall_ns();

class Lease {
 public:
  // `began_ns` 0: of a run that renews no time stamps. While it lives, nothing is pruned.
  static Result<Lease> take(const Place& place, int64_t began_ns);
  Lease(Lease&&) noexcept = default;
  Lease& operator=(Lease&&) noexcept = default;
  // Ends, and leaves the file only if paths have escaped.
  ~Lease();

  const std::string& name() const { return name_; }
  int64_t began_ns() const { return began_ns_; }
  void note_private(const std::string& path);
  // To be written before the path is.
  void note_escaped(const Id& output);
  void flush();

 private:
  Lease() = default;

  Fd directory_;  // DIR/bus-gocache/run
  Fd file_;
  std::string name_;
  std::string waiting_;
  int64_t began_ns_ = 0;
  bool has_escaped_ = false;
  bool has_link_ = false;
};

// What the runs that live, and those that have ended lately, keep.
struct Leases {
  size_t living = 0;
  int64_t oldest_ns = INT64_MAX;  // when the oldest of those that live began
  std::set<Id> escaped;
};
// What those have left that are dead, and that nobody needs, is removed.
Leases look_at_leases(const Place& place, int64_t now_ns);

}  // namespace bus::gocache
