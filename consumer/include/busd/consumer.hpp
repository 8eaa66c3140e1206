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

#include <busd/calls.hpp>
#include <busd/consumer.h>
#include <busd/expected.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace busd {

// --- items ---

enum class SourceState {
  connecting = BUSD_SOURCE_CONNECTING,
  connected = BUSD_SOURCE_CONNECTED,
  disconnected = BUSD_SOURCE_DISCONNECTED,
  reconnecting = BUSD_SOURCE_RECONNECTING,
};

// As on the wire: "connected".
inline const char* name_of(SourceState state) noexcept {
  switch (state) {
    case SourceState::connecting:
      return "connecting";
    case SourceState::connected:
      return "connected";
    case SourceState::disconnected:
      return "disconnected";
    case SourceState::reconnecting:
      return "reconnecting";
  }
  return "unknown";
}

class Event {
 public:
  explicit Event(const busd_item* item) noexcept : item_(item) {}

  std::string_view type() const noexcept { return detail::view(item_->event_type); }
  std::string_view id() const noexcept { return detail::view(item_->event_id); }              // empty: none
  std::string_view source_time() const noexcept { return detail::view(item_->source_time); }  // empty: none
  std::uint64_t seq() const noexcept { return item_->seq; }
  std::string_view payload() const noexcept { return detail::view(item_->payload); }  // raw JSON
  std::string_view frame() const noexcept {
    return detail::view(item_->frame);
  }  // as it came, without line end
  // A member that the protocol does not define ("traceparent"), as raw JSON.
  std::optional<std::string_view> member(std::string_view name) const noexcept {
    busd_text value{};
    if (busd_item_member(item_, detail::text(name), &value) != BUSD_OK) return std::nullopt;
    return detail::view(value);
  }

 private:
  const busd_item* item_;
};

// `count` events were lost between the events with seq `after` and `before`.
struct Lost {
  std::uint64_t count = 0;
  std::uint64_t after = 0;
  std::uint64_t before = 0;
};

struct SourceStatus {
  std::string_view source;
  SourceState state = SourceState::connecting;
  std::string_view detail;
};

// The hub refused `publication`, by its number; 0: none in particular.
struct Refusal {
  std::uint64_t publication = 0;
  std::string_view code;
  std::string_view message;
};

// So many consumers listen to the entry `event_type` of publish_types.
struct Interest {
  std::string_view event_type;
  std::uint64_t consumers = 0;
};

// One thing that has happened. Ask for its kind, then take what belongs to that kind. Ignore other kinds than
// these. An item is valid until the next call on its connection.
class Item {
 public:
  explicit Item(const busd_item* item) noexcept : item_(item) {}

  busd_item_kind kind() const noexcept { return item_->kind; }
  bool is_event() const noexcept { return kind() == BUSD_ITEM_EVENT; }
  bool is_lost() const noexcept { return kind() == BUSD_ITEM_LOST; }
  bool is_break() const noexcept { return kind() == BUSD_ITEM_BREAK; }
  bool is_reset() const noexcept { return kind() == BUSD_ITEM_RESET; }
  bool is_source_status() const noexcept { return kind() == BUSD_ITEM_SOURCE_STATUS; }
  bool is_refused() const noexcept { return kind() == BUSD_ITEM_REFUSED; }
  bool is_interest() const noexcept { return kind() == BUSD_ITEM_INTEREST; }
  // Of calls that no handler takes, see busd/calls.hpp.
  bool is_request() const noexcept { return kind() == BUSD_ITEM_REQUEST; }
  bool is_canceled() const noexcept { return kind() == BUSD_ITEM_CANCELED; }

  Event event() const noexcept { return Event(item_); }
  Lost lost() const noexcept { return {item_->lost_count, item_->lost_after, item_->lost_before}; }
  SourceStatus source_status() const noexcept {
    return {detail::view(item_->source), static_cast<SourceState>(item_->state), detail::view(item_->detail)};
  }
  Refusal refusal() const noexcept {
    return {item_->publication, detail::view(item_->code), detail::view(item_->detail)};
  }
  Interest interest() const noexcept { return {detail::view(item_->event_type), item_->consumers}; }
  std::uint64_t number() const noexcept { return item_->call; }  // of the call or request
  const busd_item& raw() const noexcept { return *item_; }
  bool first() const noexcept { return item_->first != 0; }                  // of a reset
  std::uint64_t unconfirmed() const noexcept { return item_->unconfirmed; }  // of a break
  std::string_view detail() const noexcept {
    return detail::view(item_->detail);
  }  // why: of a break, reset, loss

