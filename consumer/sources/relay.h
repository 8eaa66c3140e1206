// Requests for the tasks of one source: bus-sources takes them in its place, so that a request can start it.
//
// With `stdin = frames` the program gets them as lines and its answers come back through its standard output. Else it
// is expected to provide the tasks itself, on a connection of its own: once it does, what waits here is passed on to it
// by declining (PROTOCOL.md 10). Until then requests wait, and end by their deadlines. What it gets later comes by
// itself; that it is still asked is seen by looking at bus.tasks now and then, and counts as demand.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "consumer/sources/core/definition.h"
#include "consumer/sources/core/demand.h"
#include "consumer/sources/hub_link.h"
#include "consumer/sources/inlet.h"
#include "protocol/event/timer.h"

namespace bus::sources {

class Relay {
 public:
  // Lower than any that a provider would choose.
  static constexpr int32_t kPriority = INT32_MIN;
  static constexpr uint32_t kSlots = 1024;

  // `on_demand` is called when there is more demand, or less.
  Relay(Loop& loop, const Definition& definition, HubLink& link, Demand& demand,
        std::function<void()> on_demand);

  // --- what comes from the hub ---
  // Of any kind that belongs to requests, or to the calls made here.
  void on_item(const busd_item& item);
  void on_link_lost();

  // --- what comes of the program ---
  // It is up. `inlet`: its standard input, if it reads frames; stays good until on_ended().
  void on_running(Inlet* inlet);
  // The run is over; requests that it was given end with `reason`.
  void on_ended(const std::string& reason);
  // There will be no run: all requests end with `reason`.
  void refuse_all(const std::string& reason);
  // "response", "chunk" or "progress". What is wrong with it; empty: nothing.
  std::string on_answer(std::string_view type, std::string_view line);

 private:
  struct Waiting {
    std::string task;
    std::string line;  // the frame for the program
    bool given = false;
  };

  void add(const busd_item& item);
  void end(uint64_t number);
  void fail(uint64_t number, std::string_view code, const std::string& message);
  void hand_over();
  void pass(std::string_view type, uint64_t number, std::string_view reason);
  std::string respond(std::string_view line);
  void look_for_provider();
  void on_tasks(std::string_view result);
  void note_use(const std::string& use);
  void plan_look();
  bool needs_provider() const;

  const Definition& definition_;
  HubLink& link_;
  Demand& demand_;
  std::function<void()> on_demand_;
  std::map<uint64_t, Waiting> open_;
  bool running_ = false;
  Inlet* inlet_ = nullptr;
  uint64_t look_ = 0;  // the call that asks who provides; 0: none is open
  Duration pause_{};
  bool provides_itself_ = false;  // in this run
  bool is_in_use_ = false;        // and is asked
  std::string use_;               // what bus.tasks last said of its calls
  Timer next_look_;
};

}  // namespace bus::sources
