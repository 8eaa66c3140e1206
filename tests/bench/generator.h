// Owns all publishers and subscribers of one shape on one server, in one epoll and one thread, and moves
// messages as fast as the window allows, or at a fixed rate.
//
// Alike for every contender: the same buffers, batches and reads. Starts no server and takes no cpu time of
// one: lane.h does.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/base/clock.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"
#include "tests/bench/accounting.h"
#include "tests/bench/contender.h"
#include "tests/bench/publisher.h"
#include "tests/bench/shape.h"

namespace bus::bench {

struct Flood {
  uint64_t delivered = 0;
  double seconds = 0;
};

class Generator {
 public:
  // Everybody connected and subscribed.
  static Result<std::unique_ptr<Generator>> connect(Contender& contender, const Shape& shape);
  ~Generator();

  // Publishes for `duration`, refilling the window when half of it is free, then waits until all has arrived.
  //
  // Error protocol: a message was lost, doubled, out of order or changed. timed_out: nothing moved for 5 s.
  Result<Flood> flood(Duration duration);

  // Publishes one message every 1/`rate_per_second` s by an absolute schedule, and watches for arrivals
  // without ever sleeping. What it returns is, for each message, the time from when it was due to when it was
  // received.
  Result<std::vector<Duration>> pace(size_t rate_per_second, Duration duration);

 private:
  struct Subscriber;

  Generator(const Shape& shape, std::string payload);
  Result<void> connect_subscribers(Contender& contender, const Shape& shape);
  Result<void> connect_publishers(Contender& contender, const Shape& shape);
  Result<void> watch(int fd, uint64_t tag, int operation, uint32_t events) const;

  Result<void> refill();
  Result<void> write_due(size_t publisher);
  // Handles what is ready; waits for it at most `patience_ms`.
  Result<void> turn(int patience_ms);
  Result<void> handle(uint64_t tag);
  Result<void> read_from(Subscriber& subscriber);
  bool all_completed() const;
  Error stuck() const;

  std::string payload_;
  Accounting accounting_;
  Fd epoll_;
  std::vector<Publisher> publishers_;
  std::vector<char> waits_for_room_;  // by publisher: whether epoll watches for it
  std::vector<std::unique_ptr<Subscriber>> subscribers_;
  std::vector<Fd> others_;  // bystanders and stopped ones: never read
  std::string buffer_;
  uint64_t delivered_before_ = 0;
  TimePoint last_progress_;
};

}  // namespace bus::bench
