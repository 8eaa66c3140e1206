// Waiting for a lock file with a limit in time. Used before a hub is started, and to see that one is gone.
#pragma once

#include <string>

#include "protocol/base/clock.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace bus::sdk {

// As try_lock_file, but tries again until `deadline` while another process holds the lock.
//
// Errors: timed_out  it is still held
//         denied     a symlink or not a regular file (left untouched)
Result<Fd> lock_file_until(const std::string& path, TimePoint deadline);

}  // namespace bus::sdk
