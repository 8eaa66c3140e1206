#include "consumer/src/inbox.h"

#include <utility>

#include "protocol/base/check.h"

namespace bus::sdk {

size_t Inbox::bytes_of(const Kept& kept) {
  const Item& item = kept.item;
  return sizeof(Kept) + kept.frame.size() + item.status.source.size() + item.status.detail.size() +
         item.error.message.size() + item.error.id.size() + item.interest.event_type.size() +
         item.detail.size();
}

void Inbox::keep(const Item& item) {
  if (item.kind == ItemKind::refused) {
    if (refusals_ >= kMaxRefusalsKept) return;
    ++refusals_;
  }
  Kept kept{item, std::string()};
  if (item.kind == ItemKind::event) kept.frame = item.frame;
  bytes_ += bytes_of(kept);
  kept_.push_back(std::move(kept));
}

void Inbox::clear() {
  kept_.clear();
  bytes_ = 0;
  refusals_ = 0;
}

const Item* Inbox::take() {
  if (kept_.empty()) return nullptr;
  bytes_ -= bytes_of(kept_.front());
  taken_ = std::move(kept_.front());
  kept_.pop_front();
  if (taken_.item.kind == ItemKind::refused) --refusals_;
  if (taken_.item.kind != ItemKind::event) return &taken_.item;
  // The core has read the frame before, so that it is an event of one of the two forms.
  bool read = reader_.read(taken_.frame, event_) || scanner_.scan(taken_.frame, event_) == FrameKind::event;
  BUSD_CHECK(read);
  taken_.item.event = &event_;
  taken_.item.frame = taken_.frame;
  return &taken_.item;
}

}  // namespace bus::sdk
