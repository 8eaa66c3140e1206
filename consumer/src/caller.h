// The calls that one connection has open, and that each of them ends once (PROTOCOL.md 10).
//
// Pure: it is told the time and what the hub says. It gives the ends that the hub cannot tell: of calls that
// were open when the connection broke, and of those whose deadline passed while the hub was silent. Builds
// and sends no frames; that is calls.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "consumer/src/client_core/item.h"
#include "protocol/base/clock.h"

namespace bus::sdk {

// So long after its deadline a call ends without the hub: a hub that works has told of the deadline by then.
inline constexpr milliseconds kGrace{500};

class Caller {
 public:
  // The number of the next call, which is its id on the wire. None is used twice, not on another connection
  // either, so that nothing late is taken for something else.
  uint64_t take_number() { return ++last_number_; }
  bool was_started(uint64_t number) const { return number > 0 && number <= last_number_; }

  // Call `number` is open until `until`. Its request is sent as frame `ordinal` of the connection; or it
  // waits for one.
  void sent(uint64_t number, TimePoint until, uint64_t ordinal);
  void waits(uint64_t number, TimePoint until, std::string_view frame);
  bool is_open(uint64_t number) const { return open_.count(number) > 0; }
  bool waits(uint64_t number) const;
  size_t waiting_bytes() const { return waiting_bytes_; }
  // Sends what waits: `send` takes a frame and returns its ordinal.
  template <class Send>
  void send_waiting(Send send) {
    for (auto& [number, call] : open_) {
      if (call.frame.empty()) continue;
      call.ordinal = send(std::string_view(call.frame));
      call.frame = std::string();
    }
    waiting_bytes_ = 0;
  }

  // The hub speaks of a call. Sets the item's number, and notes an end. False: it is not open any more.
  bool on_item(Item& item);
  // An `error` of the hub in the place of an answer becomes the call's end. False: it is about something
  // else.
  bool on_refused(Item& item);

  // Ends call `number` here, with an item.
  void end(uint64_t number, std::string_view code, std::string message);
  // Nobody wants to know its end any more.
  void forget(uint64_t number);
  // Has it end at `until` at the latest.
  void limit(uint64_t number, TimePoint until);
  // The connection is gone: what was sent ends; or for good: everything does.
  void on_break(bool for_good);
  // The deadlines until `now` have passed, and everything that the hub sent was read.
  void expire(TimePoint now);
  TimePoint deadline() const { return deadlines_.empty() ? kNever : deadlines_.begin()->first; }

  // The calls that are open on the connection, for whoever cancels them.
  template <class Visit>
  void each_sent(Visit visit) const {
    for (const auto& [number, call] : open_) {
      if (call.frame.empty()) visit(number);
    }
  }

  // The next end of our own making; nullptr: there is none. Good until the next call.
  bool has_ends() const { return !ends_.empty(); }
  Item* take_end();

 private:
  struct Open {
    TimePoint until = kNever;
    uint64_t ordinal = 0;
    std::string frame;  // not empty: it waits for a connection
  };
  struct End {
    uint64_t number;
    std::string_view code;
    std::string message;
  };
  using Calls = std::map<uint64_t, Open>;

  Open& add(uint64_t number, TimePoint until);
  Calls::iterator find(std::string_view id);
  Calls::iterator close(Calls::iterator call);

  Calls open_;
  std::set<std::pair<TimePoint, uint64_t>> deadlines_;
  size_t waiting_bytes_ = 0;
  uint64_t last_number_ = 0;
  std::list<End> ends_;
  Item end_;
};

}  // namespace bus::sdk
