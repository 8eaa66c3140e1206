// Every history of 7 steps that 3 consumers of 2 keys can have, and every history of 7 steps in which 4
// consumers of one key come and go, each compared with the model after every step.
//
// Of the 3 consumers, a step is one of: join (with either key), leave (bye), die (hang up), check
// (pre_shutdown_check), publish (an event of the own key, which all consumers of that key get), and stall, or
// read on if it stalls. A stalled consumer takes a few bytes more, so that frames are partly written, and a
// queue holds one frame, so that the second event that waits drops one. The 4 consumers join, also exclusively,
// leave, die and check.
//
// Histories that differ only in names are one: who joins is always the first place that is free (which of
// three empty places a connection takes is a name that nobody sees: each join is a new connection), and the
// first key that is used is called "a". All others are run: one step is taken in all ways that are possible
// after the ones before it. A core cannot be copied, so each history replays its steps from the beginning;
// what came before its last step was compared when it was the last.
//
// BUSD_STEPS=N makes the histories longer or shorter.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "protocol/base/strings.h"
#include "tests/support/catch.h"
#include "tests/support/slow.h"
#include "tests/unit/hub_core/twin.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr size_t kMostConsumers = 4;
constexpr size_t kStepsByDefault = kSlowBuild ? 5 : 7;
// Part of an event's frame; the ack of one who stalls before it is let in does not fit either.
constexpr size_t kRoomOfStalled = 40;

enum class Act { join_a, join_b, join_alone, leave, die, check, publish, stall };
constexpr const char* kActNames[] = {"join a", "join b", "join a alone", "leave",
                                     "die",    "check",  "publish",      "stall or read on"};

// What the histories are made of.
struct World {
  size_t consumers;
  std::vector<Act> acts;

  bool has(Act act) const { return std::find(acts.begin(), acts.end(), act) != acts.end(); }
};

const World kBusWorld{3, {Act::join_b, Act::publish, Act::stall}};
const World kScopeWorld{4, {Act::join_alone}};

struct Step {
  size_t consumer = 0;
  Act act = Act::join_a;
};

// What is known of a consumer without asking the hub.
struct Place {
  hub::PeerId id = 0;
  char key = 0;
  bool stalled = false;
};

class Simulation {
 public:
  explicit Simulation(const World& world) : world_(world), twin_(config()) {}

  void take(const Step& step) {
    Place& place = places_[step.consumer];
    switch (step.act) {
      case Act::join_a:
        return join(place, 'a');
      case Act::join_b:
        return join(place, 'b');
      case Act::join_alone:
        return join(place, 'a', R"(,"exclusive":true)");
      case Act::leave:
        return twin_.send(place.id, "{\"type\":\"bye\"}\n");
      case Act::die:
        return twin_.hang_up(place.id);
      case Act::check:
        return twin_.send(place.id, line(place, R"({"type":"pre_shutdown_check","event_key":"?"})"));
      case Act::publish:
        return twin_.send(place.id, line(place, R"({"type":"event","event_type":"?"})"));
      case Act::stall:
        place.stalled = !place.stalled;
        return twin_.set_room(place.id, place.stalled ? kRoomOfStalled : kEndless);
    }
  }

  // The steps that are possible now.
  std::vector<Step> next() const {
    std::vector<Step> steps;
    bool has_free = false;
    for (size_t i = 0; i < world_.consumers; ++i) {
      auto add = [&](Act act) {
        if (world_.has(act)) steps.push_back({i, act});
      };
      if (!is_open(i)) {
        if (std::exchange(has_free, true)) continue;
        steps.push_back({i, Act::join_a});
        if (key_is_used_) add(Act::join_b);
        add(Act::join_alone);
        continue;
      }
      steps.push_back({i, Act::die});
      add(Act::stall);
      // What a peer says after its bye is not read.
      if (twin_.model.read_state(places_[i].id) == hub::ReadState::ended) continue;
      for (Act act : {Act::leave, Act::check}) steps.push_back({i, act});
      add(Act::publish);
    }
    return steps;
  }

  std::string difference() { return twin_.difference(); }

 private:
  static hub::HubConfig config() {
    hub::HubConfig config = rig_config();
    config.queue.frames = 1;
    config.sharing = {2, 1, 1};
    return config;
  }

  bool is_open(size_t i) const { return places_[i].id != 0 && twin_.is_open(places_[i].id); }

  void join(Place& place, char key, const std::string& more = {}) {
    key_is_used_ = true;
    place = {twin_.connect(), key, false};
    twin_.send(place.id,
               line(place, R"({"type":"hello","pid":1,"event_key":"?","event_types":["?"])" + more + "}"));
  }

  // `frame` with the key in the place of each '?'.
  static std::string line(const Place& place, std::string frame) {
    for (char& c : frame) {
      if (c == '?') c = place.key;
    }
    return frame += '\n';
  }

  const World& world_;
  Twin twin_;
  std::array<Place, kMostConsumers> places_;
  bool key_is_used_ = false;
};

class AllHistories {
 public:
  AllHistories(const World& world, size_t steps) : world_(world), most_(steps) {}

  // Depth first. False once a history differs.
  bool run() {
    Simulation simulation(world_);
    for (const Step& step : history_) simulation.take(step);
    if (std::string difference = simulation.difference(); !difference.empty()) {
      difference_ = difference + told();
      return false;
    }
    if (history_.size() == most_) {
      ++histories_;
      return true;
    }
    for (const Step& step : simulation.next()) {
      history_.push_back(step);
      if (!run()) return false;
      history_.pop_back();
    }
    return true;
  }

  uint64_t histories() const { return histories_; }
  const std::string& difference() const { return difference_; }

 private:
  std::string told() const {
    std::string out = "\nin the history:";
    for (const Step& step : history_) {
      out += "\n  consumer " + std::to_string(step.consumer) + ": ";
      out += kActNames[static_cast<size_t>(step.act)];
    }
    return out;
  }

  const World& world_;
  size_t most_;
  std::vector<Step> history_;
  uint64_t histories_ = 0;
  std::string difference_;
};

void check_all_histories(const World& world) {
  const char* text = std::getenv("BUSD_STEPS");
  size_t steps = text == nullptr ? kStepsByDefault : static_cast<size_t>(parse_u64(text).value_or(0));
  REQUIRE(steps > 0);
  AllHistories all(world, steps);
  bool agrees = all.run();
  INFO(all.difference());
  REQUIRE(agrees);
  std::printf("histories: all %llu of %zu steps%s\n", static_cast<unsigned long long>(all.histories()), steps,
              kSlowBuild ? " (shorter, since this is a build with sanitizers)" : "");
  CHECK(all.histories() > 0);
}

}  // namespace

TEST_CASE("Every short history of two keys and three consumers is what the model says") {
  check_all_histories(kBusWorld);
}

TEST_CASE("Every short history of four consumers that come to one scope and leave is what the model says") {
  check_all_histories(kScopeWorld);
}
