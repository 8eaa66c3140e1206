// The C functions of connections and their items, and the words for results.
#include <algorithm>
#include <memory>
#include <poll.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

#include "consumer/src/autostart.h"
#include "consumer/src/c_call.h"
#include "consumer/src/c_handles.h"
#include "consumer/src/fill_item.h"
#include "consumer/src/open_socket.h"
#include "consumer/src/text.h"
#include "protocol/base/strings.h"
#include "protocol/fault.h"
#include "protocol/limits.h"
#include "protocol/messages/hello.h"

namespace bus::sdk {

namespace {

// Copies `count` of `types`, which are `what` and of which there may be `limit`.
ApiResult copy_types(const std::string& what, const busd_text* types, size_t count, size_t limit,
                     std::vector<std::string>& copied) {
  if (count > limit) {
    return {BUSD_INVALID,
            std::to_string(count) + " " + what + " types; the limit is " + std::to_string(limit)};
  }
  if (count > 0 && types == nullptr) return {BUSD_INVALID, what + "_types is NULL"};
  for (size_t i = 0; i < count; ++i) {
    std::string_view type = view_of(types[i]);
    if (auto fault = identifier_fault(what + " type", type)) return {BUSD_INVALID, *fault};
    copied.emplace_back(type);
  }
  return {};
}

ApiResult consumer_part(const busd_connection_options& options, Hello& hello) {
  if (auto fault = identifier_fault("key", view_of(options.key))) return {BUSD_INVALID, *fault};
  hello.event_key = view_of(options.key);
  ApiResult copied =
      copy_types("event", options.event_types, options.event_type_count, kMaxEventTypes, hello.event_types);
  if (!copied.ok()) return copied;
  hello.subscription_id = view_of(options.subscription_id);
  if (!hello.subscription_id.empty()) {
    if (auto fault = identifier_fault("subscription_id", hello.subscription_id))
      return {BUSD_INVALID, *fault};
  }
  hello.exclusive = options.exclusive != 0;
  hello.observer = options.observer != 0;
  hello.cleanup_task = view_of(options.cleanup_task);
  if (hello.cleanup_task.empty()) return {};
  if (auto fault = identifier_fault("cleanup_task", hello.cleanup_task)) return {BUSD_INVALID, *fault};
  if (hello.cleanup_task.starts_with("bus."))
    return {BUSD_INVALID, "cleanup_task is below bus., where the tasks are the hub's; name another one"};
  return {};
}

// Of whoever is no consumer.
ApiResult other_part(const busd_connection_options& options, Face face, Hello& hello) {
  bool consumes = options.event_type_count > 0 || options.subscription_id.length > 0 ||
                  options.exclusive != 0 || options.observer != 0 || options.on_first != nullptr ||
                  options.on_last != nullptr || options.cleanup_task.length > 0;
  if (consumes)
    return {BUSD_INVALID,
            "event types, subscription_id, exclusive, observer, cleanup_task and hooks need a key"};
  hello.source = view_of(options.source);
  // A source of the simple face stays one without a name, too.
  hello.role = hello.source.empty() && face == Face::whole ? Role::client : Role::source;
  if (hello.source.empty()) return {};
  if (auto fault = identifier_fault("name", hello.source)) return {BUSD_INVALID, *fault};
  return {};
}

// A hello has one role (PROTOCOL.md 3), so a connection has one part.
ApiResult hello_of(const busd_connection_options& options, Face face, Hello& hello) {
  bool consumes = options.key.length > 0 || face == Face::receives;
  if (consumes && options.source.length > 0) {
    return {BUSD_INVALID,
            "a connection with a key cannot be a named source: open another connection for the source"};
  }
  hello.pid = ::getpid();
  hello.background = options.background != 0;
  ApiResult copied = copy_types("publish", options.publish_types, options.publish_type_count, kMaxPublishes,
                                hello.publishes);
  if (!copied.ok()) return copied;
  return consumes ? consumer_part(options, hello) : other_part(options, face, hello);
}

ApiResult session_part(const busd_connection_options& options, SessionOptions& session) {
  ApiResult result = endpoint_of(options.socket, options.bus, session.endpoint);
  if (!result.ok()) return result;
  session.start.allowed =
      options.no_start == 0 && options.background == 0 && !start_forbidden_by_environment();
  session.start.program = hub_program(std::string(view_of(options.hub_program)));
  session.reconnect = options.no_reconnect == 0;
  session.open_timeout = duration_of(options.open_timeout_ms, session.open_timeout);
  session.reconnect_max = duration_of(options.reconnect_max_ms, session.reconnect_max);
  session.cancel_fd = options.cancel_fd;
  return {};
}

PublisherOptions publisher_part(const busd_connection_options& options) {
  PublisherOptions publisher;
  if (options.buffer_bytes != 0) publisher.buffer_bytes = options.buffer_bytes;
  publisher.hold_bytes = std::min(options.hold_bytes, publisher.buffer_bytes);
  if (options.check_payloads != 0) publisher.syntax = Syntax::checked;
  return publisher;
}

}  // namespace

ApiResult open_connection(const busd_connection_options& options, Face face,
                          std::unique_ptr<Connection>& opened) noexcept {
  ConnectionOptions all;
  ApiResult result = hello_of(options, face, all.session.hello);
  if (result.ok()) result = session_part(options, all.session);
  if (!result.ok()) return result;
  all.publisher = publisher_part(options);
  all.hooks = {options.on_first, options.on_last, options.context};
  all.face = face;
  return Connection::open(std::move(all), opened);
}

// The socket goes to a program that may do with it what it likes: nothing of ours can run for it.
ApiResult open_socket_of(const busd_connection_options& options, Fd& opened) noexcept {
  if (options.on_first != nullptr || options.on_last != nullptr)
    return {BUSD_INVALID, "who gets the socket cleans up by itself: leave the hooks out"};
  SessionOptions session;
  ApiResult result = hello_of(options, Face::whole, session.hello);
  if (result.ok()) result = session_part(options, session);
  if (result.ok()) result = open_socket(session, opened);
  return result;
}

busd_result publish_frame(Connection* connection, busd_text frame, uint64_t* number,
                          busd_error* error) noexcept {
  if (connection == nullptr) return answer({BUSD_INVALID, "handle is NULL"}, error);
  uint64_t given = 0;
  ApiResult result = connection->publish_frame(view_of(frame), given);
  if (number != nullptr) *number = given;
  return answer(result, error);
}

busd_result report(Connection* connection, busd_source_state state, busd_text detail,
                   busd_error* error) noexcept {
  if (connection == nullptr) return answer({BUSD_INVALID, "handle is NULL"}, error);
  if (state < BUSD_SOURCE_CONNECTING || state > BUSD_SOURCE_RECONNECTING)
    return answer({BUSD_INVALID, "unknown source state"}, error);
  std::string_view why = view_of(detail);
  if (!is_utf8(why)) return answer({BUSD_INVALID, "detail is not valid UTF-8"}, error);
  constexpr SourceState kStates[] = {SourceState::connecting, SourceState::connected,
                                     SourceState::disconnected, SourceState::reconnecting};
  return answer(connection->report(kStates[state], why), error);
}

busd_result flush(Connection* connection, int64_t timeout_ms, busd_error* error) noexcept {
  if (connection == nullptr) return answer({BUSD_INVALID, "handle is NULL"}, error);
  return answer(connection->flush(timeout_ms), error);
}

}  // namespace bus::sdk

