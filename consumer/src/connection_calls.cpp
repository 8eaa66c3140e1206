// The part of a connection that waits for what calls bring about.
#include <utility>

#include "consumer/src/connection.h"
#include "protocol/base/strings.h"

namespace bus::sdk {

namespace {

ApiResult failed(const CallError& error) { return {BUSD_FAILED, error.code + ": " + error.message}; }

constexpr std::string_view kFull = "so many items wait to be taken that nothing more is read: take some";

}  // namespace

// Sends what was queued, unless it was not.
ApiResult Connection::send_said(const ApiResult& said) {
  if (!said.ok()) return said;
  if (publisher_.send_is_due()) send_now();
  if (publisher_.is_full(waiting_bytes())) return make_room();
  return {};
}

// Waits for the item of that kind and number. Looks at each item by itself, because step() would keep this one.
ApiResult Connection::wait_for_end(uint64_t number, ItemKind kind, const Item*& end) {
  if (session_->up()) (void)publisher_.send();
  for (;;) {
    while (may_step()) {
      Item* item = take();
      if (item == nullptr) break;
      bool ours = item->number == number && (item->kind == kind || item->kind == ItemKind::progress);
      if (ours && item->kind == kind) {
        end = item;
        return {};
      }
      if (!ours && is_for_user(*item)) inbox_.keep(*item);
    }
    if (session_->over()) return session_->result();
    if (!may_step()) return {BUSD_TIMED_OUT, std::string(kFull)};
    if (wait(kNever) == Transport::Wait::woken) return {BUSD_TIMED_OUT, "woken"};
  }
}

ApiResult Connection::call(std::string_view task, std::string_view args, const busd_call_options& options,
                           const Item*& end) {
  if (options.stream != 0)
    return {BUSD_INVALID, "the answer of a call with `stream` comes in items: start it, and take them"};
  uint64_t number = 0;
  ApiResult result = calls_.start(task, args, options, number);
  if (!result.ok()) return result;
  result = wait_for_end(number, ItemKind::call_end, end);
  if (!result.ok()) {
    calls_.abandon(number);
    return result;
  }
  const auto& response = *std::get_if<Response>(&end->call);
  return response.error ? failed(*response.error) : ApiResult();
}

ApiResult Connection::call_start(std::string_view task, std::string_view args,
                                 const busd_call_options& options, uint64_t& number) {
  if (!session_->up()) step();
  return send_said(calls_.start(task, args, options, number));
}

ApiResult Connection::cancel(uint64_t number) { return send_said(calls_.cancel(number)); }

ApiResult Connection::next_call(int64_t timeout_ms, busd_item& item) {
  if (publisher_.holds_back()) (void)publisher_.send();
  if (const Item* kept = inbox_.take_call()) return hand_out(*kept, item);
  TimePoint until = timeout_ms == 0 ? TimePoint() : deadline_of(timeout_ms);
  bool last_try = false;
  for (;;) {
    while (may_step()) {
      const Item* next = take();
      if (next == nullptr) break;
      if (is_of_calls(next->kind)) return hand_out(*next, item);
      if (is_for_user(*next)) inbox_.keep(*next);
    }
    if (!failed_.ok()) return failed_;
    if (session_->over()) return session_->result();
    if (!may_step()) return {BUSD_TIMED_OUT, std::string(kFull)};
    if (last_try) return {BUSD_TIMED_OUT, "nothing came in time"};
    Transport::Wait waited = wait(until);
    if (waited == Transport::Wait::woken) return {BUSD_TIMED_OUT, "woken"};
    last_try = waited == Transport::Wait::timed_out && now() >= until;
  }
}

// Waits for the answer to provide or unprovide.
ApiResult Connection::wait_for_hub(uint64_t number) {
  const Item* end = nullptr;
  ApiResult result = wait_for_end(number, ItemKind::call_end, end);
  if (!result.ok()) {
    calls_.abandon(number);
    return result;
  }
  const auto& error = std::get_if<Response>(&end->call)->error;
  if (!error) return {};
  if (error->by != "library") return {BUSD_REFUSED, error->message};
  return {error->code == "lost" ? BUSD_LOST : BUSD_TIMED_OUT, error->message};
}

ApiResult Connection::provide(const Provide& what) {
  uint64_t number = 0;
  ApiResult result = calls_.provide(what, number);
  if (result.ok()) result = wait_for_hub(number);
  if (result.ok()) calls_.provided(what);
  return result;
}

ApiResult Connection::unprovide(const std::vector<std::string>& tasks) {
  uint64_t number = 0;
  ApiResult result = calls_.unprovide(tasks, number);
  if (!result.ok()) return result;
  calls_.unprovided(tasks);
  return wait_for_hub(number);
}

ApiResult Connection::respond(uint64_t request, std::string_view result) {
  ApiResult said = calls_.respond(request, result);
  if (said.code == BUSD_CANCELED) return {};
  return send_said(said);
}

ApiResult Connection::fail(uint64_t request, std::string_view code, std::string_view message,
                           std::string_view data) {
  ApiResult said = calls_.fail(request, code, message, data);
  if (said.code == BUSD_CANCELED) return {};
  return send_said(said);
}

// Nothing is read for a chunk that may go; what the hub has to say of the stream shows when 16 KiB were sent.
ApiResult Connection::chunk(uint64_t request, std::string_view data, int64_t timeout_ms) {
  const Server::Request* served = calls_.request(request);
  if (served != nullptr && served->paused) {
    ApiResult resumed = wait_until_resumed(request, deadline_of(timeout_ms));
    if (!resumed.ok()) return resumed;
  }
  return send_said(calls_.chunk(request, data));
}

ApiResult Connection::wait_until_resumed(uint64_t request, TimePoint until) {
  if (session_->up()) send_now();
  for (;;) {
    step();
    const Server::Request* served = calls_.request(request);
    if (served == nullptr || !served->paused) return {};
    if (!may_step()) return {BUSD_TIMED_OUT, std::string(kFull)};
    if (now() >= until) return {BUSD_TIMED_OUT, "the reader of the stream does not keep up"};
    if (wait(until) == Transport::Wait::woken) return {BUSD_TIMED_OUT, "woken"};
  }
}

ApiResult Connection::progress(uint64_t request, uint64_t done, uint64_t total, std::string_view text) {
  return send_said(calls_.progress(request, done, total, text));
}

}  // namespace bus::sdk
