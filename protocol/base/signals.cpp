#include "protocol/base/signals.h"

#include <algorithm>

namespace bus {

bool is_ignored(int signal) noexcept {
  struct sigaction now {};
  return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

void reset_signals(JobSignals job_signals) noexcept {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) {
    bool is_of_jobs = std::find(kJobSignals.begin(), kJobSignals.end(), signal) != kJobSignals.end();
    if (is_of_jobs && job_signals == JobSignals::keep_ignored) continue;
    if (is_ignored(signal)) ::sigaction(signal, &standard, nullptr);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace bus
