// Objects by ids that are never used twice: an array of them, whose places are used again.
//
// An id is a serial number and a place: looking one up costs an index and a comparison, and an id of
// something that has gone is found out. Objects stay where they are. A connection's share is one pointer,
// where a hash map takes 40 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "protocol/base/check.h"

namespace bus::hub {

inline constexpr unsigned kPlaceBits = 24;  // more than a process can have descriptors

inline size_t place_of(uint64_t id) { return id & ((uint64_t{1} << kPlaceBits) - 1); }
// Counts from 1, and tells one from another by itself.
inline uint64_t serial_of(uint64_t id) { return id >> kPlaceBits; }

// T has a member `id`, which this sets.
template <class T>
class Slots {
 public:
  // A new one; its id is greater than all before it, and not 0.
  T& add() {
    size_t place = objects_.size();
    if (free_.empty()) {
      BUSD_CHECK(place < (size_t{1} << kPlaceBits));
      objects_.emplace_back();
    } else {
      place = free_.back();
      free_.pop_back();
    }
    objects_[place] = std::make_unique<T>();
    objects_[place]->id = ++serial_ << kPlaceBits | place;
    return *objects_[place];
  }

  // nullptr when there is none.
  T* find(uint64_t id) const {
    size_t place = place_of(id);
    if (place >= objects_.size() || !objects_[place] || objects_[place]->id != id) return nullptr;
    return objects_[place].get();
  }

  void erase(uint64_t id) {
    BUSD_CHECK(find(id) != nullptr);
    objects_[place_of(id)].reset();
    free_.push_back(static_cast<uint32_t>(place_of(id)));
  }

  size_t size() const { return objects_.size() - free_.size(); }
  bool empty() const { return size() == 0; }

  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& object : objects_) {
      if (object) visit(*object);
    }
  }

 private:
  std::vector<std::unique_ptr<T>> objects_;
  std::vector<uint32_t> free_;
  uint64_t serial_ = 0;
};

}  // namespace bus::hub
