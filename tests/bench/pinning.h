// Which cpu works for whom: the server has one for itself, the generator another.
//
// Pins the calling thread only; what it then starts inherits the cpu. Does nothing on a machine where this
// process may use fewer than two.
#pragma once

#include <cstddef>
#include <sched.h>
#include <string>

namespace bus::bench {

class Pinning {
 public:
  // `wanted`: else everybody may use every cpu, as without us.
  explicit Pinning(bool wanted);
  ~Pinning();  // every cpu again
  Pinning(const Pinning&) = delete;
  Pinning& operator=(const Pinning&) = delete;

  void to_server_cpu() const { pin(server_cpu_); }
  void to_generator_cpu() const { pin(generator_cpu_); }
  void to_all() const;

  // "server on cpu 0, generator on cpu 1", or that it is not so.
  std::string description() const;

 private:
  void pin(size_t cpu) const;

  cpu_set_t all_;
  bool wanted_;
  bool can_pin_ = false;
  size_t server_cpu_ = 0;
  size_t generator_cpu_ = 0;
};

}  // namespace bus::bench
