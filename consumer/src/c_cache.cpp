// The C functions of caches.
#include <memory>

#include "busd/cache.h"
#include "consumer/src/c_call.h"
#include "consumer/src/c_handles.h"
#include "consumer/src/fill_item.h"
#include "consumer/src/text.h"

using bus::sdk::answer;
using bus::sdk::ApiResult;
using bus::sdk::KeyFact;

namespace {

busd_result give_fact(const KeyFact* fact, busd_value* value) noexcept {
  if (fact == nullptr) return BUSD_NOT_FOUND;
  bus::sdk::give(value, bus::sdk::value_of(*fact));
  return BUSD_OK;
}

}  // namespace

extern "C" {

busd_result busd_cache_open(busd_connection* connection, const busd_text* keys, size_t key_count,
                            const busd_watch_options* options, busd_cache** cache, busd_error* error) {
  if (cache == nullptr) return answer({BUSD_INVALID, "cache is NULL"}, error);
  *cache = nullptr;
  return bus::sdk::with(connection, error, [&](bus::sdk::Connection& on) {
    busd_watch_options asked{};
    asked.no_values = bus::sdk::taken(options).no_values;
    uint64_t watch = 0;
    ApiResult result = on.watch(keys, key_count, asked, watch);
    bool watches = result.ok() || (result.code == BUSD_TIMED_OUT && watch != 0);
    if (watches) *cache = new busd_cache{bus::sdk::Cache(watch, asked.no_values == 0)};
    return result;
  });
}

int busd_cache_take(busd_cache* cache, const busd_item* item) {
  // An item of a caller that was compiled before there were values has none.
  if (cache == nullptr || item == nullptr || item->size < sizeof(busd_item)) return 0;
  return [=]() noexcept { return cache->impl.take(*item) ? 1 : 0; }();
}

int busd_cache_is_synced(const busd_cache* cache) { return cache->impl.is_synced() ? 1 : 0; }

uint64_t busd_cache_generation(const busd_cache* cache) { return cache->impl.generation(); }

size_t busd_cache_count(const busd_cache* cache) { return cache->impl.count(); }

uint64_t busd_cache_watch(const busd_cache* cache) { return cache->impl.watch(); }

busd_result busd_cache_get(const busd_cache* cache, busd_text key, busd_value* value) {
  if (cache == nullptr || value == nullptr) return BUSD_INVALID;
  return give_fact(cache->impl.find(bus::sdk::view_of(key)), value);
}

busd_result busd_cache_next(const busd_cache* cache, busd_text after, busd_value* value) {
  if (cache == nullptr || value == nullptr) return BUSD_INVALID;
  return give_fact(cache->impl.next(bus::sdk::view_of(after)), value);
}

void busd_cache_close(busd_cache* cache, busd_connection* connection) {
  std::unique_ptr<busd_cache> owned(cache);
  if (owned != nullptr && connection != nullptr)
    (void)busd_connection_unwatch(connection, owned->impl.watch(), nullptr);
}

}  // extern "C"