 private:
  const busd_item* item_;
};

// --- connections ---

// Set-up or clean-up. Returns whether it succeeded; if it throws, it has failed.
using Hook = std::function<bool()>;

// Members as in busd_connection_options; zero and empty mean the default.
struct ConnectionOptions {
  std::string key{};
  std::vector<std::string> event_types{};
  std::string subscription_id{};
  bool exclusive = false;
  Hook on_first{};
  Hook on_last{};
  std::string source{};
  std::string socket{};
  std::string bus{};
  bool no_start = false;
  bool no_reconnect = false;
  std::chrono::milliseconds open_timeout{0};
  std::chrono::milliseconds reconnect_max{0};
  std::size_t buffer_bytes = 0;
  std::string hub_program{};
  std::size_t hold_bytes = 0;
  bool check_payloads = false;
  int cancel_fd = 0;
  std::vector<std::string> publish_types{};
  bool observer = false;
  bool background = false;
};

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

inline constexpr std::chrono::milliseconds kCloseTimeout{5000};
inline constexpr int kHandledPerTurn = 256;

// What the C handle and items hold by address while the object moves.
struct Fixed {
  Hook on_first;
  Hook on_last;
  busd_item item = BUSD_INIT(busd_item);
  std::shared_ptr<Dispatch> dispatch = std::make_shared<Dispatch>();

  static int run(const Hook& hook) noexcept {
#if defined(__cpp_exceptions)
    try {
      return hook() ? 0 : 1;
    } catch (...) {
      return 1;
    }
#else
    return hook() ? 0 : 1;
#endif
  }
  static int run_first(void* context) noexcept { return run(static_cast<Fixed*>(context)->on_first); }
  static int run_last(void* context) noexcept { return run(static_cast<Fixed*>(context)->on_last); }
};

// The functions below take the options of this header and of C: those of connections, consumers and sources.
template <class Raw, class Options>
void put_place(Raw& raw, const Options& options) noexcept {
  raw.socket = text(options.socket);
  raw.bus = text(options.bus);
  raw.hub_program = text(options.hub_program);
  raw.no_start = options.no_start ? 1 : 0;
  raw.no_reconnect = options.no_reconnect ? 1 : 0;
  raw.open_timeout_ms = options.open_timeout.count();
  raw.reconnect_max_ms = options.reconnect_max.count();
  raw.cancel_fd = options.cancel_fd;
}

inline std::vector<busd_text> texts(const std::vector<std::string>& from) {
  std::vector<busd_text> out;
  out.reserve(from.size());
  for (const std::string& each : from) out.push_back(text(each));
  return out;
}

// `types` is texts(options.event_types).
template <class Raw, class Options>
void put_consumer(Raw& raw, const Options& options, const std::vector<busd_text>& types,
                  Fixed& fixed) noexcept {
  raw.key = text(options.key);
  raw.event_types = types.data();
  raw.event_type_count = types.size();
  raw.subscription_id = text(options.subscription_id);
  raw.exclusive = options.exclusive ? 1 : 0;
  raw.observer = options.observer ? 1 : 0;
  raw.background = options.background ? 1 : 0;
  raw.on_first = fixed.on_first ? &Fixed::run_first : nullptr;
  raw.on_last = fixed.on_last ? &Fixed::run_last : nullptr;
  raw.context = &fixed;
}

template <class Raw, class Options>
void put_publisher(Raw& raw, const Options& options) noexcept {
  raw.buffer_bytes = options.buffer_bytes;
  raw.hold_bytes = options.hold_bytes;
  raw.check_payloads = options.check_payloads ? 1 : 0;
}

