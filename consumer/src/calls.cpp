#include "consumer/src/calls.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "consumer/src/text.h"
#include "protocol/base/strings.h"
#include "protocol/limits.h"

namespace bus::sdk {

namespace {

// So long a connection waits for the answer to provide and unprovide.
constexpr Duration kProvidePatience = kStatusTimeout;

ApiResult invalid(std::string what) { return {BUSD_INVALID, std::move(what)}; }

std::optional<std::string> name_fault(std::string_view name, std::string_view value) {
  return value.empty() ? std::nullopt : identifier_fault(name, value);
}

// `timeout_ms` of the options as the wire has it, where 0 is for ever.
std::optional<uint64_t> timeout_of(int64_t timeout_ms) {
  if (timeout_ms < 0) return 0;
  if (timeout_ms == 0) return kDefaultTimeoutMs;
  auto given = static_cast<uint64_t>(timeout_ms);
  return given <= kMaxTimeoutMs ? std::optional<uint64_t>(given) : std::nullopt;
}

}  // namespace

// ---- calls

ApiResult Calls::start(std::string_view task, std::string_view args, const busd_call_options& options,
                       uint64_t& number) {
  Request request;
  std::optional<uint64_t> timeout = timeout_of(options.timeout_ms);
  if (!timeout) return invalid("timeout_ms is above " + std::to_string(kMaxTimeoutMs) + ", the longest one");
  if (auto fault = identifier_fault("task", task)) return invalid(*fault);
  if (auto fault = name_fault("to", view_of(options.to))) return invalid(*fault);
  if (auto fault = name_fault("reply_event", view_of(options.reply_event))) return invalid(*fault);
  if (options.parent != 0) {
    ApiResult parent = state_of(options.parent);
    if (!parent.ok()) return parent;
    request.parent = server_.find(options.parent)->id;
  }
  if (auto fault = frame_.take_json("args", args)) return invalid(*fault);
  if (auto fault = frame_.take_members(view_of(options.members))) return invalid(*fault);
  number = caller_.take_number();
  request.id = std::to_string(number);
  request.task = task;
  request.timeout_ms = *timeout;
  request.wait = options.wait != 0;
  request.stream = options.stream != 0;
  request.idempotent = options.idempotent != 0;
  request.to = view_of(options.to);
  request.reply_event = view_of(options.reply_event);
  request.others = frame_.others();
  request.args = frame_.json();
  if (auto fault = frame_.encode(request, "args")) return invalid(*fault);
  return open(number, *timeout == 0 ? kNever : now() + milliseconds(*timeout) + kGrace);
}

// Sends the frame that was built, now or on the next connection.
ApiResult Calls::open(uint64_t number, TimePoint until) {
  if (session_.over()) return session_.result();
  if (!session_.up()) {
    caller_.waits(number, until, frame_.text());
    return {};
  }
  if (!session_.has_calls()) return {BUSD_PROTOCOL, "the hub is too old for calls"};
  caller_.sent(number, until, publisher_.add_control(frame_.text()));
  return {};
}

ApiResult Calls::cancel(uint64_t number) {
  if (!caller_.was_started(number)) return invalid("there is no call " + std::to_string(number));
  if (!caller_.is_open(number)) return {};
  if (caller_.waits(number)) {
    caller_.end(number, "canceled", "it was canceled before it was sent");
    return {};
  }
  if (session_.up()) publisher_.add_control(encode(Cancel{std::to_string(number), {}}));
  caller_.limit(number, now() + kGrace);
  return {};
}

void Calls::abandon(uint64_t number) {
  if (caller_.is_open(number)) (void)cancel(number);
  caller_.forget(number);
}

void Calls::cancel_all() {
  if (!session_.up()) return;
  caller_.each_sent([this](uint64_t number) {
    publisher_.add_control(encode(Cancel{std::to_string(number), {}}));
  });
}

// ---- tasks

ApiResult Calls::provide(const Provide& what, uint64_t& number) {
  if (what.tasks.empty()) return invalid("no task is named");
  for (const std::string& task : what.tasks) {
    if (auto fault = identifier_fault("task", task)) return invalid(*fault);
  }
  number = caller_.take_number();
  Provide message = what;
  message.id = std::to_string(number);
  (void)frame_.take_json({}, {});
  if (auto fault = frame_.encode(message, {})) return invalid(*fault);
  return open(number, now() + kProvidePatience);
}

ApiResult Calls::unprovide(const std::vector<std::string>& tasks, uint64_t& number) {
  number = caller_.take_number();
  (void)frame_.take_json({}, {});
  if (auto fault = frame_.encode(Unprovide{std::to_string(number), tasks}, {})) return invalid(*fault);
  return open(number, now() + kProvidePatience);
}

// ---- answers to requests

ApiResult Calls::state_of(uint64_t request) const {
  if (server_.find(request) != nullptr) return {};
  if (!server_.was_given(request)) return invalid("there is no request " + std::to_string(request));
  return {BUSD_CANCELED, "request " + std::to_string(request) + " has ended"};
}

// Sends the frame that was built, unless there is a fault.
ApiResult Calls::send_about(uint64_t request, std::optional<std::string> fault) {
  if (fault) return invalid(*fault);
  ApiResult state = state_of(request);
  // What is open was given on this connection, so that there is one.
  if (state.ok()) publisher_.add_control(frame_.text());
  return state;
}

ApiResult Calls::respond(uint64_t request, std::string_view result) {
  const Server::Request* served = server_.find(request);
  if (served == nullptr) return state_of(request);
  if (auto fault = frame_.take_json("result", result)) return invalid(*fault);
  Response response;
  response.id = served->id;
  response.result = frame_.json();
  ApiResult sent = send_about(request, frame_.encode(response, "result"));
  if (sent.ok()) server_.answered(request);
  return sent;
}

ApiResult Calls::fail(uint64_t request, std::string_view code, std::string_view message,
                      std::string_view data) {
  const Server::Request* served = server_.find(request);
  if (served == nullptr) return state_of(request);
  if (auto fault = identifier_fault("code", code)) return invalid(*fault);
  if (!is_utf8(message)) return invalid("message is not valid UTF-8");
  if (auto fault = frame_.take_json("data", data)) return invalid(*fault);
  if (auto fault = json_fault(frame_.json())) return invalid("data: " + *fault);
  Response response;
  response.id = served->id;
  response.error = CallError{
      std::string(code), std::string(message), {}, data.empty() ? std::string_view() : frame_.json()};
  ApiResult sent = send_about(request, frame_.encode(response, {}));
  if (sent.ok()) server_.answered(request);
  return sent;
}

ApiResult Calls::chunk(uint64_t request, std::string_view data) {
  const Server::Request* served = server_.find(request);
  if (served == nullptr) return state_of(request);
  if (!served->streams) return invalid("request " + std::to_string(request) + " asks for no stream");
  if (auto fault = frame_.take_json("data", data)) return invalid(*fault);
  Chunk chunk;
  chunk.id = served->id;
  chunk.data = frame_.json();
  return send_about(request, frame_.encode(chunk, "data"));
}

ApiResult Calls::progress(uint64_t request, uint64_t done, uint64_t total, std::string_view text) {
  const Server::Request* served = server_.find(request);
  if (served == nullptr) return state_of(request);
  if (text.size() > kMaxProgressTextBytes)
    return invalid("text has " + std::to_string(text.size()) + " bytes; the limit is " +
                   std::to_string(kMaxProgressTextBytes));
  if (!is_utf8(text)) return invalid("text is not valid UTF-8");
  Progress progress;
  progress.id = served->id;
  if (done != 0 || total != 0) progress.done = done;
  if (total != 0) progress.total = total;
  progress.text = text;
  (void)frame_.take_json({}, {});
  return send_about(request, frame_.encode(progress, {}));
}

// ---- what happens on the connection

Calls::Whose Calls::on_item(Item& item) {
  switch (item.kind) {
    case ItemKind::call_end:
      if (Barrier::is_answer(item)) return Whose::other;
      [[fallthrough]];
    case ItemKind::chunk:
    case ItemKind::progress:
      return caller_.on_item(item) ? Whose::user : Whose::nobody;
    case ItemKind::request:
    case ItemKind::canceled:
    case ItemKind::pause:
    case ItemKind::resume:
      return server_.on_item(item) ? Whose::user : Whose::nobody;
    case ItemKind::refused:
      return caller_.on_refused(item) ? Whose::user : Whose::other;
    default:
      return Whose::other;
  }
}

void Calls::end_all(bool for_good) {
  caller_.on_break(for_good);
  server_.on_break();
}

void Calls::on_reset() {
  // Refusals come as items, because nobody waits for an answer.
  for (const Provide& message : server_.provided()) publisher_.add_control(encode(message));
  caller_.send_waiting([this](std::string_view frame) { return publisher_.add_control(frame); });
  session_.transport().send_pending();
}

}  // namespace bus::sdk