using bus::sdk::answer;
using bus::sdk::Face;
using bus::sdk::of;
using bus::sdk::taken;

extern "C" {

const char* busd_result_name(busd_result result) {
  switch (result) {
    case BUSD_OK:
      return "ok";
    case BUSD_TIMED_OUT:
      return "timed_out";
    case BUSD_UNREACHABLE:
      return "unreachable";
    case BUSD_DENIED:
      return "denied";
    case BUSD_REJECTED:
      return "rejected";
    case BUSD_INVALID:
      return "invalid";
    case BUSD_PROTOCOL:
      return "protocol";
    case BUSD_CLOSED:
      return "closed";
    case BUSD_REFUSED:
      return "refused";
    case BUSD_LOST:
      return "lost";
    case BUSD_INTERNAL:
      return "internal";
    case BUSD_FAILED:
      return "failed";
    case BUSD_CANCELED:
      return "canceled";
    case BUSD_STALE:
      return "stale";
    case BUSD_EXISTS:
      return "exists";
    case BUSD_NOT_FOUND:
      return "not_found";
    case BUSD_FULL:
      return "full";
    case BUSD_STORE:
      return "store";
  }
  return "unknown";
}

const char* busd_version(void) { return BUSD_VERSION; }

busd_result busd_item_member(const busd_item* item, busd_text name, busd_text* value) {
  if (item == nullptr || value == nullptr || item->size < sizeof(busd_item)) return BUSD_INVALID;
  return [=]() noexcept {
    busd_text found = bus::sdk::member_of(*item, bus::sdk::view_of(name));
    if (found.data == nullptr) return BUSD_INVALID;
    *value = found;
    return BUSD_OK;
  }();
}

busd_result busd_connection_open(const busd_connection_options* options, busd_connection** connection,
                                 busd_error* error) {
  if (connection == nullptr) return answer({BUSD_INVALID, "connection is NULL"}, error);
  *connection = nullptr;
  return bus::sdk::open_handle(taken(options), Face::whole, connection, error);
}

busd_result busd_connection_next(busd_connection* connection, int64_t timeout_ms, busd_item* item,
                                 busd_error* error) {
  return bus::sdk::next_item(connection, timeout_ms, item, error);
}

busd_result busd_connection_publish(busd_connection* connection, const busd_publication* publication,
                                    uint64_t* number, busd_error* error) {
  return bus::sdk::publish(connection, publication, number, error);
}

busd_result busd_connection_publish_frame(busd_connection* connection, busd_text frame, uint64_t* number,
                                          busd_error* error) {
  return bus::sdk::publish_frame(of(connection), frame, number, error);
}

busd_result busd_connection_report(busd_connection* connection, busd_source_state state, busd_text detail,
                                   busd_error* error) {
  return bus::sdk::report(of(connection), state, detail, error);
}

busd_result busd_connection_flush(busd_connection* connection, int64_t timeout_ms, busd_error* error) {
  return bus::sdk::flush(of(connection), timeout_ms, error);
}

busd_result busd_socket_open(const busd_connection_options* options, int* socket, busd_error* error) {
  if (socket == nullptr) return answer({BUSD_INVALID, "socket is NULL"}, error);
  *socket = -1;
  bus::Fd opened;
  busd_result result = answer(bus::sdk::open_socket_of(taken(options), opened), error);
  if (result == BUSD_OK) *socket = opened.release();
  return result;
}

size_t busd_connection_unsent(const busd_connection* connection) { return connection->impl->unsent_bytes(); }

uint64_t busd_connection_unconfirmed(const busd_connection* connection) {
  return connection->impl->unconfirmed();
}

int busd_connection_fd(const busd_connection* connection) { return connection->impl->fd(); }

// An epoll descriptor: readable for whatever the connection waits for.
short busd_connection_events(const busd_connection*) { return POLLIN; }

int64_t busd_connection_deadline(const busd_connection* connection) {
  return bus::sdk::ms_until(connection->impl->deadline());
}

int busd_connection_is_first(const busd_connection* connection) {
  return connection->impl->is_first() ? 1 : 0;
}

void busd_connection_wake(busd_connection* connection) { connection->impl->wake(); }

busd_result busd_connection_close(busd_connection* connection, int64_t timeout_ms, busd_error* error) {
  return bus::sdk::close_handle(connection, timeout_ms, error);
}

void busd_connection_abandon(busd_connection* connection) { delete connection; }

}  // extern "C"
