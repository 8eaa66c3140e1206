// busd/source.hpp - a source, a connection that only publishes, for C++20. <busd/consumer.hpp> includes it.
#ifndef BUSD_SOURCE_HPP
#define BUSD_SOURCE_HPP

#include <busd/consumer.h>
#include <busd/expected.hpp>
#include <busd/item.hpp>
#include <busd/options.hpp>
#include <busd/publish.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace busd {

// Each function does what the one of Connection with the same name does; status() is report(). A source has
// no items: in their place stand next_refusal() and, in a loop, process().
class Source {
 public:
  [[nodiscard]] static Expected<Source> open(const SourceOptions& options) {
    auto raw = BUSD_INIT(busd_source_options);
    detail::put_place(raw, options);
    detail::put_publisher(raw, options);
    raw.name = detail::text(options.name);
    auto error = BUSD_INIT(busd_error);
    busd_source* handle = nullptr;
    busd_result result = busd_source_open(&raw, &handle, &error);
    if (result != BUSD_OK) return detail::error(result, error);
    return Source(handle);
  }

  Published publish(std::string_view event_type, std::string_view payload = {}) {
    return publish(Publication{.event_type = event_type, .payload = payload});
  }
  Published publish(const Publication& what) {
    const busd_publication raw = detail::publication(what);
    return detail::publish(busd_source_publish, handle(), &raw);
  }
  Published publish_frame(std::string_view frame) {
    return detail::publish(busd_source_publish_frame, handle(), detail::text(frame));
  }

  Expected<void> status(SourceState state, std::string_view detail = {}) {
    auto error = BUSD_INIT(busd_error);
    auto raw_state = static_cast<busd_source_state>(state);
    return detail::outcome(busd_source_status(handle(), raw_state, detail::text(detail), &error), error);
  }

  [[nodiscard]] Expected<void> flush(std::chrono::milliseconds timeout = forever) {
    auto error = BUSD_INIT(busd_error);
    return detail::outcome(busd_source_flush(handle(), timeout.count(), &error), error);
  }

  std::optional<Refusal> next_refusal() {
    auto raw = BUSD_INIT(busd_refusal);
    if (busd_source_next_refusal(handle(), &raw) != BUSD_OK) return std::nullopt;
    return Refusal{raw.publication, detail::view(raw.code), detail::view(raw.message)};
  }

  std::uint64_t unconfirmed() const noexcept { return busd_source_unconfirmed(handle()); }

  int fd() const noexcept { return busd_source_fd(handle()); }
  short events() const noexcept { return busd_source_events(handle()); }
  std::optional<std::chrono::milliseconds> deadline() const noexcept {
    return detail::deadline(busd_source_deadline(handle()));
  }
  Expected<void> process() {
    auto error = BUSD_INIT(busd_error);
    return detail::outcome(busd_source_process(handle(), &error), error);
  }
  void wake() noexcept { busd_source_wake(handle()); }

  Expected<void> close(std::chrono::milliseconds timeout = detail::kCloseTimeout) {
    auto error = BUSD_INIT(busd_error);
    return detail::outcome(busd_source_close(handle_.release(), timeout.count(), &error), error);
  }

  busd_source* handle() const noexcept { return handle_.get(); }

 private:
  struct Close {
    void operator()(busd_source* handle) const noexcept {
      busd_source_close(handle, detail::kCloseTimeout.count(), nullptr);
    }
  };

  explicit Source(busd_source* handle) : handle_(handle) {}

  std::unique_ptr<busd_source, Close> handle_;
};

}  // namespace busd

#endif  // BUSD_SOURCE_HPP
