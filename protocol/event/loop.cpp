#include "protocol/event/loop.h"

#include <sys/time.h>

#include <event2/event.h>

#include "protocol/base/last_word.h"

namespace bus {

namespace {

// After so many callbacks, or so long, the loop looks for new events before it goes on with those it knows
// of: a thousand busy sources do not delay a timer or a new connection by a thousand chunks, and each still
// gets its turn in order.
constexpr int kMaxCallbacksPerLook = 64;
constexpr timeval kMaxTimePerLook = {0, 10'000};

// libevent would exit(1); what is wrong it has said on stderr itself (no descriptors for its pipe of signals,
// …).
void on_fatal(int) { end_at_once("the event loop cannot be run", kExitNoMemory); }

}  // namespace

Result<std::unique_ptr<Loop>> Loop::create() {
  event_set_fatal_callback(on_fatal);
  event_config* config = event_config_new();
  if (config == nullptr) return Error{Errc::io, "event loop: out of memory"};
  // Timers count from now, not from when a turn began; and one thread needs no locks.
  event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  // Edge-triggered watches are what tells a half-close from a full one (fd_watch.h).
  event_config_require_features(config, EV_FEATURE_ET);
  event_config_set_max_dispatch_interval(config, &kMaxTimePerLook, kMaxCallbacksPerLook, 0);
  event_base* base = event_base_new_with_config(config);
  event_config_free(config);
  if (base == nullptr) return Error{Errc::io, "event loop: epoll is not available"};
  return std::unique_ptr<Loop>(new Loop(base));
}

Loop::~Loop() { event_base_free(base_); }

void Loop::run() {
  is_running_ = true;
  int result = event_base_loop(base_, EVLOOP_NO_EXIT_ON_EMPTY);
  BUSD_CHECK(result == 0);
  is_running_ = false;
}

bool Loop::has_ready() const {
  return is_running_ && event_base_get_num_events(base_, EVENT_BASE_COUNT_ACTIVE) > 0;
}

void Loop::stop() {
  is_running_ = false;
  event_base_loopbreak(base_);
}

}  // namespace bus
