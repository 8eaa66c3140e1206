// Two hundred clients of one hub that join, publish, stall, die, half-close, say bye and come back, at
// random.
//
// One process, one epoll. What each client may expect of the hub is client.h's business; here is who does
// what, and the checkpoint: everybody reads all there is, and then the hub's counts must be equal to ours,
// client by client.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/soak/client.h"
#include "tests/soak/hub.h"
#include "tests/soak/ledger.h"

namespace bus::soak {

class Swarm {
 public:
  Swarm(const Hub& hub, size_t clients, uint64_t seed, Ledger& ledger);

  // One client does something; then all that is ready is read and written.
  void turn();
  // Stalled ones read again, nobody starts anything, until all is read; then compares with the hub's status.
  void checkpoint();
  size_t open_connections() const { return by_fd_.size(); }
  // Says bye for everybody and waits for the EOFs.
  void leave();

 private:
  using Slot = std::unique_ptr<Client>;

  void act(Slot& slot, size_t place);
  void act_up(Client& client);
  void join(Slot& slot, size_t place);
  void publish(Client& client, bool large);
  // Reads and writes what is ready; waits for that at most so long. False when nothing was.
  bool pump(int wait_ms);
  void watch(const Client& client, bool add);
  void destroy_closed();

  void settle_all();
  bool settled() const;
  // What differs between the hub's counts and ours; empty: nothing.
  std::string difference(const StatusResponse& theirs) const;
  std::string descriptor_difference();
  std::string difference_of(const Client& client, const StatusResponse::Consumer& theirs) const;

  uint64_t pick(uint64_t from, uint64_t to) {
    return std::uniform_int_distribution<uint64_t>(from, to)(random_);
  }

  const Hub& hub_;
  Ledger& ledger_;
  std::mt19937_64 random_;
  Fd epoll_;
  std::vector<Slot> slots_;
  std::unordered_map<int, Client*> by_fd_;
  uint64_t last_id_ = 0;
  size_t own_descriptors_ = 0;  // of the hub, beside those of connections; known after the first checkpoint
};

}  // namespace bus::soak
