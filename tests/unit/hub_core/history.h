// One random history of a hub: connections that join, publish, ask, stall, dribble bytes, leave and die, and
// time that passes, all chosen by one seed; after each step the core is compared with the model.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "tests/unit/hub_core/random_frames.h"
#include "tests/unit/hub_core/twin.h"

namespace bus::test {

class History {
 public:
  explicit History(uint64_t seed);

  // Returns what differs, with the step and those before it; empty when core and model agree to the end.
  std::string run(size_t steps);

  // What it met, so that a test sees that its histories are about something.
  struct Met {
    uint64_t dropped = 0;
    uint64_t duplicates = 0;
    uint64_t unmatched = 0;
    uint64_t refused = 0;
    StatusResponse::Connections connections;
    uint64_t cleanup_calls = 0;
    uint64_t crowded_out = 0;  // hellos that were one too many to wait
    uint64_t shares = 0;       // of a rendering with a socket
    uint64_t interest = 0;     // lines of it
  };
  void add_to(Met& met) const;

 private:
  // Who sits at one of the places from which connections are made.
  struct Seat {
    hub::PeerId id = 0;
    uint32_t uid = 0;
    std::string unsent;  // the rest of a frame that it dribbles
    bool greeted = false;
    bool announces =
        false;  // what it publishes: it never stalls, since the model does not say when it is told
  };

  static hub::HubConfig config(uint64_t seed, Dice& dice, RandomFrames::Habits& habits, size_t& seats);

  void step();
  void connect(Seat& seat);
  void greet(Seat& seat);
  void act(Seat& seat);
  void leave_one_alone();
  void publish(Seat& seat);
  void stall(Seat& seat);
  void pass_time();
  void send(Seat& seat, std::string bytes);
  void stop();
  void log(const std::string& what, const Seat& seat, const std::string& bytes = {});
  bool agrees(size_t step);

  Dice dice_;
  RandomFrames::Habits habits_;
  size_t seat_count_ = 0;
  Twin twin_;
  RandomFrames frames_;
  std::vector<Seat> seats_;
  std::deque<std::string> log_;  // what happened lately
  std::string difference_;
};

}  // namespace bus::test
