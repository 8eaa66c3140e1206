#include "tests/bench/pinning.h"

namespace bus::bench {

Pinning::Pinning(bool wanted) : wanted_(wanted) {
  CPU_ZERO(&all_);
  if (!wanted || ::sched_getaffinity(0, sizeof all_, &all_) != 0 || CPU_COUNT(&all_) < 2) return;
  can_pin_ = true;
  while (!CPU_ISSET(server_cpu_, &all_)) ++server_cpu_;
  generator_cpu_ = server_cpu_ + 1;
  while (!CPU_ISSET(generator_cpu_, &all_)) ++generator_cpu_;
}

Pinning::~Pinning() { to_all(); }

void Pinning::to_all() const {
  if (can_pin_) ::sched_setaffinity(0, sizeof all_, &all_);
}

std::string Pinning::description() const {
  if (!wanted_) return "not pinned";
  if (!can_pin_) return "not pinned: there is only one cpu, shared by server and generator";
  return "server on cpu " + std::to_string(server_cpu_) + ", generator on cpu " +
         std::to_string(generator_cpu_);
}

void Pinning::pin(size_t cpu) const {
  if (!can_pin_) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  ::sched_setaffinity(0, sizeof one, &one);
}

}  // namespace bus::bench
