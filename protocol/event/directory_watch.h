// Says when the contents of directories have changed (inotify(7)), or only which entries they have.
//
// Once for many changes: it waits until nothing has changed for a moment, so that a program that is being copied is
// looked at when it is whole. A directory that is not there is waited for. Reads nothing.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/fd.h"
#include "protocol/event/fd_watch.h"
#include "protocol/event/loop.h"
#include "protocol/event/timer.h"

namespace bus {

class DirectoryWatch final : FdWatch::Handler {
 public:
  // How long nothing changes before it is said, and how long that may take when changes do not end.
  static constexpr Duration kQuiet = milliseconds(50);
  static constexpr Duration kLongest = seconds(1);

  enum class Of {
    contents,  // of the files, too
    entries,   // which files there are
  };

  // Where the kernel gives no watch, `trouble()` says why, and changes are not seen.
  DirectoryWatch(Loop& loop, std::vector<std::string> directories, std::function<void()> on_change,
                 Of what = Of::contents);

  const std::string& trouble() const { return trouble_; }

 private:
  void on_readable() override;
  void on_writable() override {}
  void watch_all();
  void settle();

  std::vector<std::string> directories_;
  std::function<void()> on_change_;
  Of what_;
  Fd inotify_;
  std::string trouble_;
  std::optional<FdWatch> watch_;
  Timer quiet_;
  TimePoint first_change_ = kNever;
};

}  // namespace bus
