// busd/values.hpp - values, for C++20: what <busd/values.h> is for C. <busd/consumer.hpp> includes it.
//
//   auto connection = busd::Connection::open({});
//   connection->put("branch", R"("main")");
//   auto branch = connection->get("branch");
//   if (branch) use(branch->json, branch->version); else complain(branch.error().message);
//
// A lock, which is free again when this program ends:
//
//   busd::Change lock = connection->put("deploy.lock", "{}", {.create = true, .while_connected = true});
//   if (lock.status == BUSD_EXISTS) complain("it is taken");
//
// A counter that loses nothing when others count, too:
//
//   connection->update("builds", [](const busd::Value* now) { return now ? increased(now->json) : "1"; });
#ifndef BUSD_VALUES_HPP
#define BUSD_VALUES_HPP

#include <busd/expected.hpp>
#include <busd/values.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace busd {

// The state of a key.
struct Value {
  std::string key{};
  std::string json{};  // the value; empty: the key is deleted, or the value was left out
  std::uint64_t version = 0;
  std::uint64_t rev = 0;
  std::chrono::milliseconds age{0};  // since the change, when the hub said so
  std::chrono::milliseconds ttl{0};  // what was left then; 0: it has none
  std::uint64_t uid = 0;             // whose change it was; only of get() and list()
  std::uint64_t skipped = 0;         // of a watch: states before this one that were not sent
  bool deleted = false;
  bool expired = false;
  bool snapshot = false;  // of a watch: it comes before `synced`
};

enum class Durability {
  usual = BUSD_DURABLE_DEFAULT,
  memory = BUSD_DURABLE_MEMORY,
  process = BUSD_DURABLE_PROCESS,
  power = BUSD_DURABLE_POWER,
};

// Members as in busd_put_options; zero means the default. A `timeout` of `forever`: wait without limit.
struct PutOptions {
  std::uint64_t version = 0;
  bool create = false;
  bool if_changed = false;
  std::chrono::milliseconds ttl{0};
  bool while_connected = false;
  Durability durable = Durability::usual;
  std::chrono::milliseconds timeout{0};
};

// Members as in busd_delete_options.
struct DeleteOptions {
  std::uint64_t version = 0;
  std::chrono::milliseconds timeout{0};
};

// Members as in busd_list_options; no keys: all but those below "bus.".
struct ListOptions {
  std::vector<std::string> keys{};
  std::string after{};
  std::int64_t limit = 0;
  bool values = true;
  std::chrono::milliseconds timeout{0};
};

// Members as in busd_watch_options.
struct WatchOptions {
  bool values = true;
  bool snapshot = true;
  std::uint64_t since = 0;
  std::string epoch{};
};

// What became of a put, a delete or an update. `status` is BUSD_OK, BUSD_STALE, BUSD_EXISTS or any other result
// of busd_connection_put; it has the name that it has in an Answer, where `result` is what a call returned.
struct Change {
  busd_result status = BUSD_OK;
  std::uint64_t version = 0;  // that was made, or, if nothing was changed, the present one
  std::uint64_t rev = 0;
  bool unchanged = false;
  std::string code{};              // of the error on the wire; empty: none
  std::string message{};           // one line for people
  std::optional<Value> present{};  // if stale or exists: what the key has now
  explicit operator bool() const noexcept { return status == BUSD_OK; }
};

// A part of a list.
struct Page {
  std::vector<Value> values{};
  std::string next{};  // the `after` of the next page; empty: this one is the last
};

// A watch has told everything up to `rev`. `reset`: forget what it has not told since the last one.
struct Synced {
  std::uint64_t rev = 0;
  std::string_view epoch{};
  std::uint64_t keys = 0;
  bool reset = false;
};

// Makes the next value of a key, raw JSON, from the present one (nullptr: there is none). std::nullopt: leave it.
using Updater = std::function<std::optional<std::string>(const Value* present)>;

namespace detail {

inline Value value(const busd_value& from) {
  Value to;
  to.key = view(from.key);
  to.json = view(from.value);
  to.version = from.version;
  to.rev = from.rev;
  to.age = std::chrono::milliseconds(static_cast<std::int64_t>(from.age_ms));
  to.ttl = std::chrono::milliseconds(static_cast<std::int64_t>(from.ttl_ms));
  to.uid = from.uid;
  to.skipped = from.skipped;
  to.deleted = from.deleted != 0;
  to.expired = from.expired != 0;
  to.snapshot = from.snapshot != 0;
  return to;
}

inline Change change(busd_result status, const busd_change& from, std::string_view message) {
  Change to;
  to.status = status;
  to.version = from.version;
  to.rev = from.rev;
  to.unchanged = from.unchanged != 0;
  to.code = view(from.code);
  to.message = message;
  if (from.present != nullptr) to.present = value(*from.present);
  return to;
}

inline Page page(const busd_page& from) {
  Page to;
  to.values.reserve(from.count);
  for (std::size_t i = 0; i < from.count; ++i) to.values.push_back(value(*from.values[i]));
  to.next = view(from.next);
  return to;
}

inline busd_put_options put_options(const PutOptions& from) noexcept {
  auto raw = BUSD_INIT(busd_put_options);
  raw.version = from.version;
  raw.create = from.create ? 1 : 0;
  raw.if_changed = from.if_changed ? 1 : 0;
  raw.ttl_ms = from.ttl.count();
  raw.while_connected = from.while_connected ? 1 : 0;
  raw.durable = static_cast<busd_durability>(from.durable);
  raw.timeout_ms = from.timeout.count();
  return raw;
}

inline busd_delete_options delete_options(const DeleteOptions& from) noexcept {
  auto raw = BUSD_INIT(busd_delete_options);
  raw.version = from.version;
  raw.timeout_ms = from.timeout.count();
  return raw;
}

// `keys` is texts(options.keys).
inline busd_list_options list_options(const ListOptions& from, const std::vector<busd_text>& keys) noexcept {
  auto raw = BUSD_INIT(busd_list_options);
  raw.keys = keys.data();
  raw.key_count = keys.size();
  raw.after = text(from.after);
  raw.limit = from.limit;
  raw.no_values = from.values ? 0 : 1;
  raw.timeout_ms = from.timeout.count();
  return raw;
}

inline busd_watch_options watch_options(const WatchOptions& from) noexcept {
  auto raw = BUSD_INIT(busd_watch_options);
  raw.no_values = from.values ? 0 : 1;
  raw.no_snapshot = from.snapshot ? 0 : 1;
  raw.since = from.since;
  raw.epoch = text(from.epoch);
  return raw;
}

// An updater, and what it has made last, which the C function reads.
struct Updating {
  const Updater& updater;
  std::optional<std::string> next{};

  static busd_update_step step(void* context, const busd_value* present, busd_text* next) {
    auto& self = *static_cast<Updating*>(context);
    if (present == nullptr) {
      self.next = self.updater(nullptr);
    } else {
      const Value now_there = value(*present);
      self.next = self.updater(&now_there);
    }
    if (!self.next) return BUSD_UPDATE_LEAVE;
    *next = text(*self.next);
    return BUSD_UPDATE_PUT;
  }
};

}  // namespace detail

}  // namespace busd

#endif  // BUSD_VALUES_HPP
