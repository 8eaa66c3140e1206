#include "consumer/cli/event_batch.h"

#include <utility>

namespace bus::cli {

bool EventBatch::has_room(std::string_view event) const {
  // The bracket or comma before it is in the text or counted here; so is the bracket at the end.
  return text_.empty() || text_.size() + event.size() + 2 <= kMostBatchBytes;
}

void EventBatch::add(std::string_view event, Clock::time_point now) {
  if (text_.empty()) due_ = now + longest_;
  text_ += text_.empty() ? '[' : ',';
  text_ += event;
}

std::string EventBatch::take() {
  due_.reset();
  return std::exchange(text_, {}) + "]";
}

}  // namespace bus::cli
