#include "hub/core/base/deadlines.h"

#include <algorithm>
#include <utility>

#include "protocol/base/check.h"

namespace bus::hub {

Deadlines::~Deadlines() { BUSD_CHECK(heap_.empty()); }

TimePoint Deadlines::next() const { return heap_.empty() ? kNever : heap_.front()->at_; }

bool Deadlines::is_before(size_t a, size_t b) const {
  const Deadline& x = *heap_[a];
  const Deadline& y = *heap_[b];
  if (x.at_ != y.at_) return x.at_ < y.at_;
  return x.read_first_ != y.read_first_ ? x.read_first_ < y.read_first_ : x.serial_ < y.serial_;
}

void Deadlines::sift_up(size_t place) {
  while (place > 0) {
    size_t parent = (place - 1) / 2;
    if (!is_before(place, parent)) return;
    std::swap(heap_[place], heap_[parent]);
    moved(place);
    moved(parent);
    place = parent;
  }
}

void Deadlines::sift_down(size_t place) {
  for (;;) {
    size_t least = place;
    for (size_t child = 2 * place + 1; child <= 2 * place + 2 && child < heap_.size(); ++child) {
      if (is_before(child, least)) least = child;
    }
    if (least == place) return;
    std::swap(heap_[place], heap_[least]);
    moved(place);
    moved(least);
    place = least;
  }
}

void Deadlines::moved(size_t place) { heap_[place]->place_ = place; }

void Deadlines::arm(Deadline& deadline) {
  deadline.serial_ = ++last_serial_;
  heap_.push_back(&deadline);
  moved(heap_.size() - 1);
  sift_up(heap_.size() - 1);
}

void Deadlines::disarm(Deadline& deadline) {
  size_t place = deadline.place_;
  BUSD_CHECK(heap_[place] == &deadline);
  std::swap(heap_[place], heap_.back());
  moved(place);
  heap_.pop_back();
  if (place == heap_.size()) return;
  sift_up(place);
  sift_down(place);
}

// Visits those that have come, the earliest first, until `visit` returns false. Below a deadline in the heap
// stand only later ones, so the next is always among the children of those visited: what is not visited costs
// nothing.
template <class Visit>
void Deadlines::visit_come(TimePoint now, Visit visit) const {
  auto later = [this](size_t a, size_t b) { return is_before(b, a); };
  std::vector<size_t> next;
  auto add = [&](size_t place) {
    if (place >= heap_.size() || heap_[place]->at_ > now) return;
    next.push_back(place);
    std::push_heap(next.begin(), next.end(), later);
  };
  add(0);
  while (!next.empty()) {
    std::pop_heap(next.begin(), next.end(), later);
    size_t place = next.back();
    next.pop_back();
    if (!visit(*heap_[place])) return;
    add(2 * place + 1);
    add(2 * place + 2);
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
