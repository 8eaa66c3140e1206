// Closing descriptors that were inherited, between fork and exec.
#pragma once

namespace bus {

// Closes every open descriptor from `first` to `last`. Async-signal-safe (signal-safety(7)), and works where
// close_range(2) is missing (ENOSYS, before Linux 5.9) or refused (EPERM, by some seccomp filters): then it
// goes by /proc/self/fd, and without /proc it tries every number up to the kernel's default of fs.nr_open.
void close_descriptors(unsigned first, unsigned last) noexcept;

}  // namespace bus
