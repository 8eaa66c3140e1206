// Whether anybody wants a source: consumers of what it publishes, and requests for what it provides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace bus::sources {

class Demand {
 public:
  // So many consumers listen to `entry`, one of the source's types, as the hub says.
  void set_consumers(std::string_view entry, uint64_t count);
  // The hub is gone, and with it what it has said of consumers. It says all of it anew.
  void forget_consumers() { listening_.clear(); }

  void add_request() { ++requests_; }
  void end_request() { --requests_; }

  bool by_events() const { return !listening_.empty(); }
  size_t requests() const { return requests_; }
  bool any() const { return by_events() || requests_ > 0; }

 private:
  std::map<std::string, uint64_t, std::less<>> listening_;  // entries that somebody listens to
  size_t requests_ = 0;
};

}  // namespace bus::sources
