// All rooms of the hub. THE TABLE is in rooms.cpp: adding a room is a line there.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "hub/core/base/text_map.h"
#include "hub/core/events/events.h"
#include "hub/core/room.h"
#include "hub/core/status/status.h"

namespace bus::hub {

class Values;

using MakeRoom = std::unique_ptr<Room> (*)(Hub& hub);

class Rooms {
 public:
  // Rooms are made once the core that they see exists: make() fills the lists that all() gives. `more`: rooms
  // behind those of the table, of tests.
  void make(Hub& hub, Admission& admission, TimePoint start, std::span<const MakeRoom> more);
  std::span<Room* const> all() const { return list_; }

  // The one that events go to, without a look-up.
  Events& events() { return *events_; }
  const Status& status() const { return *status_; }
  // nullptr: there are none.
  Values* values() { return values_; }
  bool are_busy() const;

  struct Handler {
    Room* room;
    const MessageRule* rule;
  };
  // Who handles messages of `type`; nullptr: nobody.
  const Handler* find(std::string_view type) const;

  void end_of_turn(TimePoint now);
  bool have_work() const;

 private:
  std::vector<std::unique_ptr<Room>> rooms_;
  std::vector<Room*> list_;
  TextMap<Handler> handlers_;
  Events* events_ = nullptr;
  Status* status_ = nullptr;
  Values* values_ = nullptr;
};

}  // namespace bus::hub
