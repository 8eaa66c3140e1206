// The handles of the C ABI. A consumer and a source are connections that show less.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "busd/cache.h"
#include "busd/consumer.h"
#include "consumer/src/c_call.h"
#include "consumer/src/cache.h"
#include "consumer/src/connection.h"

struct busd_connection {
  std::unique_ptr<bus::sdk::Connection> impl;
};

struct busd_consumer {
  std::unique_ptr<bus::sdk::Connection> impl;
};

struct busd_source {
  std::unique_ptr<bus::sdk::Connection> impl;
};

struct busd_cache {
  bus::sdk::Cache impl;
};

namespace bus::sdk {

// Opens a connection with those options, which the caller's struct has set in full.
ApiResult open_connection(const busd_connection_options& options, Face face,
                          std::unique_ptr<Connection>& opened) noexcept;

template <class Handle>
busd_result open_handle(const busd_connection_options& options, Face face, Handle** opened,
                        busd_error* error) noexcept {
  auto handle = std::make_unique<Handle>();
  ApiResult result = open_connection(options, face, handle->impl);
  if (result.ok()) *opened = handle.release();
  return answer(result, error);
}

template <class Handle>
busd_result next_item(Handle* handle, int64_t timeout_ms, busd_item* item, busd_error* error) noexcept {
  if (handle == nullptr || item == nullptr) return answer({BUSD_INVALID, "handle or item is NULL"}, error);
  // The common case, and once per event: a caller whose struct is no smaller than ours needs no copy.
  if (item->size >= sizeof(busd_item)) return answer(handle->impl->next(timeout_ms, *item), error);
  busd_item filled{};
  ApiResult result = handle->impl->next(timeout_ms, filled);
  if (result.ok()) give(item, filled);
  return answer(result, error);
}

template <class Handle>
busd_result publish(Handle* handle, const busd_publication* what, uint64_t* number,
                    busd_error* error) noexcept {
  if (handle == nullptr || what == nullptr)
    return answer({BUSD_INVALID, "handle or publication is NULL"}, error);
  uint64_t given = 0;
  // Once per event: a caller whose struct is no smaller than ours needs no copy.
  ApiResult result = what->size >= sizeof *what ? handle->impl->publish(*what, given)
                                                : handle->impl->publish(taken(what), given);
  if (number != nullptr) *number = given;
  return answer(result, error);
}

busd_result publish_frame(Connection* connection, busd_text frame, uint64_t* number,
                          busd_error* error) noexcept;
busd_result report(Connection* connection, busd_source_state state, busd_text detail,
                   busd_error* error) noexcept;
busd_result flush(Connection* connection, int64_t timeout_ms, busd_error* error) noexcept;

// The connection of a handle; nullptr for no handle.
template <class Handle>
Connection* of(Handle* handle) noexcept {
  return handle == nullptr ? nullptr : handle->impl.get();
}

// Does `what` to the connection of a handle.
template <class What>
busd_result with(busd_connection* handle, busd_error* error, What what) noexcept {
  if (handle == nullptr) return answer({BUSD_INVALID, "handle is NULL"}, error);
  return answer(what(*handle->impl), error);
}

template <class Handle>
busd_result close_handle(Handle* handle, int64_t timeout_ms, busd_error* error) noexcept {
  if (handle == nullptr) return BUSD_OK;
  std::unique_ptr<Handle> owned(handle);
  return answer(owned->impl->close(timeout_ms), error);
}

}  // namespace bus::sdk
