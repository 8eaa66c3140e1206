// Owns all callers and providers of one shape on one server, in one epoll and one thread, and keeps as many requests
// open as the shape says.
//
// Alike for every contender. A provider answers a request with its arguments. Either each request and each reply is a
// write of its own, or what one read has brought is answered by one write. Starts no server and takes no cpu time of
// one: lane.h does.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/base/clock.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"
#include "tests/bench/call_accounting.h"
#include "tests/bench/contender.h"
#include "tests/bench/shape.h"

namespace bus::bench {

struct CallRun {
  double seconds = 0;
  std::vector<Duration> latencies;  // from the write of a request until its reply was read, of each
};

class CallGenerator {
 public:
  // Everybody connected, and the task provided. The shape is one of calls, and the contender makes calls.
  static Result<std::unique_ptr<CallGenerator>> connect(Contender& contender, const Shape& shape);
  ~CallGenerator();

  // Makes calls for `duration`, then waits for the last replies.
  //
  // Error protocol: a request or reply was doubled, changed or refused. timed_out: nothing came for 5 s.
  Result<CallRun> run(Duration duration);

 private:
  struct Party;

  CallGenerator(CallWire& wire, const Shape& shape);
  Result<void> add(Contender& contender, size_t index, bool is_caller);
  Result<void> request(size_t caller);
  Result<void> turn(int patience_ms);
  Result<void> read_from(Party& party);
  Result<void> finish_read(Party& party);

  CallWire& wire_;
  CallLoad load_;
  CallAccounting accounting_;
  Fd epoll_;
  std::vector<std::unique_ptr<Party>> parties_;  // callers, then providers
  size_t next_provider_ = 0;
  TimePoint until_;
  std::vector<Duration> latencies_;
  std::string buffer_;
};

}  // namespace bus::bench
