#include "tests/bench/shape.h"

#include <algorithm>
#include <array>
#include <fnmatch.h>

namespace bus::bench {

namespace {

constexpr size_t kWindow = 1024;
constexpr size_t kLargeWindow = 64;  // of messages of kLargeBytes: as many bytes as a socket takes, and some
constexpr size_t kLargeBytes = 16 * 1024;

constexpr size_t kKeys = 1000;
constexpr size_t kMatching = 64;

template <class T>
bool contains_or_empty(const std::vector<T>& list, const T& value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

Shape plain(size_t publishers, size_t subscribers, size_t payload_bytes, PayloadKind payload) {
  Shape shape;
  shape.publishers = publishers;
  shape.subscribers = subscribers;
  shape.payload = payload;
  shape.payload_bytes = payload_bytes;
  shape.window = payload_bytes >= kLargeBytes ? kLargeWindow : kWindow;
  shape.title = title_of(shape);
  return shape;
}

void append_plain(std::vector<Group>& groups, const GroupFilter& filter) {
  constexpr std::array<size_t, 3> kSizes = {128, 1024, kLargeBytes};
  constexpr std::array<std::pair<size_t, size_t>, 4> kFans = {{{1, 1}, {8, 1}, {1, 8}, {1, 64}}};
  for (auto [publishers, subscribers] : kFans) {
    std::string name = std::to_string(publishers) + "to" + std::to_string(subscribers);
    for (size_t bytes :
         filter.sizes.empty() ? std::vector<size_t>(kSizes.begin(), kSizes.end()) : filter.sizes) {
      for (PayloadKind payload : {PayloadKind::dense, PayloadKind::text}) {
        if (!contains_or_empty(filter.payloads, payload)) continue;
        groups.push_back({name, {plain(publishers, subscribers, bytes, payload)}});
      }
    }
  }
}

// One of each family, where busd and its peers differ most.
void append_quick(std::vector<Group>& groups) {
  groups.push_back({"1to1", {plain(1, 1, 128, PayloadKind::dense)}});
  groups.push_back({"1to1", {plain(1, 1, 1024, PayloadKind::text)}});
  groups.push_back({"8to1", {plain(8, 1, 128, PayloadKind::dense)}});
  groups.push_back({"1to8", {plain(1, 8, 1024, PayloadKind::dense)}});
  groups.push_back({"1to64", {plain(1, 64, 1024, PayloadKind::dense)}});
}

// Twice: what finding the key costs, and what it costs that no two events in a row go to the same consumer,
// so that each is a write of its own.
Group keys() {
  Shape one = plain(1, 1, 128, PayloadKind::dense);
  one.title = "1 key, 1 consumer, 128 B, dense";
  one.window = kKeys;
  Shape routed = one;
  routed.title = "1000 keys, events of 1, 128 B, dense";
  routed.bystanders = kKeys - 1;
  Shape scattered = one;
  scattered.title = "1000 keys, events of all in turn, 128 B, dense";
  scattered.subscribers = scattered.topics = kKeys;
  return {"keys", {one, routed, scattered}, false, true};
}

Group routing() {
  Shape alone = plain(1, kMatching, 128, PayloadKind::dense);
  alone.title = "64 consumers, all match, 128 B, dense";
  Shape among = alone;
  among.title = "1000 consumers, 64 match, 128 B, dense";
  among.bystanders = kKeys - kMatching;
  return {"routing", {alone, among}, false, true};
}

// busd shares what several consumers get with their sockets, if they get the same bytes: the same seqs. Not
// so here, but for large frames, which it shares in pieces.
Group apart(size_t payload_bytes) {
  Shape alike = plain(1, kMatching, payload_bytes, PayloadKind::dense);
  Shape apart = alike;
  apart.apart = true;
  apart.title += ", seqs differ";
  return {"apart", {alike, apart}, true, true};
}

Group stopped() {
  Shape without = plain(1, 7, 1024, PayloadKind::dense);
  without.title = "7 consumers, 1 KiB, dense";
  Shape with = without;
  with.title = "7 consumers and 1 that never reads, 1 KiB, dense";
  with.stopped = 1;
  return {"stopped", {without, with}, true, true};
}

Group latency(bool quick) {
  Group group{"latency", {}};
  for (size_t rate : {size_t{1000}, size_t{10'000}}) {
    if (quick && rate == 1000) continue;
    Shape shape = plain(1, 1, 128, PayloadKind::dense);
    shape.title = "latency at " + std::to_string(rate) + "/s, 1→1, 128 B, dense";
    shape.rate_per_second = rate;
    group.shapes.push_back(shape);
  }
  return group;
}

// A shape for each size.
template <class Set>
Group group_of(const std::string& name, const GroupFilter& filter, Set set) {
  Group group{name, {}};
  for (size_t bytes : filter.sizes.empty() ? std::vector<size_t>{128} : filter.sizes) {
    Shape shape;
    set(shape);
    shape.payload_bytes = bytes;
    shape.title = title_of(shape);
    group.shapes.push_back(std::move(shape));
  }
  return group;
}

Group call_group(const std::string& name, const GroupFilter& filter, const CallLoad& load) {
  return group_of(name, filter, [&](Shape& shape) { shape.calls = load; });
}

Group value_group(const std::string& name, const GroupFilter& filter, const ValueLoad& load) {
  return group_of(name, filter, [&](Shape& shape) { shape.values = load; });
}

// 64 requests are open also where there are several callers or providers.
std::vector<Group> calls(const GroupFilter& filter) {
  constexpr size_t kOpen = 64;
  return {call_group("calls1", filter, {.outstanding = 1}),
          call_group("calls64", filter, {.outstanding = kOpen}),
          call_group("calls64-batched", filter, {.outstanding = kOpen, .batched = true}),
          call_group("callers", filter, {.callers = 8, .outstanding = kOpen}),
          call_group("providers", filter, {.providers = 8, .outstanding = kOpen}),
          call_group("providers1000", filter, {.providers = 1000, .outstanding = kOpen})};
}

std::vector<Group> values(const GroupFilter& filter) {
  using Work = ValueLoad::Work;
  return {value_group("values-put", filter, {.work = Work::put}),
          value_group("values-get", filter, {.work = Work::get}),
          value_group("values-writers", filter, {.work = Work::put, .clients = 64}),
          value_group("values-follower", filter, {.work = Work::follow, .followers = 1}),
          value_group("values-followers", filter, {.work = Work::follow, .keys = 1, .followers = 1000}),
          value_group("values-followers64", filter,
                      {.work = Work::follow, .keys = 64, .followers = 1000, .at_once = 64}),
          value_group("values-snapshot", filter, {.work = Work::snapshot, .keys = 20'000})};
}

std::string title_of(const ValueLoad& load, const std::string& size) {
  std::string keys = load.keys == 1 ? "1 key" : std::to_string(load.keys) + " keys";
  switch (load.work) {
    case ValueLoad::Work::put:
    case ValueLoad::Work::get: {
      bool is_put = load.work == ValueLoad::Work::put;
      std::string who = std::to_string(load.clients) + (is_put ? " writer" : " reader");
      return std::string(is_put ? "put" : "get") + ", " + who + (load.clients == 1 ? "" : "s") + ", " + keys +
             ", " + size;
    }
    case ValueLoad::Work::follow:
      return (load.at_once == 1 ? std::string("put") : std::to_string(load.at_once) + " puts at once") +
             " until followed, " + std::to_string(load.followers) + " follower" +
             (load.followers == 1 ? "" : "s") + " of " + keys + ", " + size;
    case ValueLoad::Work::snapshot:
      return "snapshot, " + keys + ", " + size;
  }
  return "";
}

}  // namespace

std::string size_text(size_t bytes) {
  return bytes % 1024 == 0 ? std::to_string(bytes / 1024) + " KiB" : std::to_string(bytes) + " B";
}

std::string title_of(const Shape& shape) {
  if (shape.values) return title_of(*shape.values, size_text(shape.payload_bytes));
  if (shape.calls) {
    return "calls, " + std::to_string(shape.calls->callers) + "→" + std::to_string(shape.calls->providers) +
           ", " + std::to_string(shape.calls->outstanding) + " open, " + size_text(shape.payload_bytes) +
           (shape.calls->batched ? ", batched" : "");
  }
  return std::to_string(shape.publishers) + "→" + std::to_string(shape.subscribers) + ", " +
         size_text(shape.payload_bytes) + (shape.payload == PayloadKind::dense ? ", dense" : ", text");
}

bool is_wanted(const GroupFilter& filter, Family family, const std::string& name) {
  if (filter.family && *filter.family != family) return false;
  auto matches = [&](const std::string& pattern) { return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0; };
  return filter.patterns.empty() || std::any_of(filter.patterns.begin(), filter.patterns.end(), matches);
}

std::vector<Group> groups_of(const GroupFilter& filter) {
  std::vector<Group> groups;
  if (filter.quick && filter.sizes.empty() && filter.payloads.empty()) {
    append_quick(groups);
  } else {
    append_plain(groups, filter);
  }
  for (size_t bytes : {size_t{128}, size_t{1024}, kLargeBytes}) {
    if (!filter.quick || bytes == 1024) groups.push_back(apart(bytes));
  }
  for (const Group& group : {keys(), routing(), stopped(), latency(filter.quick)}) groups.push_back(group);
  std::erase_if(groups, [&](const Group& group) { return !is_wanted(filter, Family::events, group.name); });
  for (Group& group : calls(filter)) {
    if (is_wanted(filter, Family::calls, group.name)) groups.push_back(std::move(group));
  }
  for (Group& group : values(filter)) {
    if (is_wanted(filter, Family::values, group.name)) groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace bus::bench
