// busd/publish.hpp - events on their way to the hub, for C++20. <busd/consumer.hpp> includes it.
#ifndef BUSD_PUBLISH_HPP
#define BUSD_PUBLISH_HPP

#include <busd/consumer.h>
#include <busd/expected.hpp>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

namespace busd {

struct Publication {
  std::string_view event_type{};
  std::string_view payload{};  // raw JSON; empty: null
  std::string_view event_id{};
  std::string_view source_time{};
  std::string_view members{};  // further members, as the inside of a JSON object
};

// The result of publishing: true if the event is queued. It has a number in any case.
class Published {
 public:
  Published(std::uint64_t number, Error error) : number_(number), error_(std::move(error)) {}
  explicit operator bool() const noexcept { return error_.result == BUSD_OK; }
  std::uint64_t number() const noexcept { return number_; }
  const Error& error() const noexcept { return error_; }

 private:
  std::uint64_t number_;
  Error error_;
};

namespace detail {

// What a destructor gives to events that wait to be sent.
inline constexpr std::chrono::milliseconds kCloseTimeout{5000};

inline busd_publication publication(const Publication& from) noexcept {
  return {.size = sizeof(busd_publication),
          .event_type = text(from.event_type),
          .event_id = text(from.event_id),
          .source_time = text(from.source_time),
          .payload = text(from.payload),
          .members = text(from.members)};
}

// `publish` is busd_connection_publish, or another function of its kind; `what` is what it publishes.
template <class Publish, class Handle, class What>
Published publish(Publish publish, Handle* handle, What what) {
  // Not initialised completely, because this runs once per event.
  busd_error error;
  error.size = sizeof error;
  std::uint64_t number = 0;
  busd_result result = publish(handle, what, &number, &error);
  return {number, detail::error(result, error)};
}

}  // namespace detail

}  // namespace busd

#endif  // BUSD_PUBLISH_HPP