inline busd_publication publication(const Publication& from) noexcept {
  return {.size = sizeof(busd_publication),
          .event_type = text(from.event_type),
          .event_id = text(from.event_id),
          .source_time = text(from.source_time),
          .payload = text(from.payload),
          .members = text(from.members)};
}

inline std::optional<std::chrono::milliseconds> deadline(std::int64_t left) noexcept {
  if (left == BUSD_FOREVER) return std::nullopt;
  return std::chrono::milliseconds(left);
}

}  // namespace detail

class Connection {
 public:
  [[nodiscard]] static Expected<Connection> open(ConnectionOptions options) {
    Connection opened;
    opened.fixed_.reset(new detail::Fixed{std::move(options.on_first), std::move(options.on_last)});
    auto types = detail::texts(options.event_types);
    auto raw = BUSD_INIT(busd_connection_options);
    detail::put_place(raw, options);
    detail::put_consumer(raw, options, types, *opened.fixed_);
    detail::put_publisher(raw, options);
    raw.source = detail::text(options.source);
    auto publish_types = detail::texts(options.publish_types);
    raw.publish_types = publish_types.data();
    raw.publish_type_count = publish_types.size();
    auto error = BUSD_INIT(busd_error);
    busd_result result = busd_connection_open(&raw, &opened.handle_, &error);
    if (result != BUSD_OK) return detail::error(result, error);
    opened.fixed_->dispatch->handle = opened.handle_;
    return opened;
  }

  Connection(Connection&& other) noexcept
      : fixed_(std::move(other.fixed_)),
        handle_(std::exchange(other.handle_, nullptr)),
        error_(std::move(other.error_)) {}
  Connection& operator=(Connection&& other) noexcept {
    if (this == &other) return *this;
    (void)close();
    handle_ = std::exchange(other.handle_, nullptr);
    fixed_ = std::move(other.fixed_);
    error_ = std::move(other.error_);
    return *this;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { (void)close(); }

  // The next item that no handler takes, or the reason why there is none: BUSD_TIMED_OUT if the time ran out
  // or wake() was called; any other reason is the end. The item is borrowed until the next call.
  [[nodiscard]] Expected<Item> next(std::chrono::milliseconds timeout = forever) {
    // Not initialised completely, because this runs once per event.
    busd_error error;
    error.size = sizeof error;
    busd_result result = busd_connection_next(handle_, timeout.count(), &fixed_->item, &error);
    if (result == BUSD_OK && fixed_->item.kind < BUSD_ITEM_CALL_END) return Item(&fixed_->item);
    const detail::Remaining remaining(timeout);
    for (int handled = 1; result == BUSD_OK; ++handled) {
      bool of_calls = fixed_->item.kind >= BUSD_ITEM_CALL_END;
      if (!of_calls || !detail::Dispatch::take(fixed_->dispatch, fixed_->item)) return Item(&fixed_->item);
      if (handle_ == nullptr) return error_ = detail::gone();  // the handler has closed it
      // A loop that does not wait gets its turn; what is left is due at once.
      if (timeout.count() == 0 && handled == detail::kHandledPerTurn)
        return error_ = Error{BUSD_TIMED_OUT, "handlers have run"};
      result = busd_connection_next(handle_, remaining.left().count(), &fixed_->item, &error);
    }
    error_ = detail::error(result, error);
    if (result != BUSD_TIMED_OUT) fixed_->dispatch->end_all(error_);
    return error_;
  }

  // Runs the handlers of calls until wake() is called, or the connection ends. Discards all other items.
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
    busd_error error;
    error.size = sizeof error;
    std::uint64_t number = 0;
    busd_result result = busd_connection_publish(handle_, &raw, &number, &error);
    return {number, detail::error(result, error)};
  }
  // A complete event frame, {"type":"event",…}.
  Published publish_frame(std::string_view frame) {
    busd_error error;
    error.size = sizeof error;
    std::uint64_t number = 0;
    busd_result result = busd_connection_publish_frame(handle_, detail::text(frame), &number, &error);
    return {number, detail::error(result, error)};
  }

