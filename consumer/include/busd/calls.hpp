// busd/calls.hpp - calls, for C++20: what <busd/calls.h> is for C. <busd/consumer.hpp> includes it.
//
//   auto connection = busd::Connection::open({});
//   busd::Answer sum = connection->call("math.add", R"({"a":1,"b":2})");
//   if (sum) use(sum.result); else complain(sum.code, sum.message);
//
// Many at once, without a thread:
//
//   busd::Call one = connection->call_async("slow.job", R"({"n":1})");
//   busd::Call two = connection->call_async("slow.job", R"({"n":2})");
//   use(one.wait(), two.wait());
//
// A provider:
//
//   connection->serve("math.add", [](busd::Request request) { request.respond(add(request.args())); });
//   connection->run();
//
// Handlers run inside next(), run() and Call::wait() of their connection, one at a time. A handler may call
// functions of the connection, and may keep its request and answer it later. What a handler throws leaves the
// function that ran it.
#ifndef BUSD_CALLS_HPP
#define BUSD_CALLS_HPP

#include <busd/cache.h>
#include <busd/calls.h>
#include <busd/expected.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace busd {

// Members as in busd_call_options; zero and empty mean the default. A `timeout` of `forever`: no deadline.
struct CallOptions {
  std::chrono::milliseconds timeout{0};
  bool wait = false;
  bool stream = false;
  bool idempotent = false;
  std::string_view to{};
  std::uint64_t parent = 0;
  std::string_view reply_event{};
  std::string_view members{};
};

struct ProvideOptions {
  std::uint32_t slots = 0;
  std::int32_t priority = 0;
};

// How a call has ended. `status` is BUSD_OK: there is a result. BUSD_FAILED: the call has failed, and `code`
// says how. Anything else: the call was not made, or its end is not known; `message` says why.
struct Answer {
  busd_result status = BUSD_OK;
  std::string result{};   // raw JSON
  std::string code{};     // of the error: "no_provider", "timeout", or a provider's own
  std::string message{};  // one line for people
  std::string by{};       // who says so: "hub", "library", or empty: the provider
  std::string data{};     // raw JSON, more about the error; may be empty
  explicit operator bool() const noexcept { return status == BUSD_OK; }
};

namespace detail {

inline Answer answer(const busd_answer& from) {
  return {from.code.length == 0 ? BUSD_OK : BUSD_FAILED,
          std::string(view(from.result)),
          std::string(view(from.code)),
          std::string(view(from.message)),
          std::string(view(from.by)),
          std::string(view(from.data))};
}

inline Answer no_answer(Error error) {
  Answer answer;
  answer.status = error.result;
  answer.message = std::move(error.message);
  return answer;
}

inline busd_call_options call_options(const CallOptions& from) noexcept {
  auto raw = BUSD_INIT(busd_call_options);
  raw.timeout_ms = from.timeout.count();
  raw.wait = from.wait ? 1 : 0;
  raw.stream = from.stream ? 1 : 0;
  raw.idempotent = from.idempotent ? 1 : 0;
  raw.to = text(from.to);
  raw.parent = from.parent;
  raw.reply_event = text(from.reply_event);
  raw.members = text(from.members);
  return raw;
}

// The connection as calls and requests know it; it may be gone when they are used.
struct Link {
  busd_connection* handle = nullptr;
};

// What is left of a timeout that begins now; `forever` stays so.
class Remaining {
 public:
  explicit Remaining(std::chrono::milliseconds timeout)
      : timeout_(timeout), start_(timeout.count() > 0 ? Clock::now() : Clock::time_point{}) {}
  std::chrono::milliseconds left() const {
    if (timeout_.count() <= 0) return timeout_;
    auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start_);
    return spent < timeout_ ? timeout_ - spent : std::chrono::milliseconds{0};
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::chrono::milliseconds timeout_;
  Clock::time_point start_;
};

inline Error gone() { return {BUSD_CLOSED, "the connection was closed"}; }

}  // namespace detail

// How far a call has come; both numbers 0: unknown.
struct Progress {
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  std::string_view text{};
};

// A request of a task that this connection provides. Answer it once, at once or later; its functions are
// those of busd_request_*. One that is destroyed without an answer fails with code "unanswered".
class Request {
 public:
  Request(std::weak_ptr<detail::Link> link, std::uint64_t number, const busd_request& from)
      : link_(std::move(link)),
        number_(number),
        task_(detail::view(from.task)),
        args_(detail::view(from.args)),
        source_(detail::view(from.source)),
        timeout_(static_cast<std::int64_t>(from.timeout_ms)),
        streams_(from.stream != 0),
        pid_(from.pid),
        uid_(from.uid) {}
  Request(Request&& other) noexcept = default;
  Request& operator=(Request&& other) noexcept {
    if (this == &other) return *this;
    drop();
    link_ = std::move(other.link_);
    number_ = other.number_;
    task_ = std::move(other.task_);
    args_ = std::move(other.args_);
    source_ = std::move(other.source_);
    timeout_ = other.timeout_;
    streams_ = other.streams_;
    pid_ = other.pid_;
    uid_ = other.uid_;
    return *this;
  }
  ~Request() { drop(); }

