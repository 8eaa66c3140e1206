// A loop of poll(2) for programs that have none: several clients, and descriptors of one's own. Copy it.
//
//   busd::loops::PollHost host;
//   host.add(consumer, turn);
//   host.add(source, other_turn);
//   host.run();
//
// `turn` is called whenever its client is due; see turn.hpp. The loop ends when no turn wants to be called
// again, or by stop(). Clients outlive the loop.
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
  // A descriptor that is no client's: `turn` is called when it is ready for `events`.
  void add(int fd, short events, std::function<bool()> turn) {
    watches_.push_back({[fd, events](pollfd& wait) {
                          wait = {fd, events, 0};
                          return std::int64_t{BUSD_FOREVER};
                        },
                        std::move(turn)});
  }

  // False, with errno, when poll failed.
  bool run() {
    stopped_ = false;
    while (!stopped_ && !watches_.empty()) {
      if (!wait()) return false;
      take_turns();
    }
    return true;
  }
  // From a turn.
  void stop() { stopped_ = true; }

 private:
  struct Watch {
    std::function<std::int64_t(pollfd&)> ask;  // what to wait for, and how many milliseconds at most
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
    // By index and a moved function, since a turn may add.
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
