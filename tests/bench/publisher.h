// One connection that publishes, with its publications ready made: a ring of as many as may be in flight, of
// which only the digits of the number change. So sending costs the generator little beside the write.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"
#include "tests/bench/contender.h"

namespace bus::bench {

class Publisher {
 public:
  // `slots` is how many may be in flight, a multiple of the number of topics; slot i goes to topic i.
  Publisher(Fd fd, Contender& contender, size_t index, const std::vector<std::string>& topics,
            const std::string& payload, size_t slots);

  // Numbers the next `count` messages and makes them due. The caller knows that their slots are free: what
  // stood there has arrived.
  void publish(size_t count);

  // Writes what is due, as far as the socket takes it. Error closed: the server is gone.
  Result<void> flush();
  bool has_unwritten() const { return unwritten_bytes_ > 0; }

  // Takes what the server says to publishers out of the socket: answers, notices of subscriptions.
  Result<void> drain();
  // The last of it, for the report of a run that got stuck.
  const std::string& last_heard() const { return last_heard_; }

  uint64_t published() const { return published_; }
  size_t slots() const { return digits_at_.size(); }
  int fd() const { return fd_.get(); }

 private:
  Fd fd_;
  std::string number_;  // of the message published last
  std::string ring_;
  std::vector<size_t> digits_at_;  // by slot
  std::vector<size_t> ends_at_;
  uint64_t published_ = 0;
  size_t write_at_ = 0;
  size_t unwritten_bytes_ = 0;
  std::string last_heard_;
};

}  // namespace bus::bench
