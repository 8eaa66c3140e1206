// Result<T>: a value or an Error, with the member names of std::expected (C++23).
//
// An Errc exists only where some caller branches on it; `what` is one line for people, without a newline,
// naming what is wrong and, where there is one, the remedy.
#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "protocol/base/check.h"

namespace bus {

enum class Errc {
  invalid,      // an argument, option or input that can never work
  timed_out,    // the caller's patience ran out
  denied,       // permission, ownership or mode
  unavailable,  // nobody answers there, or a program could not be started
  too_long,     // beyond a limit that the message names
  busy,         // somebody else holds it; trying again may work
  closed,       // the other end is gone
  protocol,     // the other end does not speak this protocol
  io,           // any other failure of the operating system
};

struct Error {
  Errc code = Errc::io;
  std::string what;
};

// "what: strerror(saved_errno)", with the Errc that fits the errno (EACCES is denied, ENOENT unavailable, …).
Error errno_error(const std::string& what, int saved_errno);

template <class T>
class [[nodiscard]] Result {
 public:
  // Implicit on purpose: `return value;` and `return Error{…};` read as what they are.
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  T& value() {
    BUSD_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& value() const {
    BUSD_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  Error& error() {
    BUSD_CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  const Error& error() const {
    BUSD_CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}

  bool has_value() const noexcept { return ok_; }
  explicit operator bool() const noexcept { return ok_; }
  Error& error() {
    BUSD_CHECK(!ok_);
    return error_;
  }
  const Error& error() const {
    BUSD_CHECK(!ok_);
    return error_;
  }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace bus

// Leaves the function with the error of `expression` (a Result<void>), if it has one.
#define BUSD_TRY(expression)                               \
  do {                                                     \
    if (auto busd_result_ = (expression); !busd_result_) { \
      return std::move(busd_result_.error());              \
    }                                                      \
  } while (false)

// Assigns the value of `expression` (a Result<T>) to `target`, which may be a declaration; or leaves with its
// error.
#define BUSD_ASSIGN(target, expression) BUSD_ASSIGN_(target, expression, BUSD_JOIN_(busd_result_, __LINE__))
#define BUSD_ASSIGN_(target, expression, name) \
  auto name = (expression);                    \
  if (!name) return std::move(name.error());   \
  target = std::move(name.value())
#define BUSD_JOIN_(a, b) BUSD_JOIN2_(a, b)
#define BUSD_JOIN2_(a, b) a##b
