// busd/consumer.hpp - the API of <busd/consumer.h> for C++20, header-only.
//
//   auto connection = busd::Connection::open({.key = "build", .event_types = {"build.*"}});
//   if (!connection) return fail(connection.error().message);
//   while (auto item = connection->next()) {
//     if (item->is_event()) connection->publish("seen", item->event().payload());
//   }
//   fail(connection->error().message);  // why it ended
//
// A Consumer only receives, a Source only publishes:
//
//   auto source = busd::Source::open({.name = "clock"});
//   source->publish("clock.tick", R"({"n":1})");
//
// What consumer.h says holds here too. Nothing throws; a function that can fail returns an Expected. Handles
// can be moved, but not copied. The destructor of a Connection and of a Consumer leaves the hub with
// clean-up, as close() does; that of a Connection and of a Source flushes for at most 5 s, as close() does.
// Text in items and refusals is borrowed until the next call on the same handle.
#ifndef BUSD_CONSUMER_HPP
#define BUSD_CONSUMER_HPP

#if __cplusplus <= 201703L
#error "busd/consumer.hpp needs C++20; busd/consumer.h is for C and every C++"
#endif

#include <busd/cache.hpp>
#include <busd/calls.hpp>
#include <busd/connection.hpp>
#include <busd/consumer.h>
#include <busd/expected.hpp>
#include <busd/hub.hpp>
#include <busd/item.hpp>
#include <busd/options.hpp>
#include <busd/publish.hpp>
#include <busd/source.hpp>
#include <busd/streams.hpp>
#include <busd/values.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace busd {

namespace detail {

// What a Consumer owns. It does not move: the C handle holds the hooks by address.
struct ConsumerState {
  Hooks hooks;
  busd_consumer* handle = nullptr;
  busd_item item = BUSD_INIT(busd_item);

  ConsumerState(Hook on_first, Hook on_last) : hooks{std::move(on_first), std::move(on_last)} {}
  ConsumerState(const ConsumerState&) = delete;
  ConsumerState& operator=(const ConsumerState&) = delete;
  ~ConsumerState() { busd_consumer_close(handle, nullptr); }
};

}  // namespace detail

// A connection that only receives. Each function does what the one of Connection with the same name does.
class Consumer {
 public:
  [[nodiscard]] static Expected<Consumer> open(ConsumerOptions options) {
    auto state =
        std::make_unique<detail::ConsumerState>(std::move(options.on_first), std::move(options.on_last));
    auto types = detail::texts(options.event_types);
    auto raw = BUSD_INIT(busd_consumer_options);
    detail::put_place(raw, options);
    detail::put_consumer(raw, options, types, state->hooks);
    auto error = BUSD_INIT(busd_error);
    busd_result result = busd_consumer_open(&raw, &state->handle, &error);
    if (result != BUSD_OK) return detail::error(result, error);
    return Consumer(std::move(state));
  }

  [[nodiscard]] Expected<Item> next(std::chrono::milliseconds timeout = forever) {
    busd_error error;
    error.size = sizeof error;
    busd_result result = busd_consumer_next(handle(), timeout.count(), &state_->item, &error);
    if (result == BUSD_OK) return Item(&state_->item);
    error_ = detail::error(result, error);
    return error_;
  }
  const Error& error() const noexcept { return error_; }

  bool is_first() const noexcept { return busd_consumer_is_first(handle()) != 0; }
  void wake() noexcept { busd_consumer_wake(handle()); }

  int fd() const noexcept { return busd_consumer_fd(handle()); }
  short events() const noexcept { return busd_consumer_events(handle()); }
  std::optional<std::chrono::milliseconds> deadline() const noexcept {
    return detail::deadline(busd_consumer_deadline(handle()));
  }

  Expected<void> close() {
    auto error = BUSD_INIT(busd_error);
    return detail::outcome(busd_consumer_close(std::exchange(state_->handle, nullptr), &error), error);
  }
  void abandon() noexcept { busd_consumer_abandon(std::exchange(state_->handle, nullptr)); }

  busd_consumer* handle() const noexcept { return state_->handle; }

 private:
  explicit Consumer(std::unique_ptr<detail::ConsumerState> state) : state_(std::move(state)) {}

  std::unique_ptr<detail::ConsumerState> state_;
  Error error_;
};

}  // namespace busd

#endif  // BUSD_CONSUMER_HPP
