// busd/connection.hpp - a connection, which receives, publishes, calls, serves, and changes, reads and watches values,
// for C++20. <busd/consumer.hpp> includes it.
#ifndef BUSD_CONNECTION_HPP
#define BUSD_CONNECTION_HPP

#include <busd/calls.hpp>
#include <busd/consumer.h>
#include <busd/expected.hpp>
#include <busd/item.hpp>
#include <busd/options.hpp>
#include <busd/publish.hpp>
#include <busd/values.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace busd {

class Connection;

namespace detail {

inline constexpr int kHandledPerTurn = 256;

// What a Connection owns. It does not move: the C handle holds the hooks by address.
struct ConnectionState {
  Hooks hooks;
  busd_connection* handle = nullptr;
  busd_item item = BUSD_INIT(busd_item);
  std::shared_ptr<Dispatch> dispatch = std::make_shared<Dispatch>();

  ConnectionState(Hook on_first, Hook on_last) : hooks{std::move(on_first), std::move(on_last)} {}
  ConnectionState(const ConnectionState&) = delete;
  ConnectionState& operator=(const ConnectionState&) = delete;
  ~ConnectionState() { busd_connection_close(release(), kCloseTimeout.count(), nullptr); }

  // From now on calls and requests have no connection. Returns the handle, which is to be closed.
  busd_connection* release() {
    dispatch->close(gone());
    return std::exchange(handle, nullptr);
  }
};

inline const std::shared_ptr<Dispatch>& dispatch_of(const Connection& connection) noexcept;

}  // namespace detail

class Connection {
 public:
  [[nodiscard]] static Expected<Connection> open(ConnectionOptions options) {
    auto state =
        std::make_unique<detail::ConnectionState>(std::move(options.on_first), std::move(options.on_last));
    auto types = detail::texts(options.event_types);
    auto publish_types = detail::texts(options.publish_types);
    auto raw = BUSD_INIT(busd_connection_options);
    detail::put_place(raw, options);
    detail::put_consumer(raw, options, types, state->hooks);
    detail::put_publisher(raw, options);
    raw.source = detail::text(options.source);
    raw.publish_types = publish_types.data();
    raw.publish_type_count = publish_types.size();
    auto error = BUSD_INIT(busd_error);
    busd_result result = busd_connection_open(&raw, &state->handle, &error);
    if (result != BUSD_OK) return detail::error(result, error);
    state->dispatch->handle = state->handle;
    return Connection(std::move(state));
  }

  // The next item that no handler takes, or the reason why there is none: BUSD_TIMED_OUT if the time ran out
  // or wake() was called; any other reason is the end. The item is borrowed until the next call.
  [[nodiscard]] Expected<Item> next(std::chrono::milliseconds timeout = forever) {
    // Not initialised completely, because this runs once per event.
    busd_error error;
    error.size = sizeof error;
    busd_item& item = state_->item;
    busd_result result = busd_connection_next(handle(), timeout.count(), &item, &error);
    if (result == BUSD_OK && item.kind == BUSD_ITEM_EVENT) return Item(&item);
    const detail::Remaining remaining(timeout);
    for (int handled = 1; result == BUSD_OK; ++handled) {
      state_->dispatch->feed(item);
      bool of_calls = item.kind >= BUSD_ITEM_CALL_END && item.kind <= BUSD_ITEM_RESUME;
      if (!of_calls || !detail::Dispatch::take(state_->dispatch, item)) return Item(&item);
      if (handle() == nullptr) return error_ = detail::gone();  // the handler has closed it
      // A loop that does not wait gets its turn; what is left is due at once.
      if (timeout.count() == 0 && handled == detail::kHandledPerTurn)
        return error_ = Error{BUSD_TIMED_OUT, "handlers have run"};
      result = busd_connection_next(handle(), remaining.left().count(), &item, &error);
    }
    error_ = detail::error(result, error);
    if (result != BUSD_TIMED_OUT) state_->dispatch->end_all(error_);
    return error_;
  }

  // Runs the handlers of calls, and feeds the caches, until wake() is called, or the connection ends. Discards all
  // other items.
  Expected<void> run() {
    while (auto item = next()) {
    }
    if (error_.result == BUSD_TIMED_OUT) return {};
    return error_;
  }

  // The reason why the last next() returned no item.
  const Error& error() const noexcept { return error_; }

  Published publish(std::string_view event_type, std::string_view payload = {}) {
    return publish(Publication{.event_type = event_type, .payload = payload});
  }
  Published publish(const Publication& what) {
    const busd_publication raw = detail::publication(what);
    return detail::publish(busd_connection_publish, handle(), &raw);
  }
  // A complete event frame, {"type":"event",…}.
  Published publish_frame(std::string_view frame) {
    return detail::publish(busd_connection_publish_frame, handle(), detail::text(frame));
  }