  // Reports the state of the named source that this is.
  Expected<void> report(SourceState state, std::string_view detail = {}) {
    auto error = BUSD_INIT(busd_error);
    auto raw_state = static_cast<busd_source_state>(state);
    return detail::outcome(busd_connection_report(handle_, raw_state, detail::text(detail), &error), error);
  }

  // Calls `task` with `args`, raw JSON, and waits for the answer. Meanwhile no handler runs: requests to this
  // connection wait, too. call_async(…).wait() runs them.
  Answer call(std::string_view task, std::string_view args = {}, const CallOptions& options = {}) {
    busd_call_options raw = detail::call_options(options);
    auto answer = BUSD_INIT(busd_answer);
    auto error = BUSD_INIT(busd_error);
    busd_result result =
        busd_connection_call(handle_, detail::text(task), detail::text(args), &raw, &answer, &error);
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
        busd_connection_call_start(handle_, detail::text(task), detail::text(args), &raw, &number, &error);
    bool started = result == BUSD_OK || (result == BUSD_TIMED_OUT && number != 0);
    return started ? Call(fixed_->dispatch, number) : Call(detail::error(result, error));
  }

  // Provides `task`, a name or a pattern: from now on `handler` runs for each request.
  Expected<void> serve(std::string_view task, RequestHandler handler, const ProvideOptions& options = {}) {
    auto raw = BUSD_INIT(busd_provide_options);
    raw.slots = options.slots;
    raw.priority = options.priority;
    const busd_text name = detail::text(task);
    auto error = BUSD_INIT(busd_error);
    fixed_->dispatch->serve(task, std::move(handler));
    return detail::outcome(busd_connection_provide(handle_, &name, 1, &raw, &error), error);
  }
  // Provides it no longer. Requests that have come already still get to the handler.
  Expected<void> unserve(std::string_view task) {
    const busd_text name = detail::text(task);
    auto error = BUSD_INIT(busd_error);
    return detail::outcome(busd_connection_unprovide(handle_, &name, 1, &error), error);
  }

  // Waits until the hub has processed everything that was published.
  [[nodiscard]] Expected<void> flush(std::chrono::milliseconds timeout = forever) {
    auto error = BUSD_INIT(busd_error);
    return detail::outcome(busd_connection_flush(handle_, timeout.count(), &error), error);
  }

  std::uint64_t unconfirmed() const noexcept { return busd_connection_unconfirmed(handle_); }
  bool is_first() const noexcept { return busd_connection_is_first(handle_) != 0; }

  // Makes a waiting next(), publish() or flush() return BUSD_TIMED_OUT. Signal handlers and other threads may
  // call it, too.
  void wake() noexcept { busd_connection_wake(handle_); }

  // Hosting in a loop: see consumer.h.
  int fd() const noexcept { return busd_connection_fd(handle_); }
  short events() const noexcept { return busd_connection_events(handle_); }
  std::optional<std::chrono::milliseconds> deadline() const noexcept {
    return detail::deadline(busd_connection_deadline(handle_));
  }

  // Flushes and leaves the hub, with clean-up if this is the last consumer. Afterwards the object may only be
  // destroyed or assigned to.
  Expected<void> close(std::chrono::milliseconds timeout = detail::kCloseTimeout) {
    auto error = BUSD_INIT(busd_error);
    auto* closing = std::exchange(handle_, nullptr);
    if (fixed_) fixed_->dispatch->close(detail::gone());
    return detail::outcome(busd_connection_close(closing, timeout.count(), &error), error);
  }

  // Disconnects at once, without flush and clean-up.
  void abandon() noexcept {
    if (fixed_) fixed_->dispatch->close(detail::gone());
    busd_connection_abandon(std::exchange(handle_, nullptr));
  }

  // The C handle, still owned by this object.
  busd_connection* handle() noexcept { return handle_; }

 private:
  Connection() = default;

  std::unique_ptr<detail::Fixed> fixed_;
  busd_connection* handle_ = nullptr;
  Error error_;
};

// --- consumers: connections that only receive ---

