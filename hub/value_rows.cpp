#include "hub/value_rows.h"

#include <algorithm>
#include <utility>

#include "hub/boot_timer.h"
#include "protocol/limits.h"

namespace bus::hub {

namespace {

// Of the wall clock, which may have been set by any number of years; so that no sum overflows.
constexpr int64_t kFarthestMs = int64_t{100} * 365 * 24 * 3600 * 1000;

int64_t since(int64_t then_ms, int64_t now_ms) {
  if (then_ms >= now_ms) return 0;
  return then_ms < now_ms - kFarthestMs ? kFarthestMs : now_ms - then_ms;
}

int64_t boot_ms(TimePoint at) { return std::chrono::ceil<milliseconds>(at.time_since_epoch()).count(); }

TimePoint expiry_of(const store::Expiry& expiry, const Moment& now) {
  bool same_boot = expiry.boot == now.boot && now.boot != store::BootId{};
  int64_t now_ms = same_boot ? boot_ms(now.boot_clock) : now.wall_ms;
  int64_t then_ms = same_boot ? expiry.boot_ms : expiry.wall_ms;
  if (then_ms <= now_ms) return now.boot_clock;
  return now.boot_clock + milliseconds(since(now_ms, then_ms));
}

}  // namespace

Moment Moment::now(const store::BootId& boot) {
  auto wall = std::chrono::system_clock::now().time_since_epoch();
  return {boot_now(), std::chrono::duration_cast<milliseconds>(wall).count(), boot};
}

store::Row to_row(ValueRow row, const Moment& now) {
  store::Row out;
  out.key = std::move(row.key);
  out.version = row.state.version;
  out.rev = row.rev;
  out.value = std::move(row.state.value);
  out.expired = row.state.expired;
  out.uid = row.state.uid;
  out.changed_ms = now.wall_ms - to_ms(now.boot_clock - row.state.changed);
  if (out.value && row.state.expires != kNever) {
    int64_t left_ms = std::chrono::ceil<milliseconds>(row.state.expires - now.boot_clock).count();
    out.expires = store::Expiry{now.boot, boot_ms(row.state.expires), now.wall_ms + left_ms};
  }
  return out;
}

KeptValues::Row from_row(store::Row row, const Moment& now) {
  KeptValues::Row out;
  out.key = std::move(row.key);
  out.rev = row.rev;
  out.state.version = row.version;
  out.state.value = std::move(row.value);
  out.state.expired = row.expired;
  out.state.is_stored = true;
  out.state.uid = row.uid;
  out.state.changed = now.boot_clock - milliseconds(since(row.changed_ms, now.wall_ms));
  if (row.expires) out.state.expires = expiry_of(*row.expires, now);
  return out;
}

}  // namespace bus::hub
