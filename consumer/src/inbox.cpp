#include "consumer/src/inbox.h"

#include <type_traits>
#include <utility>
#include <variant>

#include "protocol/base/check.h"
#include "protocol/decode.h"

namespace bus::sdk {

size_t Inbox::bytes_of(const Kept& kept) {
  const Item& item = kept.item;
  size_t values = 0;
  for (const KeyFact& fact : item.news.keys) values += sizeof(KeyFact) + fact.key.size() + fact.value.size();
  return values + sizeof(Kept) + kept.frame.size() + item.status.source.size() + item.status.detail.size() +
         item.error.message.size() + item.error.id.size() + item.interest.event_type.size() +
         item.detail.size();
}

void Inbox::keep(const Item& item) {
  if (item.kind == ItemKind::refused) {
    if (refusals_ >= kMaxRefusalsKept) return;
    ++refusals_;
  }
  Kept kept{item, std::string(), ++places_};
  if (item.kind == ItemKind::event || is_of_calls(item.kind)) kept.frame = item.frame;
  if (!is_of_calls(item.kind)) kept.item.call = {};
  if (!is_of_values(item.kind)) kept.item.news = {};
  bytes_ += bytes_of(kept);
  (is_of_calls(item.kind) ? calls_ : events_).push_back(std::move(kept));
}

void Inbox::clear() {
  events_.clear();
  calls_.clear();
  bytes_ = 0;
  refusals_ = 0;
}

const Item* Inbox::take() {
  if (empty()) return nullptr;
  bool call_first = events_.empty() || (!calls_.empty() && calls_.front().place < events_.front().place);
  return take_from(call_first ? calls_ : events_);
}

const Item* Inbox::take_from(Lane& lane) {
  bytes_ -= bytes_of(lane.front());
  taken_ = std::move(lane.front());
  lane.pop_front();
  if (taken_.item.kind == ItemKind::refused) --refusals_;
  if (taken_.frame.empty()) return &taken_.item;
  taken_.item.frame = taken_.frame;
  if (is_of_calls(taken_.item.kind)) {
    read_call();
    return &taken_.item;
  }
  // The core has read the frame before, so that it is an event of one of the two forms.
  bool read = reader_.read(taken_.frame, event_) || scanner_.scan(taken_.frame, event_) == FrameKind::event;
  BUSD_CHECK(read);
  taken_.item.event = &event_;
  return &taken_.item;
}

// Sets anew what views the frame.
void Inbox::read_call() {
  BUSD_CHECK(scanner_.scan(taken_.frame, event_) == FrameKind::other);
  // Not by std::visit, which may throw.
  auto read = [this]<class T>(T* message) {
    if (message != nullptr) *message = std::move(*decode<T>(scanner_.frame()));
  };
  read(std::get_if<Response>(&taken_.item.call));
  read(std::get_if<Chunk>(&taken_.item.call));
  read(std::get_if<Progress>(&taken_.item.call));
  read(std::get_if<GivenRequest>(&taken_.item.call));
  read(std::get_if<Cancel>(&taken_.item.call));
  read(std::get_if<Pause>(&taken_.item.call));
  read(std::get_if<Resume>(&taken_.item.call));
}

}  // namespace bus::sdk
