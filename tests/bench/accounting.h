// Who must have got which message: every subscriber gets every message of its topic, once, and those of one
// publisher in the order in which they were sent.
//
// Pure counting, told by the generator what was published and what arrived. The first message that is lost,
// doubled, out of order or changed is kept as the fault of the run; a run with a fault has no rate.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bus::bench {

// A message's number is its publisher times this, plus its own number, which counts from 1.
inline constexpr uint64_t kNumbersPerPublisher = 100'000'000;

class Accounting {
 public:
  // With one topic, every subscriber gets all messages of all publishers. With more, there is one publisher,
  // it takes the topics in turn, and subscriber i has topic i alone. `payload` is what all messages look like
  // but for the number.
  Accounting(size_t publishers, size_t subscribers, size_t topics, std::string payload);

  // Subscriber `subscriber` got `payload`. False once there is a fault.
  bool received(size_t subscriber, std::string_view payload);

  // Of the messages of `publisher`, how many have reached everybody who must get them.
  uint64_t completed(size_t publisher) const;

  uint64_t delivered() const { return delivered_; }  // to all subscribers together

  // One line for people; empty while everything is as it must be.
  const std::string& fault() const { return fault_; }

 private:
  bool fail(size_t subscriber, const std::string& what);
  bool looks_right(std::string_view payload) const;

  size_t publishers_;
  size_t topics_;
  std::string payload_;
  std::vector<uint64_t> next_;  // by subscriber and publisher: the number that must come next
  uint64_t delivered_ = 0;
  std::string fault_;
};

}  // namespace bus::bench
