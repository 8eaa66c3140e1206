// Frames to messages (PROTOCOL.md 3): decode<T>() reads what T lists (messages/way.h), by the rules of reading.h.
//
// Events do not come here: the hub forwards what it does not decode (EventLine in frame.h).
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "protocol/fault.h"
#include "protocol/frame.h"
#include "protocol/reading.h"

namespace bus {

// A T, or what is wrong with the frame that should be one.
template <class T>
class [[nodiscard]] OrFault {
 public:
  OrFault() = default;  // a T without anything in it
  // Implicit on purpose, as in Result.
  OrFault(T value) : state_(std::move(value)) {}
  OrFault(Fault fault) : state_(std::move(fault)) {}

  explicit operator bool() const noexcept { return state_.index() == 0; }
  T& operator*() { return value(); }
  T* operator->() { return &value(); }
  Fault& fault() {
    BUSD_CHECK(!*this);
    return *std::get_if<1>(&state_);
  }

 private:
  T& value() {
    BUSD_CHECK(*this);
    return *std::get_if<0>(&state_);
  }

  std::variant<T, Fault> state_;
};

// The T that `frame` is; its type must be T's. Unknown members are ignored. Its fault is bad_frame, and names the
// member.
template <class T>
OrFault<T> decode(const Frame& frame) {
  BUSD_CHECK(frame.type == T::kType);
  OrFault<T> message;
  Reading reading(names_of<T>());
  reading.take(frame.members);
  reading.skip();  // the type
  members(reading, *message);
  if (reading.fault()) message = Fault{ErrorCode::bad_frame, *reading.fault()};
  return message;
}

// The T that a line without its LF is, if it is a good one.
template <class T>
std::optional<T> decode_line(std::string_view line) {
  FrameScanner scanner;
  EventLine event;
  if (scanner.scan(line, event) != FrameKind::other || scanner.frame().type != T::kType) return std::nullopt;
  OrFault<T> message = decode<T>(scanner.frame());
  if (!message) return std::nullopt;
  return std::move(*message);
}

// Of a frame whose type is none that the reader knows. bad_frame: it has no type, or no good one; unknown_type.
Fault type_fault(const Frame& frame);

}  // namespace bus
