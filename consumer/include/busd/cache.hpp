// busd/cache.hpp - a cache of values that a watch keeps up to date, for C++20: what <busd/cache.h> is for C.
// <busd/consumer.hpp> includes it.
//
//   auto cache = busd::Cache::open(*connection, {"sensor.*"});
//   while (auto item = connection->next()) {
//     if (auto hall = cache->get("sensor.hall")) show(hall->json);
//   }
#ifndef BUSD_CACHE_HPP
#define BUSD_CACHE_HPP

#include <busd/cache.h>
#include <busd/connection.hpp>
#include <busd/expected.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace busd {

// The present values of some keys. next() and run() of its connection feed it, and hand out its items all the same.
// It may outlive the connection.
class Cache {
 public:
  [[nodiscard]] static Expected<Cache> open(Connection& connection, const std::vector<std::string>& keys,
                                            bool values = true) {
    auto texts = detail::texts(keys);
    auto raw = BUSD_INIT(busd_watch_options);
    raw.no_values = values ? 0 : 1;
    busd_cache* handle = nullptr;
    auto error = BUSD_INIT(busd_error);
    busd_result result =
        busd_cache_open(connection.handle(), texts.data(), texts.size(), &raw, &handle, &error);
    if (handle == nullptr) return detail::error(result, error);
    return Cache(handle, detail::dispatch_of(connection));
  }
  Cache(Cache&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), dispatch_(std::move(other.dispatch_)) {}
  Cache& operator=(Cache&& other) noexcept {
    if (this == &other) return *this;
    drop();
    handle_ = std::exchange(other.handle_, nullptr);
    dispatch_ = std::move(other.dispatch_);
    return *this;
  }
  ~Cache() { drop(); }

  // The state of `key`; none: the cache has no such key.
  std::optional<Value> get(std::string_view key) const { return taken(busd_cache_get, key); }
  // The first key behind `after` in the order of bytes; empty: the first of all.
  std::optional<Value> next(std::string_view after = {}) const { return taken(busd_cache_next, after); }
  std::vector<Value> values() const {
    std::vector<Value> all;
    all.reserve(count());
    for (auto each = next(); each; each = next(all.back().key)) all.push_back(std::move(*each));
    return all;
  }

  // Whether it has all that the hub had when this was last heard of, see busd_cache_is_synced.
  bool is_synced() const noexcept { return busd_cache_is_synced(handle_) != 0; }
  // Another number whenever a key has changed.
  std::uint64_t generation() const noexcept { return busd_cache_generation(handle_); }
  std::size_t count() const noexcept { return busd_cache_count(handle_); }
  // The number of its watch, as in Item::number().
  std::uint64_t watch() const noexcept { return busd_cache_watch(handle_); }
  const busd_cache* handle() const noexcept { return handle_; }

 private:
  Cache(busd_cache* handle, const std::shared_ptr<detail::Dispatch>& dispatch)
      : handle_(handle), dispatch_(dispatch) {
    dispatch->add(handle_);
  }
  template <class Take>
  std::optional<Value> taken(Take take, std::string_view key) const {
    auto raw = BUSD_INIT(busd_value);
    if (take(handle_, detail::text(key), &raw) != BUSD_OK) return std::nullopt;
    return detail::value(raw);
  }
  void drop() noexcept {
    if (handle_ == nullptr) return;
    auto dispatch = dispatch_.lock();
    if (dispatch) dispatch->forget(handle_);
    busd_cache_close(handle_, dispatch ? dispatch->handle : nullptr);
  }

  busd_cache* handle_;
  std::weak_ptr<detail::Dispatch> dispatch_;
};

}  // namespace busd

#endif  // BUSD_CACHE_HPP
