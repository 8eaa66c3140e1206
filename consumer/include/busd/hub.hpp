// busd/hub.hpp - the hub itself: its status, its place, its end; for C++20. <busd/consumer.hpp> includes it.
#ifndef BUSD_HUB_HPP
#define BUSD_HUB_HPP

#include <busd/consumer.h>
#include <busd/expected.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace busd {

struct HubOptions {
  std::string socket{};
  std::string bus{};
};

struct HubFacts {
  std::string socket;
  std::string lock;
  bool socket_exists = false;
  bool lock_held = false;
  std::int64_t lock_pid = 0;
  std::int64_t peer_pid = 0;
  std::int64_t peer_uid = 0;
  std::int64_t starter_pid = 0;
  bool absent = false;
};

struct HubEnding {
  bool ran = false;
  bool killed = false;
  std::int64_t pid = 0;
};

struct HubPlace {
  std::string socket;
  std::string home;
  std::string notice;
  bool named = false;
};

namespace detail {

inline busd_hub_options hub_options(const HubOptions& from) noexcept {
  auto raw = BUSD_INIT(busd_hub_options);
  raw.socket = text(from.socket);
  raw.bus = text(from.bus);
  return raw;
}

inline HubFacts hub_facts(const busd_hub_facts& from) {
  HubFacts facts;
  facts.socket = from.socket;
  facts.lock = from.lock;
  facts.socket_exists = from.socket_exists != 0;
  facts.lock_held = from.lock_held != 0;
  facts.lock_pid = from.lock_pid;
  facts.peer_pid = from.peer_pid;
  facts.peer_uid = from.peer_uid;
  facts.starter_pid = from.starter_pid;
  facts.absent = from.absent != 0;
  return facts;
}

// `question` is busd_hub_status, or another function of its kind.
template <class Question>
inline Expected<std::string> ask_hub(Question question, const HubOptions& options,
                                     std::chrono::milliseconds timeout) {
  auto raw = hub_options(options);
  auto error = BUSD_INIT(busd_error);
  char* answer = nullptr;
  std::size_t length = 0;
  busd_result result = question(&raw, timeout.count(), &answer, &length, &error);
  if (result != BUSD_OK) return detail::error(result, error);
  std::string copy(answer, length);
  busd_free(answer);
  return copy;
}

}  // namespace detail

// The hub's status_response frame. Never starts a hub.
[[nodiscard]] inline Expected<std::string> hub_status(
    const HubOptions& options = {}, std::chrono::milliseconds timeout = std::chrono::milliseconds(2000)) {
  return detail::ask_hub(busd_hub_status, options, timeout);
}

// The hub's metrics, as text for Prometheus. Never starts a hub.
[[nodiscard]] inline Expected<std::string> hub_metrics(
    const HubOptions& options = {}, std::chrono::milliseconds timeout = std::chrono::milliseconds(2000)) {
  return detail::ask_hub(busd_hub_metrics, options, timeout);
}

// What can be known about a hub without asking it.
[[nodiscard]] inline Expected<HubFacts> hub_inspect(const HubOptions& options = {}) {
  auto raw = detail::hub_options(options);
  auto error = BUSD_INIT(busd_error);
  auto facts = BUSD_INIT(busd_hub_facts);
  busd_result result = busd_hub_inspect(&raw, &facts, &error);
  if (result != BUSD_OK) return detail::error(result, error);
  return detail::hub_facts(facts);
}

// Stops the hub and waits until its lock is free. With `force`, kills the hub when the time is over.
[[nodiscard]] inline Expected<void> hub_stop(const HubOptions& options, std::chrono::milliseconds timeout,
                                             bool force = false) {
  auto raw = detail::hub_options(options);
  auto error = BUSD_INIT(busd_error);
  return detail::outcome(busd_hub_stop(&raw, timeout.count(), force ? 1 : 0, &error), error);
}

// The same, with what it came to. `ending`, if given, is filled in on failure too.
[[nodiscard]] inline Expected<HubEnding> hub_end(const HubOptions& options, std::chrono::milliseconds timeout,
                                                 bool force = false, HubEnding* ending = nullptr) {
  auto raw = detail::hub_options(options);
  auto error = BUSD_INIT(busd_error);
  auto filled = BUSD_INIT(busd_hub_ending);
  busd_result result = busd_hub_end(&raw, timeout.count(), force ? 1 : 0, &filled, &error);
  HubEnding came_to{filled.ran != 0, filled.killed != 0, filled.pid};
  if (ending != nullptr) *ending = came_to;
  if (result != BUSD_OK) return detail::error(result, error);
  return came_to;
}

// Where the hub is, or would be started.
[[nodiscard]] inline Expected<HubPlace> hub_find(const HubOptions& options = {}) {
  auto raw = detail::hub_options(options);
  auto error = BUSD_INIT(busd_error);
  auto place = BUSD_INIT(busd_hub_place);
  busd_result result = busd_hub_find(&raw, &place, &error);
  if (result != BUSD_OK) return detail::error(result, error);
  return HubPlace{place.socket, place.home, place.notice, place.named != 0};
}

// The hubs that listen at the standard places of this user.
[[nodiscard]] inline std::vector<HubFacts> hubs() {
  std::vector<HubFacts> found;
  auto add = [](void* context, const busd_hub_facts* facts) {
    static_cast<std::vector<HubFacts>*>(context)->push_back(detail::hub_facts(*facts));
  };
  (void)busd_hub_each(add, &found, nullptr);
  return found;
}

}  // namespace busd

#endif  // BUSD_HUB_HPP
