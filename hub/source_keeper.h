// Starts bus-sources beside the hub when there are sources for its bus, and again when it fails. What it leaves running when it
// dies is ended at once, whenever the next one is started. While none runs, the directory of the sources is watched for the first one.
//
// Nothing else: bus-sources is a client like any other, which ends by itself when the hub has ended in order, and which
// outlives a hub that was killed. A hub that ends in order tells it so by SIGTERM, too, and does not wait for it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "hub/log.h"
#include "protocol/base/clock.h"
#include "protocol/base/fd.h"
#include "protocol/endpoint.h"
#include "protocol/event/directory_watch.h"
#include "protocol/event/fd_watch.h"
#include "protocol/event/loop.h"
#include "protocol/event/timer.h"

namespace bus::hub {

// How long the next start waits: 100 ms, doubled with each run that was not good, up to a minute.
class RestartWait {
 public:
  static constexpr Duration kFirst = milliseconds(100);
  static constexpr Duration kLongest = seconds(60);
  // A run that has lasted so long was good: the next failure counts as the first one.
  static constexpr Duration kGoodRun = seconds(10);

  Duration after(Duration run);

 private:
  Duration wait_ = kFirst;
};

class SourceKeeper final : FdWatch::Handler {
 public:
  // One that ends well in less time has found that another one serves, which has come in between.
  static constexpr Duration kSecondOne = seconds(1);
  // How often the end of a process is looked for where the kernel does not tell it, for want of pidfd_open(2) or of descriptors.
  static constexpr Duration kLook = milliseconds(100);

  // Does nothing where the socket is at a place of its own.
  SourceKeeper(Loop& loop, const Endpoint& endpoint, Log& log);
  ~SourceKeeper();
  SourceKeeper(const SourceKeeper&) = delete;
  SourceKeeper& operator=(const SourceKeeper&) = delete;

  // Whatever the kernel has told of the directory.
  void look_again();

 private:
  enum class State {
    off,       // until the directory changes, or SIGHUP
    waiting,   // for the time of the next start
    serving,   // our bus-sources runs
    clearing,  // it ends what one that died has left
    yielding,  // another one serves, whom we did not start
  };

  void on_readable() override;
  void on_writable() override {}
  void on_time();
  void rest();
  void look_for_sources();
  void start();
  void yield_to(int64_t other);
  void wait_after_failure(const std::string& why);
  void wait(TimePoint until);
  std::vector<std::string> leftovers_command() const;
  void clear();
  void on_cleared(bool was_killed);
  void watch(State state, pid_t pid);
  void look();
  void on_end(int status);
  bool has_left_something(bool has_ended, int status) const;

  Loop& loop_;
  Log& log_;
  std::string directory_;  // of the sources
  std::string program_;
  std::string socket_;
  std::string lock_;
  State state_ = State::off;
  pid_t pid_ = -1;
  Fd pidfd_;
  std::unique_ptr<FdWatch> watch_;
  Timer timer_;
  std::optional<DirectoryWatch> changes_;  // while it is off
  TimePoint started_at_{};
  TimePoint again_at_{};
  RestartWait restart_wait_;
  bool is_cleared_ = true;  // what a bus-sources that died may have left
  bool has_told_ = false;   // that another one serves
};

// Whether `directory` holds anything but hidden files.
bool holds_files(const std::string& directory);

}  // namespace bus::hub
