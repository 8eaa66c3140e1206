// The C functions of calls.
#include <string>
#include <utility>
#include <vector>

#include "busd/calls.h"
#include "consumer/src/c_call.h"
#include "consumer/src/c_handles.h"
#include "consumer/src/fill_item.h"
#include "consumer/src/text.h"
#include "protocol/messages/call.h"

using bus::sdk::answer;
using bus::sdk::ApiResult;
using bus::sdk::Connection;
using bus::sdk::give;
using bus::sdk::taken;
using bus::sdk::view_of;
using bus::sdk::with;

namespace {

ApiResult tasks_of(const busd_text* tasks, size_t count, std::vector<std::string>& out) {
  if (count > bus::kMaxTasksInProvide) {
    return {BUSD_INVALID, std::to_string(count) + " tasks; the limit is " +
                              std::to_string(bus::kMaxTasksInProvide) + " at a time"};
  }
  if (count > 0 && tasks == nullptr) return {BUSD_INVALID, "tasks is NULL"};
  for (size_t i = 0; i < count; ++i) out.emplace_back(view_of(tasks[i]));
  return {};
}

}  // namespace

extern "C" {

busd_result busd_connection_call(busd_connection* connection, busd_text task, busd_text args,
                                 const busd_call_options* options, busd_answer* answer, busd_error* error) {
  return with(connection, error, [&](Connection& on) {
    const bus::sdk::Item* end = nullptr;
    ApiResult result = on.call(view_of(task), view_of(args), taken(options), end);
    give(answer,
         end == nullptr ? busd_answer{} : bus::sdk::answer_of(*std::get_if<bus::Response>(&end->call)));
    return result;
  });
}

busd_result busd_connection_call_start(busd_connection* connection, busd_text task, busd_text args,
                                       const busd_call_options* options, uint64_t* call, busd_error* error) {
  return with(connection, error, [&](Connection& on) {
    uint64_t number = 0;
    ApiResult result = on.call_start(view_of(task), view_of(args), taken(options), number);
    if (call != nullptr) *call = number;
    return result;
  });
}

busd_result busd_connection_cancel(busd_connection* connection, uint64_t call, busd_error* error) {
  return with(connection, error, [&](Connection& on) { return on.cancel(call); });
}

busd_result busd_connection_provide(busd_connection* connection, const busd_text* tasks, size_t task_count,
                                    const busd_provide_options* options, busd_error* error) {
  return with(connection, error, [&](Connection& on) -> ApiResult {
    busd_provide_options given = taken(options);
    bus::Provide what;
    ApiResult result = tasks_of(tasks, task_count, what.tasks);
    if (!result.ok()) return result;
    if (given.slots > bus::kMaxSlots)
      return {BUSD_INVALID,
              std::to_string(given.slots) + " slots; the limit is " + std::to_string(bus::kMaxSlots)};
    if (given.slots != 0) what.slots = given.slots;
    what.priority = given.priority;
    return on.provide(what);
  });
}

busd_result busd_connection_unprovide(busd_connection* connection, const busd_text* tasks, size_t task_count,
                                      busd_error* error) {
  return with(connection, error, [&](Connection& on) {
    std::vector<std::string> names;
    ApiResult result = tasks_of(tasks, task_count, names);
    return result.ok() ? on.unprovide(names) : result;
  });
}

busd_result busd_connection_next_call(busd_connection* connection, int64_t timeout_ms, busd_item* item,
                                      busd_error* error) {
  if (item == nullptr) return answer({BUSD_INVALID, "item is NULL"}, error);
  return with(connection, error, [&](Connection& on) {
    busd_item filled{};
    ApiResult result = on.next_call(timeout_ms, filled);
    if (result.ok()) give(item, filled);
    return result;
  });
}

busd_result busd_request_respond(busd_connection* connection, uint64_t request, busd_text result,
                                 busd_error* error) {
  return with(connection, error, [&](Connection& on) { return on.respond(request, view_of(result)); });
}

busd_result busd_request_fail(busd_connection* connection, uint64_t request, busd_text code,
                              busd_text message, busd_text data, busd_error* error) {
  return with(connection, error, [&](Connection& on) {
    return on.fail(request, view_of(code), view_of(message), view_of(data));
  });
}

busd_result busd_request_decline(busd_connection* connection, uint64_t request, busd_error* error) {
  return with(connection, error, [&](Connection& on) {
    return on.fail(request, "declined", "its provider does not take this request", {});
  });
}

busd_result busd_request_chunk(busd_connection* connection, uint64_t request, busd_text data,
                               int64_t timeout_ms, busd_error* error) {
  return with(connection, error,
              [&](Connection& on) { return on.chunk(request, view_of(data), timeout_ms); });
}

busd_result busd_request_progress(busd_connection* connection, uint64_t request, uint64_t done,
                                  uint64_t total, busd_text text, busd_error* error) {
  return with(connection, error,
              [&](Connection& on) { return on.progress(request, done, total, view_of(text)); });
}

int busd_request_is_open(const busd_connection* connection, uint64_t request) {
  return connection->impl->is_request_open(request) ? 1 : 0;
}

}  // extern "C"