  // Reports the state of the named source that this is.
  Expected<void> report(SourceState state, std::string_view detail = {}) {
    auto error = BUSD_INIT(busd_error);
    auto raw_state = static_cast<busd_source_state>(state);
    return detail::outcome(busd_connection_report(handle(), raw_state, detail::text(detail), &error), error);
  }

  // Calls `task` with `args`, raw JSON, and waits for the answer. Meanwhile no handler runs: requests to this
  // connection wait, too. call_async(…).wait() runs them.
  Answer call(std::string_view task, std::string_view args = {}, const CallOptions& options = {}) {
    busd_call_options raw = detail::call_options(options);
    auto answer = BUSD_INIT(busd_answer);
    auto error = BUSD_INIT(busd_error);
    busd_result result =
        busd_connection_call(handle(), detail::text(task), detail::text(args), &raw, &answer, &error);
    if (result == BUSD_OK || result == BUSD_FAILED) return detail::answer(answer);
    return detail::no_answer(detail::error(result, error));
  }
  // Starts a call. One that could not be started has ended at once, with the reason.
  [[nodiscard]] Call call_async(std::string_view task, std::string_view args = {},
                                const CallOptions& options = {}) {
    busd_call_options raw = detail::call_options(options);
    auto error = BUSD_INIT(busd_error);
    std::uint64_t number = 0;
    busd_result result =
        busd_connection_call_start(handle(), detail::text(task), detail::text(args), &raw, &number, &error);
    bool started = result == BUSD_OK || (result == BUSD_TIMED_OUT && number != 0);
    return started ? Call(state_->dispatch, number) : Call(detail::error(result, error));
  }

  // Provides `task`, a name or a pattern: from now on `handler` runs for each request.
  Expected<void> serve(std::string_view task, RequestHandler handler, const ProvideOptions& options = {}) {
    auto raw = BUSD_INIT(busd_provide_options);
    raw.slots = options.slots;
    raw.priority = options.priority;
    const busd_text name = detail::text(task);
    auto error = BUSD_INIT(busd_error);
    state_->dispatch->serve(task, std::move(handler));
    return detail::outcome(busd_connection_provide(handle(), &name, 1, &raw, &error), error);
  }
  // Provides it no longer. Requests that have come already still get to the handler.
  Expected<void> unserve(std::string_view task) {
    const busd_text name = detail::text(task);
    auto error = BUSD_INIT(busd_error);
    return detail::outcome(busd_connection_unprovide(handle(), &name, 1, &error), error);
  }

  // Values: each function does what busd_connection_* of <busd/values.h> does. Sets `key` to `json`.
  Change put(std::string_view key, std::string_view json, const PutOptions& options = {}) {
    const busd_put_options raw = detail::put_options(options);
    return changed([&](busd_change* change, busd_error* error) {
      return busd_connection_put(handle(), detail::text(key), detail::text(json), &raw, change, error);
    });
  }
  Change erase(std::string_view key, const DeleteOptions& options = {}) {
    const busd_delete_options raw = detail::delete_options(options);
    return changed([&](busd_change* change, busd_error* error) {
      return busd_connection_delete(handle(), detail::text(key), &raw, change, error);
    });
  }
  // Changes `key` from its present value to what `updater` makes of it; others that change it meanwhile are not
  // overwritten, but `updater` runs again. `cache`: where to begin, the handle of a Cache of this connection.
  Change update(std::string_view key, const Updater& updater, const PutOptions& options = {},
                const busd_cache* cache = nullptr) {
    const busd_put_options put = detail::put_options(options);
    auto raw = BUSD_INIT(busd_update_options);
    raw.put = &put;
    raw.cache = cache;
    detail::Updating updating{updater};
    return changed([&](busd_change* change, busd_error* error) {
      return busd_connection_update(handle(), detail::text(key), &detail::Updating::step, &updating, &raw,
                                    change, error);
    });
  }
  [[nodiscard]] Expected<Value> get(std::string_view key, std::chrono::milliseconds timeout = {}) {
    auto raw = BUSD_INIT(busd_get_options);
    raw.timeout_ms = timeout.count();
    auto value = BUSD_INIT(busd_value);
    auto error = BUSD_INIT(busd_error);
    busd_result result = busd_connection_get(handle(), detail::text(key), &raw, &value, &error);
    if (result != BUSD_OK) return detail::error(result, error);
    return detail::value(value);
  }
  [[nodiscard]] Expected<Page> list(const ListOptions& options = {}) {
    auto keys = detail::texts(options.keys);
    const busd_list_options raw = detail::list_options(options, keys);
    auto page = BUSD_INIT(busd_page);
    auto error = BUSD_INIT(busd_error);
    busd_result result = busd_connection_list(handle(), &raw, &page, &error);
    if (result != BUSD_OK) return detail::error(result, error);
    return detail::page(page);
  }
  // The same without waiting: the answer is an item that is_answered(), with the number that they return.
  Expected<std::uint64_t> put_start(std::string_view key, std::string_view json,
                                    const PutOptions& options = {}) {
    const busd_put_options raw = detail::put_options(options);
    return started([&](std::uint64_t* number, busd_error* error) {
      return busd_connection_put_start(handle(), detail::text(key), detail::text(json), &raw, number, error);
    });
  }
  Expected<std::uint64_t> erase_start(std::string_view key, const DeleteOptions& options = {}) {
    const busd_delete_options raw = detail::delete_options(options);
    return started([&](std::uint64_t* number, busd_error* error) {
      return busd_connection_delete_start(handle(), detail::text(key), &raw, number, error);
    });
  }
  Expected<std::uint64_t> get_start(std::string_view key, std::chrono::milliseconds timeout = {}) {
    auto raw = BUSD_INIT(busd_get_options);
    raw.timeout_ms = timeout.count();
    return started([&](std::uint64_t* number, busd_error* error) {
      return busd_connection_get_start(handle(), detail::text(key), &raw, number, error);
    });
  }
  Expected<std::uint64_t> list_start(const ListOptions& options = {}) {
    auto keys = detail::texts(options.keys);
    const busd_list_options raw = detail::list_options(options, keys);
    return started([&](std::uint64_t* number, busd_error* error) {
      return busd_connection_list_start(handle(), &raw, number, error);
    });
  }
  // Watches keys and patterns; returns the number of the watch. Its items are is_value(), is_synced() and
  // is_watch_end(). A Cache keeps what a watch tells.
  Expected<std::uint64_t> watch(const std::vector<std::string>& keys, const WatchOptions& options = {}) {
    auto texts = detail::texts(keys);
    const busd_watch_options raw = detail::watch_options(options);
    return started([&](std::uint64_t* number, busd_error* error) {
      return busd_connection_watch(handle(), texts.data(), texts.size(), &raw, number, error);
    });
  }
  Expected<void> unwatch(std::uint64_t watch) {
    auto error = BUSD_INIT(busd_error);
    return detail::outcome(busd_connection_unwatch(handle(), watch, &error), error);
  }

