// Which request must be answered, by whom and how: each reaches one provider once, and its caller gets one reply,
// which has the bytes of the request.
//
// Pure counting, told by the generator of calls what was sent and what arrived. The first request that is lost,
// doubled or changed is kept as the fault of the run; a run with a fault has no figures.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/clock.h"

namespace bus::bench {

class CallAccounting {
 public:
  // Callers have as many slots each; the requests of one slot come one after the other. `payload_bytes` is the size
  // of all arguments, which come in variants (payload.h).
  CallAccounting(size_t callers, size_t slots, size_t payload_bytes);

  // Begins a request in a free slot of the caller: its number, and its arguments until the next one begins.
  struct Request {
    uint64_t number = 0;
    std::string_view args;
  };
  Request begin(size_t caller, TimePoint now);
  bool has_free_slot(size_t caller) const { return !callers_[caller].free.empty(); }

  // A provider was given a request with these arguments.
  void given(std::string_view args);
  // A caller was given a reply. How long it took; zero when there is a fault.
  Duration answered(size_t caller, uint64_t number, std::string_view result, TimePoint now);

  size_t open() const { return open_; }
  uint64_t completed() const { return completed_; }
  // One line for people; empty while everything is as it must be.
  const std::string& fault() const { return fault_; }

 private:
  enum class State : uint8_t { free, sent, given };
  struct Slot {
    uint64_t number = 0;
    TimePoint began;
    State state = State::free;
  };
  struct Caller {
    std::vector<Slot> slots;
    std::vector<size_t> free;
  };

  // The open request with this number in its arguments; null, and a fault, when there is none.
  Slot* slot_of(std::string_view args, std::string_view who);
  void fail(const std::string& what);

  std::vector<std::string> variants_;
  std::vector<Caller> callers_;
  size_t open_ = 0;
  uint64_t completed_ = 0;
  std::string fault_;
};

}  // namespace bus::bench