  std::uint64_t number() const noexcept { return number_; }  // as a `parent`
  const std::string& task() const noexcept { return task_; }
  const std::string& args() const noexcept { return args_; }      // raw JSON
  const std::string& source() const noexcept { return source_; }  // of the caller; empty: it has no name
  std::chrono::milliseconds timeout() const noexcept { return timeout_; }  // what was left; 0: no deadline
  bool streams() const noexcept { return streams_; }
  std::int64_t pid() const noexcept { return pid_; }
  std::uint64_t uid() const noexcept { return uid_; }
  // Whether somebody still waits for the answer, as far as the library has read.
  bool is_open() const noexcept {
    auto link = this->link();
    return link && busd_request_is_open(link->handle, number_) != 0;
  }

  Expected<void> respond(std::string_view result = {}) {
    return send([&](busd_connection* handle, busd_error* error) {
      return busd_request_respond(handle, number_, detail::text(result), error);
    });
  }
  Expected<void> fail(std::string_view code, std::string_view message, std::string_view data = {}) {
    return send([&](busd_connection* handle, busd_error* error) {
      return busd_request_fail(handle, number_, detail::text(code), detail::text(message), detail::text(data),
                               error);
    });
  }
  Expected<void> decline() {
    return send([&](busd_connection* handle, busd_error* error) {
      return busd_request_decline(handle, number_, error);
    });
  }
  // A part of the answer; waits at most `timeout` while the reader does not keep up.
  Expected<void> chunk(std::string_view data, std::chrono::milliseconds timeout = forever) {
    return send([&](busd_connection* handle, busd_error* error) {
      return busd_request_chunk(handle, number_, detail::text(data), timeout.count(), error);
    });
  }
  Expected<void> progress(const Progress& how) {
    return send([&](busd_connection* handle, busd_error* error) {
      return busd_request_progress(handle, number_, how.done, how.total, detail::text(how.text), error);
    });
  }

 private:
  std::shared_ptr<detail::Link> link() const noexcept {
    auto link = link_.lock();
    return link && link->handle != nullptr ? link : nullptr;
  }
  template <class Send>
  Expected<void> send(Send what) {
    auto link = this->link();
    if (!link) return detail::gone();
    auto error = BUSD_INIT(busd_error);
    return detail::outcome(what(link->handle, &error), error);
  }
  void drop() noexcept {
    if (is_open()) (void)fail("unanswered", "the provider has dropped the request");
  }

  std::weak_ptr<detail::Link> link_;
  std::uint64_t number_;
  std::string task_;
  std::string args_;
  std::string source_;
  std::chrono::milliseconds timeout_;
  bool streams_;
  std::int64_t pid_;
  std::uint64_t uid_;
};

using RequestHandler = std::function<void(Request)>;
using ChunkHandler = std::function<void(std::string_view data)>;  // raw JSON
using ProgressHandler = std::function<void(const Progress&)>;

namespace detail {

struct CallState {
  std::optional<Answer> answer;
  ChunkHandler on_chunk;
  ProgressHandler on_progress;
};

// Gives the items of calls to what waits for them, and those of values to the caches.
class Dispatch : public Link {
 public:
  // Whether somebody took the item.
  static bool take(const std::shared_ptr<Dispatch>& self, const busd_item& item) {
    if (item.kind == BUSD_ITEM_REQUEST) return self->take_request(self, item);
    auto at = self->calls_.find(item.call);
    if (at == self->calls_.end()) return false;
    std::shared_ptr<CallState> state = at->second;  // a handler may end the call
    if (item.kind == BUSD_ITEM_CALL_END) {
      state->answer = answer(*item.answer);
      self->calls_.erase(at);
    } else if (item.kind == BUSD_ITEM_CHUNK) {
      if (state->on_chunk) state->on_chunk(view(item.payload));
    } else if (item.kind == BUSD_ITEM_PROGRESS) {
      if (state->on_progress) state->on_progress({item.done, item.total, view(item.detail)});
    } else {
      return false;  // the number is that of a request
    }
    return true;
  }

  void add(std::uint64_t number, std::shared_ptr<CallState> state) { calls_[number] = std::move(state); }
  void forget(std::uint64_t number) { calls_.erase(number); }
  void add(busd_cache* cache) { caches_.push_back(cache); }
  void forget(const busd_cache* cache) noexcept { std::erase(caches_, cache); }
  void feed(const busd_item& item) {
    for (busd_cache* cache : caches_) busd_cache_take(cache, &item);
  }
  // `task` may be a pattern, "math.*" or "*". A handler of the same one is replaced.
  void serve(std::string_view task, RequestHandler handler) {
    handlers_[std::string(task)] = std::make_shared<RequestHandler>(std::move(handler));
  }
  // The connection is gone: every call has an end.
  void close(const Error& error) {
    handle = nullptr;
    end_all(error);
  }
  void end_all(const Error& error) {
    for (auto& [number, state] : calls_) state->answer = no_answer(error);
    calls_.clear();
  }

