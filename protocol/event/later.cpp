#include "protocol/event/later.h"

#include <utility>

#include <event2/event.h>

#include "protocol/base/last_word.h"

namespace bus {

Later::Later(Loop& loop, std::function<void()> callback)
    : loop_(loop), callback_(std::move(callback)), event_(event_new(loop.base(), -1, 0, on_event, this)) {
  if (event_ == nullptr) end_without_memory();
}

Later::~Later() { event_free(event_); }

// What is made active joins the end of those that are.
void Later::ask() {
  if (!std::exchange(is_asked_, true)) event_active(event_, EV_TIMEOUT, 0);
}

void Later::on_event(int, short, void* self) noexcept {
  auto* later = static_cast<Later*>(self);
  Loop::CallbackScope scope(later->loop_);
  later->is_asked_ = false;
  later->callback_();
}

}  // namespace bus
