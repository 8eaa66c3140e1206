// busd/options.hpp - how connections, consumers and sources are opened, for C++20. <busd/consumer.hpp> includes it.
//
// Zero and empty mean the default.
#ifndef BUSD_OPTIONS_HPP
#define BUSD_OPTIONS_HPP

#include <busd/consumer.h>
#include <busd/expected.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace busd {

// Set-up or clean-up. Returns whether it succeeded; if it throws, it has failed.
using Hook = std::function<bool()>;

// Members as in busd_connection_options; zero and empty mean the default.
struct ConnectionOptions {
  std::string key{};
  std::vector<std::string> event_types{};
  std::string subscription_id{};
  bool exclusive = false;
  Hook on_first{};
  Hook on_last{};
  std::string source{};
  std::string socket{};
  std::string bus{};
  bool no_start = false;
  bool no_reconnect = false;
  std::chrono::milliseconds open_timeout{0};
  std::chrono::milliseconds reconnect_max{0};
  std::size_t buffer_bytes = 0;
  std::string hub_program{};
  std::size_t hold_bytes = 0;
  bool check_payloads = false;
  int cancel_fd = 0;
  std::vector<std::string> publish_types{};
  bool observer = false;
  bool background = false;
  std::string cleanup_task{};
};

// Members as in busd_consumer_options; zero and empty mean the default.
struct ConsumerOptions {
  std::string key{};
  std::vector<std::string> event_types{};
  std::string subscription_id{};
  bool exclusive = false;
  Hook on_first{};
  Hook on_last{};
  std::string socket{};
  std::string bus{};
  bool no_start = false;
  bool no_reconnect = false;
  std::chrono::milliseconds open_timeout{0};
  std::chrono::milliseconds reconnect_max{0};
  std::string hub_program{};
  int cancel_fd = 0;
  bool observer = false;
  bool background = false;
  std::string cleanup_task{};
};

// Members as in busd_source_options; zero and empty mean the default.
struct SourceOptions {
  std::string name{};
  std::string socket{};
  std::string bus{};
  bool no_start = false;
  bool no_reconnect = false;
  std::chrono::milliseconds open_timeout{0};
  std::chrono::milliseconds reconnect_max{0};
  std::size_t buffer_bytes = 0;
  std::string hub_program{};
  std::size_t hold_bytes = 0;
  bool check_payloads = false;
  int cancel_fd = 0;
};

namespace detail {

// The hooks of a consumer, which the C handle holds by address.
struct Hooks {
  Hook on_first;
  Hook on_last;

  static int run(const Hook& hook) noexcept {
#if defined(__cpp_exceptions)
    try {
      return hook() ? 0 : 1;
    } catch (...) {
      return 1;
    }
#else
    return hook() ? 0 : 1;
#endif
  }
  static int run_first(void* context) noexcept { return run(static_cast<Hooks*>(context)->on_first); }
  static int run_last(void* context) noexcept { return run(static_cast<Hooks*>(context)->on_last); }
};

// The functions below take the options of this header and of C: those of connections, consumers and sources.
template <class Raw, class Options>
void put_place(Raw& raw, const Options& options) noexcept {
  raw.socket = text(options.socket);
  raw.bus = text(options.bus);
  raw.hub_program = text(options.hub_program);
  raw.no_start = options.no_start ? 1 : 0;
  raw.no_reconnect = options.no_reconnect ? 1 : 0;
  raw.open_timeout_ms = options.open_timeout.count();
  raw.reconnect_max_ms = options.reconnect_max.count();
  raw.cancel_fd = options.cancel_fd;
}

inline std::vector<busd_text> texts(const std::vector<std::string>& from) {
  std::vector<busd_text> out;
  out.reserve(from.size());
  for (const std::string& each : from) out.push_back(text(each));
  return out;
}

// `types` is texts(options.event_types).
template <class Raw, class Options>
void put_consumer(Raw& raw, const Options& options, const std::vector<busd_text>& types,
                  Hooks& hooks) noexcept {
  raw.key = text(options.key);
  raw.event_types = types.data();
  raw.event_type_count = types.size();
  raw.subscription_id = text(options.subscription_id);
  raw.exclusive = options.exclusive ? 1 : 0;
  raw.observer = options.observer ? 1 : 0;
  raw.background = options.background ? 1 : 0;
  raw.cleanup_task = text(options.cleanup_task);
  raw.on_first = hooks.on_first ? &Hooks::run_first : nullptr;
  raw.on_last = hooks.on_last ? &Hooks::run_last : nullptr;
  raw.context = &hooks;
}

template <class Raw, class Options>
void put_publisher(Raw& raw, const Options& options) noexcept {
  raw.buffer_bytes = options.buffer_bytes;
  raw.hold_bytes = options.hold_bytes;
  raw.check_payloads = options.check_payloads ? 1 : 0;
}

inline std::optional<std::chrono::milliseconds> deadline(std::int64_t left) noexcept {
  if (left == BUSD_FOREVER) return std::nullopt;
  return std::chrono::milliseconds(left);
}

}  // namespace detail

}  // namespace busd

#endif  // BUSD_OPTIONS_HPP