 private:
  bool take_request(const std::shared_ptr<Dispatch>& self, const busd_item& item) {
    std::shared_ptr<RequestHandler> handler = find(view(item.request->task));
    if (!handler) return false;
    (*handler)(Request(self, item.call, *item.request));
    return true;
  }
  // The task itself, else the longest pattern.
  std::shared_ptr<RequestHandler> find(std::string_view task) const {
    auto at = handlers_.find(task);
    for (std::size_t dot = task.rfind('.'); at == handlers_.end() && dot != std::string_view::npos;
         dot = dot == 0 ? std::string_view::npos : task.rfind('.', dot - 1)) {
      at = handlers_.find(std::string(task.substr(0, dot + 1)) + "*");
    }
    if (at == handlers_.end()) at = handlers_.find("*");
    return at == handlers_.end() ? nullptr : at->second;
  }

  std::map<std::uint64_t, std::shared_ptr<CallState>> calls_;
  std::map<std::string, std::shared_ptr<RequestHandler>, std::less<>> handlers_;
  std::vector<busd_cache*> caches_;
};

}  // namespace detail

// A call that was started, and whose answer is still to come. Destroying it cancels the call.
class Call {
 public:
  // Of a call that was not made: it has ended.
  explicit Call(Error error) : state_(std::make_shared<detail::CallState>()) {
    state_->answer = detail::no_answer(std::move(error));
  }
  Call(const std::shared_ptr<detail::Dispatch>& dispatch, std::uint64_t number)
      : dispatch_(dispatch), number_(number), state_(std::make_shared<detail::CallState>()) {
    dispatch->add(number, state_);
  }
  Call(Call&& other) noexcept = default;
  Call& operator=(Call&& other) noexcept {
    if (this == &other) return *this;
    drop();
    dispatch_ = std::move(other.dispatch_);
    number_ = other.number_;
    state_ = std::move(other.state_);
    return *this;
  }
  ~Call() { drop(); }

  std::uint64_t number() const noexcept { return number_; }
  bool is_done() const noexcept { return state_->answer.has_value(); }
  // Once is_done().
  const Answer& answer() const noexcept { return *state_->answer; }

  // For the parts of the answer to a call with `stream`, and for progress. Set it before next(), run() or
  // wait() runs.
  Call& on_chunk(ChunkHandler handler) {
    state_->on_chunk = std::move(handler);
    return *this;
  }
  Call& on_progress(ProgressHandler handler) {
    state_->on_progress = std::move(handler);
    return *this;
  }

  // Waits until the call has ended, and runs the handlers of its connection meanwhile. What is not of calls
  // is kept for next(); a request without a handler is declined. If the time runs out, or wake() is called,
  // the answer has status BUSD_TIMED_OUT, and the call goes on.
  Answer wait(std::chrono::milliseconds timeout = forever) {
    const detail::Remaining remaining(timeout);
    auto item = BUSD_INIT(busd_item);
    while (!is_done()) {
      auto dispatch = dispatch_.lock();
      if (!dispatch || dispatch->handle == nullptr) return detail::no_answer(detail::gone());
      auto error = BUSD_INIT(busd_error);
      busd_result result =
          busd_connection_next_call(dispatch->handle, remaining.left().count(), &item, &error);
      if (result == BUSD_OK) {
        bool taken = detail::Dispatch::take(dispatch, item);
        if (!taken && item.kind == BUSD_ITEM_REQUEST)
          busd_request_decline(dispatch->handle, item.call, nullptr);
      } else if (result == BUSD_TIMED_OUT) {
        return detail::no_answer(detail::error(result, error));
      } else {
        dispatch->end_all(detail::error(result, error));
      }
    }
    return answer();
  }

  Expected<void> cancel() {
    auto dispatch = dispatch_.lock();
    if (!dispatch || dispatch->handle == nullptr) return detail::gone();
    auto error = BUSD_INIT(busd_error);
    return detail::outcome(busd_connection_cancel(dispatch->handle, number_, &error), error);
  }

 private:
  void drop() noexcept {
    if (state_ == nullptr || is_done()) return;
    if (auto dispatch = dispatch_.lock(); dispatch && dispatch->handle != nullptr)
      busd_connection_cancel(dispatch->handle, number_, nullptr);
  }

  std::weak_ptr<detail::Dispatch> dispatch_;
  std::uint64_t number_ = 0;
  std::shared_ptr<detail::CallState> state_;
};

// Waits for all of them; false: the time ran out, or wake() was called.
inline bool wait_all(std::vector<Call>& calls, std::chrono::milliseconds timeout = forever) {
  const detail::Remaining remaining(timeout);
  for (Call& call : calls) {
    (void)call.wait(remaining.left());
    if (!call.is_done()) return false;
  }
  return true;
}

}  // namespace busd

#endif  // BUSD_CALLS_HPP
