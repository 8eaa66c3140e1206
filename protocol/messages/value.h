// Values: what is true now, by key; how it is changed, asked for and watched (PROTOCOL.md 11).
//
// Raw values are views of the frame that they were read from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/limits.h"
#include "protocol/messages/way.h"

namespace bus {

// What the answer to a change waits for.
enum class Durability : uint8_t {
  usual,    // process where there is a store, else memory
  memory,   // nothing: the value is not stored
  process,  // it survives a SIGKILL of the hub
  power,    // it survives a loss of power
};
constexpr const char* name_of(Durability durability) {
  constexpr const char* kNames[] = {"", "memory", "process", "power"};
  return kNames[static_cast<size_t>(durability)];
}
inline bool read_name(std::string_view name, Durability& durability) {
  for (Durability each : {Durability::memory, Durability::process, Durability::power}) {
    if (name != name_of(each)) continue;
    durability = each;
    return true;
  }
  return false;
}
constexpr const char* choices_of(Durability) { return "memory, process or power"; }

// Client to hub.
struct Put {
  static constexpr std::string_view kType = "put";
  std::string id;
  std::string key;
  std::optional<uint64_t> version;  // the one that it is to make
  bool create = false;
  bool if_changed = false;
  std::optional<uint64_t> ttl_ms;
  bool while_connected = false;
  Durability durable = Durability::usual;
  std::string_view value = "null";
};

template <class Way>
void members(Way& way, Some<Put> auto& put) {
  way.id_if_any("id", put.id);
  way.identifier("key", put.key);
  way.number_if_any("version", put.version);
  way.flag_if_set("create", put.create);
  way.flag_if_set("if_changed", put.if_changed);
  way.number_if_any("ttl_ms", put.ttl_ms);
  way.flag_if_set("while_connected", put.while_connected);
  way.choice_unless(Durability::usual, "durable", put.durable);
  way.raw("value", put.value);
}

// Client to hub.
struct Delete {
  static constexpr std::string_view kType = "delete";
  std::string id;
  std::string key;
  std::optional<uint64_t> version;  // the one that the deletion is to make
  bool operator==(const Delete&) const = default;
};

template <class Way>
void members(Way& way, Some<Delete> auto& del) {
  way.id_if_any("id", del.id);
  way.identifier("key", del.key);
  way.number_if_any("version", del.version);
}

// Client to hub.
struct Get {
  static constexpr std::string_view kType = "get";
  std::string id;
  std::string key;
  bool operator==(const Get&) const = default;
};

template <class Way>
void members(Way& way, Some<Get> auto& get) {
  way.id("id", get.id);
  way.identifier("key", get.key);
}

// Client to hub: a page of the keys that exist, in the order of their bytes.
struct List {
  static constexpr std::string_view kType = "list";
  std::string id;
  std::vector<std::string> keys;  // and patterns; none: all
  std::string after;
  uint64_t limit = kMaxListed;
  bool values = true;
  bool operator==(const List&) const = default;
};

template <class Way>
void members(Way& way, Some<List> auto& list) {
  way.id("id", list.id);
  way.identifiers_if_any("keys", list.keys, kMaxWatchedKeys);
  way.identifier_if_any("after", list.after);
  way.number_within(uint64_t{kMaxListed}, "limit", list.limit, uint64_t{1}, uint64_t{kMaxListed});
  way.flag_unless(true, "values", list.values);
}

// Client to hub.
struct Watch {
  static constexpr std::string_view kType = "watch";
  std::string id;
  std::vector<std::string> keys;  // and patterns
  bool values = true;
  bool snapshot = true;
  std::optional<uint64_t> since;  // a rev
  std::string epoch;
  bool operator==(const Watch&) const = default;
};

template <class Way>
void members(Way& way, Some<Watch> auto& watch) {
  way.id("id", watch.id);
  way.identifiers("keys", watch.keys, kMaxWatchedKeys);
  way.flag_unless(true, "values", watch.values);
  way.flag_unless(true, "snapshot", watch.snapshot);
  way.number_if_any("since", watch.since);
  way.identifier_if_any("epoch", watch.epoch);
}

// Client to hub: ends the watch of that id.
struct Unwatch {
  static constexpr std::string_view kType = "unwatch";
  std::string id;
  bool operator==(const Unwatch&) const = default;
};

template <class Way>
void members(Way& way, Some<Unwatch> auto& unwatch) {
  way.id("id", unwatch.id);
}

// Hub to client: the newest state of a key that is watched.
struct Value {
  static constexpr std::string_view kType = "value";
  std::string watch;
  std::string key;
  uint64_t version = 0;
  uint64_t rev = 0;
  bool snapshot = false;
  bool deleted = false;
  bool expired = false;
  uint64_t skipped = 0;  // states of the key that were not sent
  uint64_t age_ms = 0;
  std::optional<uint64_t> ttl_ms;  // what is left
  std::string_view value;  // empty when it is deleted, when it is null, and for a watch without values
};

template <class Way>
void members(Way& way, Some<Value> auto& value) {
  way.id("watch", value.watch);
  way.identifier("key", value.key);
  way.number("version", value.version);
  way.number("rev", value.rev);
  way.flag_if_set("snapshot", value.snapshot);
  way.flag_if_set("deleted", value.deleted);
  way.flag_if_set("expired", value.expired);
  way.number_unless(uint64_t{0}, "skipped", value.skipped);
  way.number("age_ms", value.age_ms);
  way.number_if_any("ttl_ms", value.ttl_ms);
  way.raw_if_any("value", value.value);
}

// Hub to client: everything that was true when the watch began has been sent.
struct Synced {
  static constexpr std::string_view kType = "synced";
  std::string watch;
  uint64_t rev = 0;
  std::string epoch;
  uint64_t keys = 0;  // that were sent before it
  bool reset = false;
  bool operator==(const Synced&) const = default;
};

template <class Way>
void members(Way& way, Some<Synced> auto& synced) {
  way.id("watch", synced.watch);
  way.number("rev", synced.rev);
  way.identifier("epoch", synced.epoch);
  way.number("keys", synced.keys);
  way.flag_if_set("reset", synced.reset);
}

// The result of put and delete.
struct ChangeResult {
  uint64_t version = 0;
  uint64_t rev = 0;
  bool unchanged = false;
  bool operator==(const ChangeResult&) const = default;
};

template <class Way>
void members(Way& way, Some<ChangeResult> auto& result) {
  way.number("version", result.version);
  way.number("rev", result.rev);
  way.flag_if_set("unchanged", result.unchanged);
}

// `data` of the error `stale`: the state of the key that the change did not know.
struct StaleData {
  uint64_t version = 0;
  uint64_t rev = 0;
  bool deleted = false;
  std::string_view value;  // empty when it is deleted, when it is null, and when it does not fit
};

template <class Way>
void members(Way& way, Some<StaleData> auto& data) {
  way.number("version", data.version);
  way.number("rev", data.rev);
  way.flag_if_set("deleted", data.deleted);
  way.raw_if_any("value", data.value);
}

// The result of get, and a row of list.
struct KeyState {
  std::string key;
  uint64_t version = 0;
  uint64_t rev = 0;
  uint64_t age_ms = 0;
  std::optional<uint64_t> ttl_ms;  // what is left
  uint64_t uid = 0;                // whose change it was
  std::string_view value;          // empty when it is null, and in a list without values
};

template <class Way>
void members(Way& way, Some<KeyState> auto& state) {
  way.identifier("key", state.key);
  way.number("version", state.version);
  way.number("rev", state.rev);
  way.number("age_ms", state.age_ms);
  way.number_if_any("ttl_ms", state.ttl_ms);
  way.number("uid", state.uid);
  way.raw_if_any("value", state.value);
}

// The result of list.
struct ListResult {
  std::vector<KeyState> keys;
  std::string next;  // `after` of the next page; empty: this was the last one
};

template <class Way>
void members(Way& way, Some<ListResult> auto& result) {
  way.list("keys", result.keys);
  way.identifier_if_any("next", result.next);
}

}  // namespace bus
