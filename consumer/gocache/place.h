// The directory of the cache: DIR/xx/ID-a and DIR/xx/ID-d, in the form of the go command's own cache, and our own files in DIR/bus-gocache.
//
//   lock          held by the one that counts and prunes
//   size          what the cache takes on the disk, as it was counted last, and what was put since
//   run/NAME      a run, locked for as long as it lives (lease.h)
//   tmp/NAME-N    what a run writes, until it is whole
//   flights       locks on the actions that are being built (flights.h)
//   outputs       locks on outputs that are renewed, or removed
//   runs.ndjson   a line for each run (run_log.h)
//   evicted       the actions that were pruned lately (evicted.h)
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>

#include "consumer/gocache/core/id.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace bus::gocache {

inline constexpr const char* kOwnFiles = "bus-gocache";

enum class Kind : char { action = 'a', output = 'd' };

// "xx/ID-a", below the directory.
std::string name_of(const Id& id, Kind kind);
struct Named {
  Id id;
  Kind kind = Kind::action;
};
// What a file of this name holds ("ID-a"); nothing: it is not the cache's.
std::optional<Named> named(std::string_view file_name);

class Place {
 public:
  // Makes what is missing, unless it is only to be read. In a directory that others may write to, they could put what a build then links.
  //
  // Errors: denied       it is not ours, others may write to it, or it cannot be made
  //         unavailable  it is not there, and is only to be read
  //         io           its disk can only be read, or any other failure
  static Result<Place> open(const std::string& path, bool read_only);

  const std::string& path() const { return path_; }  // absolute
  int fd() const { return fd_.get(); }
  int own() const { return own_.get(); }  // of DIR/bus-gocache; -1: it is only read, and there is none
  bool read_only() const { return read_only_; }
  // Whether it is still at its path. What was moved away is at no path that could be handed out.
  bool is_in_place() const;
  // Whether locks mean anything there, and files that are in use stay: not where the directory is another machine's.
  bool is_local() const { return is_local_; }

  // Whether there is anything of a cache in it.
  bool is_cache() const;

  // The absolute path of a file.
  std::string path_of(const Id& id, Kind kind) const { return path_ + "/" + name_of(id, kind); }
  // Whether nobody else can have put something into DIR/xx. A missing one is made, unless it is only to be read.
  bool trusts(const Id& id);
  // Whether a file there is one that we have put, and whose time stamp we may renew; where we only read, root may have put it, too.
  bool may_serve(const struct stat& st) const;
  // Gives a file of our own the name of one of the cache's, in the place of what has it. A directory that was removed is made again. False: errno
  // says why.
  bool move_in(const std::string& own_name, const std::string& name) const;

 private:
  friend class OutputLock;
  enum class Trust : char { unknown, yes, no };

  std::string path_;
  Fd fd_;
  Fd own_;
  Fd outputs_;  // for OutputLock
  dev_t device_ = 0;
  ino_t inode_ = 0;
  bool read_only_ = false;
  bool is_local_ = true;
  std::array<Trust, 256> trust_{};
};

// Held while a time stamp is renewed, and, exclusively, while an output is looked at for the last time and removed: so that the two never happen at
// once. Over all processes (fcntl(2), open file description locks). Nobody waits for it, because a process that is stopped may have it.
class OutputLock {
 public:
  OutputLock(const Place& place, const Id& output, bool exclusively);
  OutputLock(const OutputLock&) = delete;
  OutputLock& operator=(const OutputLock&) = delete;
  ~OutputLock();

  // Whether no other process is in between. Where there are no such locks, nobody prunes either.
  bool is_free() const { return is_free_; }

 private:
  bool set(short kind) const;

  int file_;
  off_t at_;
  bool is_free_;
};

// "16 MiB", with one decimal below ten.
std::string bytes_text(uint64_t bytes);

}  // namespace bus::gocache
