#include "consumer/src/start_lock.h"

#include <algorithm>
#include <thread>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::sdk {

namespace {

// flock(2) waits for ever or not at all. To bound it takes a signal, a thread or a process, and none of these
// is a library's to take from its host. A hub starts in some 20 ms, so the pause is half of that.
constexpr Duration kRetryStep = milliseconds(10);

}  // namespace

Result<Fd> lock_file_until(const std::string& path, TimePoint deadline) {
  for (;;) {
    auto lock = try_lock_file(path);
    if (lock || lock.error().code != Errc::busy) return lock;
    TimePoint at = now();
    if (at >= deadline) return Error{Errc::timed_out, "lock " + printable(path) + " is still held"};
    std::this_thread::sleep_for(std::min<Duration>(kRetryStep, deadline - at));
  }
}

}  // namespace bus::sdk
