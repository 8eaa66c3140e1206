// busd/expected.hpp - what the functions of <busd/consumer.hpp> return: a value, or the reason why there is
// none.
#ifndef BUSD_EXPECTED_HPP
#define BUSD_EXPECTED_HPP

#include <busd/consumer.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace busd {

// As a timeout: wait without limit.
inline constexpr std::chrono::milliseconds forever{BUSD_FOREVER};

struct Error {
  busd_result result = BUSD_OK;
  std::string message;  // one line for people
};

// A value, or the reason why there is none. Reading the one that is not there ends the process with a
// message.
template <class T>
class Expected {
 public:
  Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Expected(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  T& value() noexcept {
    require(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& value() const noexcept {
    require(has_value());
    return *std::get_if<0>(&state_);
  }
  T& operator*() noexcept { return value(); }
  const T& operator*() const noexcept { return value(); }
  T* operator->() noexcept { return &value(); }
  const T* operator->() const noexcept { return &value(); }
  const Error& error() const noexcept {
    require(!has_value());
    return *std::get_if<1>(&state_);
  }

 private:
  void require(bool condition) const noexcept {
    if (condition) return;
    const Error* error = std::get_if<1>(&state_);
    std::fprintf(stderr, "busd: misused Expected: %s\n",
                 error ? error->message.c_str() : "it holds no error");
    std::abort();
  }

  std::variant<T, Error> state_;
};

template <>
class Expected<void> {
 public:
  Expected() = default;
  Expected(Error error) : error_(std::move(error)) {}

  bool has_value() const noexcept { return error_.result == BUSD_OK; }
  explicit operator bool() const noexcept { return has_value(); }
  const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};

namespace detail {

inline busd_text text(std::string_view from) noexcept { return {from.data(), from.size()}; }
inline std::string_view view(busd_text from) noexcept {
  return from.data == nullptr ? std::string_view{} : std::string_view{from.data, from.length};
}
inline Error error(busd_result result, const busd_error& from) {
  return {result, result == BUSD_OK ? std::string{} : std::string{from.message}};
}
inline Expected<void> outcome(busd_result result, const busd_error& from) {
  if (result == BUSD_OK) return {};
  return error(result, from);
}

}  // namespace detail

}  // namespace busd

#endif  // BUSD_EXPECTED_HPP
