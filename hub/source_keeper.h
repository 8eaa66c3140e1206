// Starts bus-sources beside the hub when there are sources for its bus, and again when it fails.
//
// Nothing else: bus-sources is a client like any other, which ends by itself when the hub has ended in order, and which
// outlives a hub that was killed. So it is neither stopped here nor waited for.
#pragma once

#include <memory>
#include <string>
#include <sys/types.h>

#include "hub/log.h"
#include "protocol/base/clock.h"
#include "protocol/base/fd.h"
#include "protocol/endpoint.h"
#include "protocol/event/fd_watch.h"
#include "protocol/event/loop.h"
#include "protocol/event/timer.h"

namespace bus::hub {

class SourceKeeper final : FdWatch::Handler {
 public:
  // The wait before the next start: the first one, doubled with each failure up to the longest. A run of kGoodRun
  // begins anew.
  static constexpr Duration kFirstWait = milliseconds(100);
  static constexpr Duration kLongestWait = seconds(60);
  static constexpr Duration kGoodRun = seconds(10);
  // One that ends well in less time has found that another one serves. That may be the one of the hub before this,
  // which still ends its sources, so it is tried again.
  static constexpr Duration kSecondOne = seconds(1);

  // Does nothing where the socket is at a place of its own, or there are no sources.
  SourceKeeper(Loop& loop, const Endpoint& endpoint, Log& log);
  ~SourceKeeper();
  SourceKeeper(const SourceKeeper&) = delete;
  SourceKeeper& operator=(const SourceKeeper&) = delete;

 private:
  void on_readable() override;
  void on_writable() override {}
  void start();
  void start_later(LogLevel level, std::string_view what, const std::string& why);

  Loop& loop_;
  Log& log_;
  std::string program_;
  std::string socket_;
  pid_t pid_ = -1;
  Fd pidfd_;
  std::unique_ptr<FdWatch> watch_;
  Timer retry_;
  TimePoint started_at_{};
  Duration wait_ = kFirstWait;
};

// Whether `directory` holds anything but hidden files.
bool holds_files(const std::string& directory);

}  // namespace bus::hub
