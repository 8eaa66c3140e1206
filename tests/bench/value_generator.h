// Owns all clients and followers of one shape on one server, in one epoll and one thread, and keeps one operation of each client open.
//
// Alike for every store. Each operation is a write of its own. Starts no server and takes no cpu time of one: lane.h does.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/base/clock.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"
#include "tests/bench/shape.h"
#include "tests/bench/value_accounting.h"
#include "tests/bench/value_wire.h"

namespace bus::bench {

// Of a put or get, the time from its write until its answer was read; of a put that is followed, until a follower had its value; of a
// snapshot, until it was there.
struct ValueRun {
  double seconds = 0;
  std::vector<Duration> latencies;
  size_t operations = 0;  // answers, values that came to followers, or keys of snapshots
};

class ValueGenerator {
 public:
  // Each key has a value, everybody is connected, and each follower has what was there. The shape is one of values.
  static Result<std::unique_ptr<ValueGenerator>> connect(ValueStore& store, const Shape& shape);
  ~ValueGenerator();

  // Works for `duration`, then waits for what is open. At least one snapshot.
  //
  // Error protocol: a value was lost, old, changed or refused. timed_out: nothing came for 5 s.
  Result<ValueRun> run(Duration duration);

  // Closes all connections. What every key must have is remembered: snapshots can be taken of the server that comes next.
  void disconnect();

 private:
  struct Party;
  struct Client;
  struct Follower;

  ValueGenerator(ValueStore& store, const Shape& shape);
  // Each client begins its next operation when the one before is answered.
  bool works_alone() const {
    return load_.work == ValueLoad::Work::put || load_.work == ValueLoad::Work::get;
  }
  Result<void> add_client();
  Result<void> add_follower(std::unique_ptr<ValueFollower> wire);
  Result<void> watch(Party& party) const;
  Result<void> fill();
  Result<void> take_snapshot();
  Result<void> begin(Client& client);
  Result<void> put_for_followers();
  void reached(Follower& follower);
  // Handles what comes until `done` says that it is enough.
  template <class Done>
  Result<void> work_until(Done done);
  Result<void> turn(int patience_ms);

  ValueStore& store_;
  ValueLoad load_;
  ValueAccounting accounting_;
  Fd epoll_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Follower>> followers_;
  size_t open_ = 0;     // operations
  size_t awaited_ = 0;  // values that followers have not got of the last puts
  size_t arrived_ = 0;  // answers and changes, ever
  bool is_measuring_ = false;
  TimePoint began_;  // the last puts that are followed
  TimePoint until_;
  ValueRun run_;
  std::string buffer_;
};

}  // namespace bus::bench
