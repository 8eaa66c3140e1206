// The C functions of values.
#include "busd/values.h"
#include "consumer/src/c_call.h"
#include "consumer/src/c_handles.h"
#include "consumer/src/fill_item.h"
#include "consumer/src/text.h"

using bus::sdk::answer;
using bus::sdk::ApiResult;
using bus::sdk::Connection;
using bus::sdk::give;
using bus::sdk::Item;
using bus::sdk::taken;
using bus::sdk::view_of;
using bus::sdk::with;

namespace {

// Does `what`, which gives an answer, and hands that to the caller's struct.
template <class What>
busd_result change_by(busd_connection* connection, busd_change* change, busd_error* error,
                      What what) noexcept {
  if (connection == nullptr) return answer({BUSD_INVALID, "handle is NULL"}, error);
  const Item* end = nullptr;
  ApiResult result = what(*connection->impl, end);
  give(change, end == nullptr ? busd_change{} : bus::sdk::change_of(*end, connection->impl->store()));
  return answer(result, error);
}

}  // namespace

extern "C" {

busd_result busd_connection_put(busd_connection* connection, busd_text key, busd_text value,
                                const busd_put_options* options, busd_change* change, busd_error* error) {
  return change_by(connection, change, error, [&](Connection& on, const Item*& end) {
    return on.put(view_of(key), view_of(value), taken(options), end);
  });
}

busd_result busd_connection_put_start(busd_connection* connection, busd_text key, busd_text value,
                                      const busd_put_options* options, uint64_t* number, busd_error* error) {
  return with(connection, error, [&](Connection& on) {
    uint64_t given = 0;
    ApiResult result = on.put_start(view_of(key), view_of(value), taken(options), given);
    if (number != nullptr) *number = given;
    return result;
  });
}

busd_result busd_connection_delete(busd_connection* connection, busd_text key,
                                   const busd_delete_options* options, busd_change* change,
                                   busd_error* error) {
  return change_by(connection, change, error, [&](Connection& on, const Item*& end) {
    return on.erase(view_of(key), taken(options), end);
  });
}

busd_result busd_connection_delete_start(busd_connection* connection, busd_text key,
                                         const busd_delete_options* options, uint64_t* number,
                                         busd_error* error) {
  return with(connection, error, [&](Connection& on) {
    uint64_t given = 0;
    ApiResult result = on.erase_start(view_of(key), taken(options), given);
    if (number != nullptr) *number = given;
    return result;
  });
}

busd_result busd_connection_update(busd_connection* connection, busd_text key, busd_updater updater,
                                   void* context, const busd_update_options* options, busd_change* change,
                                   busd_error* error) {
  if (updater == nullptr) return answer({BUSD_INVALID, "updater is NULL"}, error);
  return change_by(connection, change, error, [&](Connection& on, const Item*& end) {
    busd_update_options given = taken(options);
    Connection::Update how;
    how.step = updater;
    how.context = context;
    how.put = taken(given.put);
    how.cache = given.cache == nullptr ? nullptr : &given.cache->impl;
    how.tries = given.tries;
    return on.update(view_of(key), how, end);
  });
}

busd_result busd_connection_get(busd_connection* connection, busd_text key, const busd_get_options* options,
                                busd_value* value, busd_error* error) {
  if (value == nullptr) return answer({BUSD_INVALID, "value is NULL"}, error);
  return with(connection, error, [&](Connection& on) {
    const Item* end = nullptr;
    ApiResult result = on.get(view_of(key), taken(options), end);
    if (result.ok()) give(value, bus::sdk::value_of(end->news.keys.front()));
    return result;
  });
}

busd_result busd_connection_get_start(busd_connection* connection, busd_text key,
                                      const busd_get_options* options, uint64_t* number, busd_error* error) {
  return with(connection, error, [&](Connection& on) {
    uint64_t given = 0;
    ApiResult result = on.get_start(view_of(key), taken(options), given);
    if (number != nullptr) *number = given;
    return result;
  });
}

busd_result busd_connection_list(busd_connection* connection, const busd_list_options* options,
                                 busd_page* page, busd_error* error) {
  if (page == nullptr) return answer({BUSD_INVALID, "page is NULL"}, error);
  return with(connection, error, [&](Connection& on) {
    const Item* end = nullptr;
    ApiResult result = on.list(taken(options), end);
    if (result.ok()) give(page, bus::sdk::page_of(*end, on.store()));
    return result;
  });
}

busd_result busd_connection_list_start(busd_connection* connection, const busd_list_options* options,
                                       uint64_t* number, busd_error* error) {
  return with(connection, error, [&](Connection& on) {
    uint64_t given = 0;
    ApiResult result = on.list_start(taken(options), given);
    if (number != nullptr) *number = given;
    return result;
  });
}

busd_result busd_connection_watch(busd_connection* connection, const busd_text* keys, size_t key_count,
                                  const busd_watch_options* options, uint64_t* watch, busd_error* error) {
  return with(connection, error, [&](Connection& on) {
    uint64_t given = 0;
    ApiResult result = on.watch(keys, key_count, taken(options), given);
    if (watch != nullptr) *watch = given;
    return result;
  });
}

busd_result busd_connection_unwatch(busd_connection* connection, uint64_t watch, busd_error* error) {
  return with(connection, error, [&](Connection& on) { return on.unwatch(watch); });
}

}  // extern "C"
