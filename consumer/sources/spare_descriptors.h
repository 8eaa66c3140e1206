// A few descriptors that are kept for what has to be done without fail: to see processes, to end them, to record what runs.
//
// Where the limit is reached, what could not be opened would be taken for what is not there. So bus-sources keeps its soft limit a
// little below the hard one, and only the holder of one of these goes by the hard one. There is one thread.
#pragma once

#include <sys/resource.h>

namespace bus::sources {

// Two that are open at once, and as many for what comes to need more.
inline constexpr rlim_t kSpareDescriptors = 4;

class SpareDescriptors {
 public:
  SpareDescriptors() {
    if (::getrlimit(RLIMIT_NOFILE, &before_) != 0 || before_.rlim_cur == before_.rlim_max) return;
    rlimit all{before_.rlim_max, before_.rlim_max};
    is_raised_ = ::setrlimit(RLIMIT_NOFILE, &all) == 0;
  }
  ~SpareDescriptors() {
    if (is_raised_) ::setrlimit(RLIMIT_NOFILE, &before_);
  }
  SpareDescriptors(const SpareDescriptors&) = delete;
  SpareDescriptors& operator=(const SpareDescriptors&) = delete;

 private:
  rlimit before_{};
  bool is_raised_ = false;
};

}  // namespace bus::sources