// Members as in busd_consumer_options; zero and empty mean the default.
struct ConsumerOptions {
  std::string key{};
  std::vector<std::string> event_types{};
  std::string subscription_id{};
  bool exclusive = false;
  Hook on_first{};
  Hook on_last{};
  std::string socket{};
  std::string bus{};
  bool no_start = false;
  bool no_reconnect = false;
  std::chrono::milliseconds open_timeout{0};
  std::chrono::milliseconds reconnect_max{0};
  std::string hub_program{};
  int cancel_fd = 0;
  bool observer = false;
  bool background = false;
};

// Each function does what the one of Connection with the same name does.
class Consumer {
 public:
  [[nodiscard]] static Expected<Consumer> open(ConsumerOptions options) {
    Consumer opened;
    opened.fixed_.reset(new detail::Fixed{std::move(options.on_first), std::move(options.on_last)});
    auto types = detail::texts(options.event_types);
    auto raw = BUSD_INIT(busd_consumer_options);
    detail::put_place(raw, options);
    detail::put_consumer(raw, options, types, *opened.fixed_);
    auto error = BUSD_INIT(busd_error);
    busd_result result = busd_consumer_open(&raw, &opened.handle_, &error);
    if (result != BUSD_OK) return detail::error(result, error);
    return opened;
  }

  Consumer(Consumer&& other) noexcept
      : fixed_(std::move(other.fixed_)),
        handle_(std::exchange(other.handle_, nullptr)),
        error_(std::move(other.error_)) {}
  Consumer& operator=(Consumer&& other) noexcept {
    if (this == &other) return *this;
    busd_consumer_close(handle_, nullptr);
    handle_ = std::exchange(other.handle_, nullptr);
    fixed_ = std::move(other.fixed_);
    error_ = std::move(other.error_);
    return *this;
  }
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;
  ~Consumer() { busd_consumer_close(handle_, nullptr); }

  [[nodiscard]] Expected<Item> next(std::chrono::milliseconds timeout = forever) {
    busd_error error;
    error.size = sizeof error;
    busd_result result = busd_consumer_next(handle_, timeout.count(), &fixed_->item, &error);
    if (result == BUSD_OK) return Item(&fixed_->item);
    error_ = detail::error(result, error);
    return error_;
  }
  const Error& error() const noexcept { return error_; }

  bool is_first() const noexcept { return busd_consumer_is_first(handle_) != 0; }
  void wake() noexcept { busd_consumer_wake(handle_); }

  int fd() const noexcept { return busd_consumer_fd(handle_); }
  short events() const noexcept { return busd_consumer_events(handle_); }
  std::optional<std::chrono::milliseconds> deadline() const noexcept {
    return detail::deadline(busd_consumer_deadline(handle_));
  }

  Expected<void> close() {
    auto error = BUSD_INIT(busd_error);
    return detail::outcome(busd_consumer_close(std::exchange(handle_, nullptr), &error), error);
  }
  void abandon() noexcept { busd_consumer_abandon(std::exchange(handle_, nullptr)); }

  busd_consumer* handle() noexcept { return handle_; }

 private:
  Consumer() = default;

  std::unique_ptr<detail::Fixed> fixed_;
  busd_consumer* handle_ = nullptr;
  Error error_;
};

// --- sources: connections that only publish ---

// Members as in busd_source_options; zero and empty mean the default.
struct SourceOptions {
  std::string name{};
  std::string socket{};
  std::string bus{};
  bool no_start = false;
  bool no_reconnect = false;
  std::chrono::milliseconds open_timeout{0};
  std::chrono::milliseconds reconnect_max{0};
  std::size_t buffer_bytes = 0;
  std::string hub_program{};
  std::size_t hold_bytes = 0;
  bool check_payloads = false;
  int cancel_fd = 0;
};

// Each function does what the one of Connection with the same name does; status() is report(). A source has
// no items: in their place stand next_refusal() and, in a loop, process().
class Source {
 public:
  [[nodiscard]] static Expected<Source> open(const SourceOptions& options) {
    Source opened;
    auto raw = BUSD_INIT(busd_source_options);
    detail::put_place(raw, options);
    detail::put_publisher(raw, options);
    raw.name = detail::text(options.name);
    auto error = BUSD_INIT(busd_error);
    busd_result result = busd_source_open(&raw, &opened.handle_, &error);
    if (result != BUSD_OK) return detail::error(result, error);
    return opened;
  }

