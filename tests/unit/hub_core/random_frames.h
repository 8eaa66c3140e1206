// Random frames for histories: what clients send, in the forms that the wire allows, and some that it does
// not.
//
// The same dice give the same frames on every machine. Knows nothing of hubs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

namespace bus::test {

class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}

  // 0 to n - 1.
  size_t below(size_t n) { return static_cast<size_t>(random_() % n); }
  bool one_in(size_t n) { return below(n) == 0; }
  template <class T>
  T pick(std::initializer_list<T> list) {
    return *(list.begin() + below(list.size()));
  }

 private:
  std::mt19937_64 random_;
};

class RandomFrames {
 public:
  struct Habits {
    size_t names = 3;        // of sources
    size_t ids = 30;         // event ids to choose from; 0: mostly new ones, and repetitions of any age
    bool one_scope = false;  // all consumers join the same
    size_t most_padding = 120;
  };

  RandomFrames(Dice& dice, const Habits& habits) : dice_(dice), habits_(habits) {}

  // Each is one line with its LF.
  std::string consumer_hello();
  std::string source_hello();
  std::string client_hello();
  std::string event();
  std::string check();
  std::string source_status();
  // Something that is answered with `error` after the first frame.
  std::string bad();
  // An event, near the cap, and in one of three cases above it when its seq is added.
  std::string huge_event();

 private:
  std::string scope_members();
  std::string type_entry();
  // Members of PROTOCOL.md 12; `publishes` one in so many times.
  void add_interest(std::vector<std::string>& members, size_t one_in);
  std::string event_type();
  std::string event_id();
  std::string payload();
  // `members` as an object: as they are, or in another order and with spaces.
  std::string object(std::vector<std::string> members);

  Dice& dice_;
  Habits habits_;
  uint64_t last_id_ = 0;
};

}  // namespace bus::test
