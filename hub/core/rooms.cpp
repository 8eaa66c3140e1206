#include "hub/core/rooms.h"

#include <algorithm>

#include "hub/core/calls/calls.h"
#include "hub/core/interest/interest.h"
#include "hub/core/scopes/scopes.h"
#include "hub/core/sources/sources.h"
#include "hub/core/values/values.h"
#include "protocol/base/check.h"

namespace bus::hub {

// THE TABLE. A room that stands further up is told first that a peer has joined, and last that it leaves.
void Rooms::make(Hub& hub, Admission& admission, TimePoint start, std::span<const MakeRoom> more) {
  auto add = [&](auto room) {
    auto* made = room.get();
    rooms_.push_back(std::move(room));
    return made;
  };
  events_ = add(std::make_unique<Events>(hub));
  add(std::make_unique<Scopes>(hub));
  add(std::make_unique<Sources>(hub));
  add(std::make_unique<Interest>(hub));
  Calls* calls = add(std::make_unique<Calls>(hub));
  if (hub.config.values) values_ = add(std::make_unique<Values>(hub));
  status_ = add(std::make_unique<Status>(hub, admission, start));
  for (MakeRoom make_room : more) add(make_room(hub));

  BUSD_CHECK(rooms_.size() <= kMaxRooms);
  for (const auto& room : rooms_) {
    room->set_place(list_.size());
    list_.push_back(room.get());
    for (const MessageRule& rule : room->messages()) {
      bool is_new = handlers_.emplace(rule.type, Handler{room.get(), &rule}).second;
      BUSD_CHECK(is_new);
    }
  }
  status_->begin(list_);
  calls->begin(list_);
  hub.events = events_;
  hub.calls = calls;
  hub.values = values_;
}

const Rooms::Handler* Rooms::find(std::string_view type) const {
  auto at = handlers_.find(type);
  return at == handlers_.end() ? nullptr : &at->second;
}

void Rooms::end_of_turn(TimePoint now) {
  for (Room* room : list_) room->end_of_turn(now);
}

bool Rooms::are_busy() const {
  return std::any_of(list_.begin(), list_.end(), [](const Room* room) { return room->is_busy(); });
}

bool Rooms::have_work() const {
  for (const Room* room : list_) {
    if (room->has_work()) return true;
  }
  return false;
}

}  // namespace bus::hub
