// What busd is told: by the command line, by a configuration file, or by default. The command line wins.
//
// One table (settings.cpp) says what each setting is called, how its text is read and how it is printed; the
// command line, the file, --print-config and --detach all go by it.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "hub/core/hub_core.h"
#include "hub/exit_code.h"
#include "hub/log.h"
#include "protocol/base/error_report.h"
#include "protocol/endpoint.h"

namespace bus::hub {

// What `values` may be beside a path.
inline constexpr const char* kValuesByDefault = "auto";
inline constexpr const char* kValuesInMemory = "memory";
inline constexpr const char* kValuesOff = "off";

struct Options {
  enum class Action { serve, detach, check_config, print_config };

  Action action = Action::serve;
  int ready_fd = -1;  // -1: nobody waits
  std::string config_file;

  EndpointRequest endpoint;
  std::string log_file;  // empty: stderr
  LogLevel log_level = LogLevel::info;
  std::optional<Duration>
      idle_exit;  // unset: never, or kDetachedIdleExit with --detach; Duration::max(): never
  QueueLimits queue;
  size_t max_connections = 4096;
  size_t memory = kDefaultMemory;
  uint32_t uid_share_percent = kDefaultUidShare;
  std::vector<uint32_t> allow_uids;
  std::vector<uint32_t> allow_gids;
  std::vector<std::string> announce;
  Duration dedup_window = seconds(300);
  Duration cleanup_timeout = seconds(60);
  size_t open_calls = kDefaultOpenCalls;
  size_t waiting_calls = kDefaultWaitingCalls;
  bool run_sources = true;  // `sources`: auto
  std::optional<uint32_t> sources_uid;
  std::string values = kValuesByDefault;
  ValueLimits value_limits;
};

inline bool has_values(const Options& options) { return options.values != kValuesOff; }
inline bool names_value_file(const Options& options) {
  return has_values(options) && options.values != kValuesByDefault && options.values != kValuesInMemory;
}

// Of a hub that was started on demand (PROTOCOL.md 8).
inline constexpr Duration kDetachedIdleExit = seconds(30);

// Why there is nothing to do but to end: `text` is for stdout after --help and --version (exit code 0); else
// there are errors.
struct Ending {
  ExitCode code = kExitDone;
  std::string text;
  std::vector<ErrorReport> errors;
  int ready_fd = -1;  // who waits there is to learn it too
};

std::variant<Options, Ending> parse_options(const std::vector<std::string>& arguments);

// A configuration file that --config reads back to the same.
std::string print_config(const Options& options);

// The settings as command line arguments, for another busd that runs elsewhere ("/" as cwd).
std::vector<std::string> to_arguments(const Options& options);

}  // namespace bus::hub