  // Waits until the hub has processed everything that was published.
  [[nodiscard]] Expected<void> flush(std::chrono::milliseconds timeout = forever) {
    auto error = BUSD_INIT(busd_error);
    return detail::outcome(busd_connection_flush(handle(), timeout.count(), &error), error);
  }

  std::uint64_t unconfirmed() const noexcept { return busd_connection_unconfirmed(handle()); }
  bool is_first() const noexcept { return busd_connection_is_first(handle()) != 0; }

  // Makes a waiting next(), publish() or flush() return BUSD_TIMED_OUT. Signal handlers and other threads may
  // call it, too.
  void wake() noexcept { busd_connection_wake(handle()); }

  // Hosting in a loop: see consumer.h.
  int fd() const noexcept { return busd_connection_fd(handle()); }
  short events() const noexcept { return busd_connection_events(handle()); }
  std::optional<std::chrono::milliseconds> deadline() const noexcept {
    return detail::deadline(busd_connection_deadline(handle()));
  }

  // How many bytes wait to be sent: publishing waits when they are more than buffer_bytes.
  std::size_t unsent() const noexcept { return busd_connection_unsent(handle()); }

  // Flushes and leaves the hub, with clean-up if this is the last consumer. Afterwards the object may only be
  // destroyed or assigned to.
  Expected<void> close(std::chrono::milliseconds timeout = detail::kCloseTimeout) {
    auto error = BUSD_INIT(busd_error);
    return detail::outcome(busd_connection_close(state_->release(), timeout.count(), &error), error);
  }

  // Disconnects at once, without flush and clean-up.
  void abandon() noexcept { busd_connection_abandon(state_->release()); }

  // The C handle, still owned by this object.
  busd_connection* handle() const noexcept { return state_->handle; }

 private:
  friend const std::shared_ptr<detail::Dispatch>& detail::dispatch_of(const Connection& connection) noexcept;

  explicit Connection(std::unique_ptr<detail::ConnectionState> state) : state_(std::move(state)) {}

  template <class Make>
  static Change changed(Make make) {
    auto change = BUSD_INIT(busd_change);
    auto error = BUSD_INIT(busd_error);
    busd_result result = make(&change, &error);
    return detail::change(result, change, result == BUSD_OK ? "" : error.message);
  }
  template <class Start>
  static Expected<std::uint64_t> started(Start start) {
    std::uint64_t number = 0;
    auto error = BUSD_INIT(busd_error);
    busd_result result = start(&number, &error);
    if (result == BUSD_OK || (result == BUSD_TIMED_OUT && number != 0)) return number;
    return detail::error(result, error);
  }

  std::unique_ptr<detail::ConnectionState> state_;
  Error error_;
};

namespace detail {

inline const std::shared_ptr<Dispatch>& dispatch_of(const Connection& connection) noexcept {
  return connection.state_->dispatch;
}

}  // namespace detail

}  // namespace busd

#endif  // BUSD_CONNECTION_HPP
