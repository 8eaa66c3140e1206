#include "hub/core/base/deadlines.h"

#include <algorithm>
#include <utility>

#include "protocol/base/check.h"

namespace bus::hub {

Deadlines::~Deadlines() { BUSD_CHECK(heap_.empty()); }

TimePoint Deadlines::next() const { return heap_.empty() ? kNever : heap_.front().at; }

bool Deadlines::is_before(const Entry& a, const Entry& b) {
  if (a.at != b.at) return a.at < b.at;
  const Deadline& x = *a.deadline;
  const Deadline& y = *b.deadline;
  return x.read_first_ != y.read_first_ ? x.read_first_ < y.read_first_ : x.serial_ < y.serial_;
}

void Deadlines::put(size_t place, const Entry& entry) {
  heap_[place] = entry;
  entry.deadline->place_ = place;
}

// Both move what stands in the way of `entry`, from `place` on, and put it where it belongs.
void Deadlines::sift_up(size_t place, const Entry& entry) {
  while (place > 0) {
    size_t above = (place - 1) / kBelow;
    if (!is_before(entry, heap_[above])) break;
    put(place, heap_[above]);
    place = above;
  }
  put(place, entry);
}

void Deadlines::sift_down(size_t place, const Entry& entry) {
  for (;;) {
    size_t first = kBelow * place + 1;
    if (first >= heap_.size()) break;
    size_t least = first;
    for (size_t below = first + 1; below < std::min(first + kBelow, heap_.size()); ++below) {
      if (is_before(heap_[below], heap_[least])) least = below;
    }
    if (!is_before(heap_[least], entry)) break;
    put(place, heap_[least]);
    place = least;
  }
  put(place, entry);
}

void Deadlines::arm(Deadline& deadline) {
  deadline.serial_ = ++last_serial_;
  Entry entry{deadline.at_, &deadline};
  heap_.push_back(entry);
  sift_up(heap_.size() - 1, entry);
}

void Deadlines::disarm(Deadline& deadline) {
  size_t place = deadline.place_;
  BUSD_CHECK(heap_[place].deadline == &deadline);
  Entry last = heap_.back();
  heap_.pop_back();
  if (place == heap_.size()) return;
  bool rises = place > 0 && is_before(last, heap_[(place - 1) / kBelow]);
  rises ? sift_up(place, last) : sift_down(place, last);
}

// Visits those that have come, the earliest first, until `visit` returns false. Below a deadline in the heap
// stand only later ones, so the next is always among the children of those visited: what is not visited costs
// nothing.
template <class Visit>
void Deadlines::visit_come(TimePoint now, Visit visit) const {
  auto later = [this](size_t a, size_t b) { return is_before(heap_[b], heap_[a]); };
  std::vector<size_t> next;
  auto add = [&](size_t place) {
    if (place >= heap_.size() || heap_[place].at > now) return;
    next.push_back(place);
    std::push_heap(next.begin(), next.end(), later);
  };
  add(0);
  while (!next.empty()) {
    std::pop_heap(next.begin(), next.end(), later);
    size_t place = next.back();
    next.pop_back();
    if (!visit(*heap_[place].deadline)) return;
    for (size_t below = 1; below <= kBelow; ++below) add(kBelow * place + below);
  }
}

std::vector<PeerId> Deadlines::due(TimePoint now) const {
  std::vector<PeerId> out;
  visit_come(now, [&](const Deadline& deadline) {
    for (PeerId peer : {deadline.read_first_, deadline.then_read_}) {
      bool is_new = peer != 0 && std::find(out.begin(), out.end(), peer) == out.end();
      if (is_new && out.size() < kMaxDuePeers) out.push_back(peer);
    }
    return out.size() < kMaxDuePeers;
  });
  return out;
}

void Deadlines::expire(TimePoint now, const std::vector<PeerId>& read) {
  // Whoever is told may disarm others, so the next one is looked for anew. Those of peers that were not read
  // are passed over, but not without end: while any is left, the next turn comes at once.
  constexpr size_t kMaxPassedOver = 64;
  for (;;) {
    Deadline* next = nullptr;
    size_t passed_over = 0;
    visit_come(now, [&](Deadline& deadline) {
      auto was_read = [&](PeerId peer) {
        return peer == 0 || std::find(read.begin(), read.end(), peer) != read.end();
      };
      if (was_read(deadline.read_first_) && was_read(deadline.then_read_)) next = &deadline;
      return next == nullptr && ++passed_over < kMaxPassedOver;
    });
    if (next == nullptr) return;
    Owner& owner = *next->owner_;
    next->disarm();
    owner.expired(*next, now);
  }
}

void Deadline::arm(Deadlines& table, Deadlines::Owner& owner, TimePoint at, PeerId read_first,
                   PeerId then_read) {
  if (table_ != nullptr && at == at_ && owner_ == &owner && read_first_ == read_first &&
      then_read_ == then_read)
    return;
  disarm();
  if (at == kNever) return;
  table_ = &table;
  owner_ = &owner;
  at_ = at;
  read_first_ = read_first;
  then_read_ = then_read;
  table.arm(*this);
}

void Deadline::disarm() {
  if (table_ == nullptr) return;
  std::exchange(table_, nullptr)->disarm(*this);
  at_ = kNever;
}

}  // namespace bus::hub
