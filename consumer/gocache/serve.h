// The cache as the child of a go command: requests on stdin, answers on stdout.
//
// One thread. Input is read whenever there is some, and answers wait in memory while nobody takes them, because the go command may not read
// them before it has written a whole body. Nothing that fails here fails a build: a get is then a miss, and a put is kept elsewhere.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "consumer/gocache/body.h"
#include "consumer/gocache/cache.h"
#include "consumer/gocache/core/request_reader.h"
#include "consumer/gocache/evicted.h"
#include "consumer/gocache/flights.h"
#include "consumer/gocache/lease.h"
#include "consumer/gocache/run_log.h"

namespace bus::gocache {

struct ServeOptions {
  bool verbose = false;
  bool paths_may_escape = true;
  std::chrono::milliseconds patience{10'000};   // for what another run is building
  std::function<void(const std::string&)> say;  // a line for people
};

class Serve final : private RequestSink {
 public:
  // `place`: nullptr: there is no cache. `lease`: nullptr: none can be had; then nothing is written there.
  Serve(Place* place, Lease* lease, ServeOptions options);
  ~Serve();

  // Until `close`, or the end of the input. Both descriptors are the caller's.
  void run(int in, int out);
  const Counts& counts() const { return counts_; }

 private:
  using Clock = std::chrono::steady_clock;

  // A get of what another run is building.
  struct Waiting {
    int64_t id;
    Id action;
    Clock::time_point since;
  };
  // A put whose body is coming.
  struct Put {
    Request request;
    std::unique_ptr<Body> body;
  };
  void request(const Request& request) override;
  void body(std::string_view bytes) override;
  void body_end(const std::string& fault) override;
  void garbage(const std::string& why) override;

  void get(const Request& request);
  void put_whole();
  void refuse(const Request& request, const std::string& why);
  void miss(int64_t id, const Id& action);
  std::optional<Cache::Found> find(const Id& action);
  void hand_out(int64_t id, const Cache::Found& found);
  void look_at_waiting(bool is_end);
  void watch(const Id& action);
  void drain_watches();

  void read_some(int in);
  void write_some(int out);
  void forget_answers();
  int wait_ms() const;
  void tell(const std::string& line);

  Place* place_;
  Lease* lease_;
  ServeOptions options_;
  std::unique_ptr<Cache> cache_;
  Flights flights_;
  std::unique_ptr<Evicted> evicted_;
  PrivatePlace private_;
  Writing writing_;
  RequestReader reader_;
  Counts counts_;

  std::optional<Put> put_;
  std::map<Id, Cache::Found> elsewhere_;  // what the cache could not take, by action
  std::vector<Waiting> waiting_;
  Fd watches_;  // of directories in which an output is awaited
  bool has_given_up_ = false;

  std::string answers_;
  size_t written_ = 0;
  bool ends_ = false;     // no more is read
  bool is_deaf_ = false;  // nobody reads what we write
  bool said_trouble_ = false;
  std::vector<char> buffer_;
};

}  // namespace bus::gocache
