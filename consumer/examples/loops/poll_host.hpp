// A poll(2) loop for programs that have no loop. It hosts clients and other descriptors. Copy it.
//
//   busd::loops::PollHost host;
//   host.add(consumer, turn);
//   host.add(source, other_turn);
//   host.run();
//
// The loop calls `turn` whenever its client is due; see turn.hpp. The loop ends when every turn has returned
// false, or by stop(). Clients must outlive the loop.
#pragma once

#include <algorithm>
#include <busd/consumer.hpp>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <poll.h>
#include <utility>
#include <vector>

namespace busd::loops {

class PollHost {
 public:
  template <class Client>  // busd::Consumer or busd::Source
  void add(Client& client, std::function<bool()> turn) {
    watches_.push_back({[&client](pollfd& wait) {
                          wait = {client.fd(), client.events(), 0};
                          auto deadline = client.deadline();
                          return deadline ? std::int64_t{deadline->count()} : std::int64_t{BUSD_FOREVER};
                        },
                        std::move(turn)});
  }
  // Adds a descriptor that belongs to no client. The loop calls `turn` when it is ready for `events`.
  void add(int fd, short events, std::function<bool()> turn) {
    watches_.push_back({[fd, events](pollfd& wait) {
                          wait = {fd, events, 0};
                          return std::int64_t{BUSD_FOREVER};
                        },
                        std::move(turn)});
  }

  // Returns false, with errno set, if poll failed.
  bool run() {
    stopped_ = false;
    while (!stopped_ && !watches_.empty()) {
      if (!wait()) return false;
      take_turns();
    }
    return true;
  }
  // Ends the loop. Call it from a turn.
  void stop() { stopped_ = true; }

 private:
  struct Watch {
    std::function<std::int64_t(pollfd&)>
        ask;  // fills in what to wait for, and returns the timeout in milliseconds
    std::function<bool()> turn;
    bool due = false;
    bool over = false;
  };

  bool wait() {
    std::vector<pollfd> waits(watches_.size());
    std::vector<std::int64_t> deadlines(watches_.size());
    std::int64_t timeout = BUSD_FOREVER;
    for (std::size_t i = 0; i < watches_.size(); ++i) {
      std::int64_t deadline = deadlines[i] = watches_[i].ask(waits[i]);
      if (deadline != BUSD_FOREVER && (timeout == BUSD_FOREVER || deadline < timeout)) timeout = deadline;
    }
    int bounded = static_cast<int>(std::min<std::int64_t>(timeout, INT_MAX));
    int ready = ::poll(waits.data(), static_cast<nfds_t>(waits.size()), bounded);
    if (ready < 0 && errno != EINTR) return false;
    for (std::size_t i = 0; i < watches_.size(); ++i) {
      bool late = ready == 0 && deadlines[i] == timeout;
      watches_[i].due = deadlines[i] == 0 || late || (ready > 0 && waits[i].revents != 0);
    }
    return true;
  }

  void take_turns() {
    // By index and with a moved function, because a turn may add entries.
    for (std::size_t i = 0; i < watches_.size() && !stopped_; ++i) {
      if (!watches_[i].due) continue;
      auto turn = std::move(watches_[i].turn);
      bool more = turn();
      watches_[i].turn = std::move(turn);
      watches_[i].over = !more;
    }
    watches_.erase(
        std::remove_if(watches_.begin(), watches_.end(), [](const Watch& watch) { return watch.over; }),
        watches_.end());
  }

  std::vector<Watch> watches_;
  bool stopped_ = false;
};

}  // namespace busd::loops