  Source(Source&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Source& operator=(Source&& other) noexcept {
    if (this == &other) return *this;
    busd_source_close(handle_, detail::kCloseTimeout.count(), nullptr);
    handle_ = std::exchange(other.handle_, nullptr);
    return *this;
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source() { busd_source_close(handle_, detail::kCloseTimeout.count(), nullptr); }

  Published publish(std::string_view event_type, std::string_view payload = {}) {
    return publish(Publication{.event_type = event_type, .payload = payload});
  }
  Published publish(const Publication& what) {
    const busd_publication raw = detail::publication(what);
    busd_error error;
    error.size = sizeof error;
    std::uint64_t number = 0;
    busd_result result = busd_source_publish(handle_, &raw, &number, &error);
    return {number, detail::error(result, error)};
  }
  Published publish_frame(std::string_view frame) {
    busd_error error;
    error.size = sizeof error;
    std::uint64_t number = 0;
    busd_result result = busd_source_publish_frame(handle_, detail::text(frame), &number, &error);
    return {number, detail::error(result, error)};
  }

  Expected<void> status(SourceState state, std::string_view detail = {}) {
    auto error = BUSD_INIT(busd_error);
    auto raw_state = static_cast<busd_source_state>(state);
    return detail::outcome(busd_source_status(handle_, raw_state, detail::text(detail), &error), error);
  }

  [[nodiscard]] Expected<void> flush(std::chrono::milliseconds timeout = forever) {
    auto error = BUSD_INIT(busd_error);
    return detail::outcome(busd_source_flush(handle_, timeout.count(), &error), error);
  }

  std::optional<Refusal> next_refusal() {
    auto raw = BUSD_INIT(busd_refusal);
    if (busd_source_next_refusal(handle_, &raw) != BUSD_OK) return std::nullopt;
    return Refusal{raw.publication, detail::view(raw.code), detail::view(raw.message)};
  }

  std::uint64_t unconfirmed() const noexcept { return busd_source_unconfirmed(handle_); }

  int fd() const noexcept { return busd_source_fd(handle_); }
  short events() const noexcept { return busd_source_events(handle_); }
  std::optional<std::chrono::milliseconds> deadline() const noexcept {
    return detail::deadline(busd_source_deadline(handle_));
  }
  Expected<void> process() {
    auto error = BUSD_INIT(busd_error);
    return detail::outcome(busd_source_process(handle_, &error), error);
  }
  void wake() noexcept { busd_source_wake(handle_); }

  Expected<void> close(std::chrono::milliseconds timeout = detail::kCloseTimeout) {
    auto error = BUSD_INIT(busd_error);
    return detail::outcome(busd_source_close(std::exchange(handle_, nullptr), timeout.count(), &error),
                           error);
  }

  busd_source* handle() noexcept { return handle_; }

 private:
  Source() = default;

  busd_source* handle_ = nullptr;
};

// --- the hub itself ---

struct HubOptions {
  std::string socket{};
  std::string bus{};
};

struct HubFacts {
  std::string socket;
  std::string lock;
  bool socket_exists = false;
  bool lock_held = false;
  std::int64_t lock_pid = 0;
  std::int64_t peer_pid = 0;
  std::int64_t peer_uid = 0;
  std::int64_t starter_pid = 0;
  bool absent = false;
};

struct HubEnding {
  bool ran = false;
  bool killed = false;
  std::int64_t pid = 0;
};

struct HubPlace {
  std::string socket;
  std::string home;
  std::string notice;
  bool named = false;
};

namespace detail {

inline busd_hub_options hub_options(const HubOptions& from) noexcept {
  auto raw = BUSD_INIT(busd_hub_options);
  raw.socket = text(from.socket);
  raw.bus = text(from.bus);
  return raw;
}

inline HubFacts hub_facts(const busd_hub_facts& from) {
  HubFacts facts;
  facts.socket = from.socket;
  facts.lock = from.lock;
  facts.socket_exists = from.socket_exists != 0;
  facts.lock_held = from.lock_held != 0;
  facts.lock_pid = from.lock_pid;
  facts.peer_pid = from.peer_pid;
  facts.peer_uid = from.peer_uid;
  facts.starter_pid = from.starter_pid;
  facts.absent = from.absent != 0;
  return facts;
}

// `question` is busd_hub_status, or another function of its kind.
template <class Question>
inline Expected<std::string> ask_hub(Question question, const HubOptions& options,
                                     std::chrono::milliseconds timeout) {
  auto raw = hub_options(options);
  auto error = BUSD_INIT(busd_error);
  char* answer = nullptr;
  std::size_t length = 0;
  busd_result result = question(&raw, timeout.count(), &answer, &length, &error);
  if (result != BUSD_OK) return detail::error(result, error);
  std::string copy(answer, length);
  busd_free(answer);
  return copy;
}

}  // namespace detail

// The hub's status_response frame. Never starts a hub.
[[nodiscard]] inline Expected<std::string> hub_status(
    const HubOptions& options = {}, std::chrono::milliseconds timeout = std::chrono::milliseconds(2000)) {
  return detail::ask_hub(busd_hub_status, options, timeout);
}

// The hub's metrics, as text for Prometheus. Never starts a hub.
[[nodiscard]] inline Expected<std::string> hub_metrics(
    const HubOptions& options = {}, std::chrono::milliseconds timeout = std::chrono::milliseconds(2000)) {
  return detail::ask_hub(busd_hub_metrics, options, timeout);
}

// What can be known about a hub without asking it.
[[nodiscard]] inline Expected<HubFacts> hub_inspect(const HubOptions& options = {}) {
  auto raw = detail::hub_options(options);
  auto error = BUSD_INIT(busd_error);
  auto facts = BUSD_INIT(busd_hub_facts);
  busd_result result = busd_hub_inspect(&raw, &facts, &error);
  if (result != BUSD_OK) return detail::error(result, error);
  return detail::hub_facts(facts);
}

// Stops the hub and waits until its lock is free. With `force`, kills the hub when the time is over.
[[nodiscard]] inline Expected<void> hub_stop(const HubOptions& options, std::chrono::milliseconds timeout,
                                             bool force = false) {
  auto raw = detail::hub_options(options);
  auto error = BUSD_INIT(busd_error);
  return detail::outcome(busd_hub_stop(&raw, timeout.count(), force ? 1 : 0, &error), error);
}

// The same, with what it came to. `ending`, if given, is filled in on failure too.
[[nodiscard]] inline Expected<HubEnding> hub_end(const HubOptions& options, std::chrono::milliseconds timeout,
                                                 bool force = false, HubEnding* ending = nullptr) {
  auto raw = detail::hub_options(options);
  auto error = BUSD_INIT(busd_error);
  auto filled = BUSD_INIT(busd_hub_ending);
  busd_result result = busd_hub_end(&raw, timeout.count(), force ? 1 : 0, &filled, &error);
  HubEnding came_to{filled.ran != 0, filled.killed != 0, filled.pid};
  if (ending != nullptr) *ending = came_to;
  if (result != BUSD_OK) return detail::error(result, error);
  return came_to;
}

// Where the hub is, or would be started.
[[nodiscard]] inline Expected<HubPlace> hub_find(const HubOptions& options = {}) {
  auto raw = detail::hub_options(options);
  auto error = BUSD_INIT(busd_error);
  auto place = BUSD_INIT(busd_hub_place);
  busd_result result = busd_hub_find(&raw, &place, &error);
  if (result != BUSD_OK) return detail::error(result, error);
  return HubPlace{place.socket, place.home, place.notice, place.named != 0};
}

// The hubs that listen at the standard places of this user.
[[nodiscard]] inline std::vector<HubFacts> hubs() {
  std::vector<HubFacts> found;
  auto add = [](void* context, const busd_hub_facts* facts) {
    static_cast<std::vector<HubFacts>*>(context)->push_back(detail::hub_facts(*facts));
  };
  (void)busd_hub_each(add, &found, nullptr);
  return found;
}

}  // namespace busd

#endif  // BUSD_CONSUMER_HPP
