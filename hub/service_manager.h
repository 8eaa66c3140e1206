// What a service manager asks of the hub, and the words in which the hub tells it how it is doing:
// sd_notify(3), sd_watchdog_enabled(3).
//
// Pure: the environment in, datagrams out; hub/notifier.h sends them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "protocol/base/clock.h"
#include "protocol/base/result.h"
#include "protocol/endpoint.h"

namespace bus::hub {

struct ServiceManager {
  // Where it listens, as in sun_path: an absolute path, or a NUL and an abstract name. Empty: there is none.
  std::string address;
  // It expects a sign of life at least this often; Duration::max(): never.
  Duration watchdog = Duration::max();
};

// Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. Empty variables count as not set. A watchdog is
// ignored when it waits for another process than `self`, or when there is nowhere to send to.
//
// Error invalid: NOTIFY_SOCKET is neither an absolute path nor '@' and a name, or is longer than sun_path
// takes; WATCHDOG_USEC or WATCHDOG_PID is not a positive number.
Result<ServiceManager> service_manager_of(const Environment& environment, pid_t self);

// Removes the variables that are for this process alone, those of passed_socket.h too, so that no process
// that it starts takes them for its own.
void forget_service_environment();

// Assignments of sd_notify(3), each with its line end. A datagram is one or several of them.
inline constexpr std::string_view kTellReady = "READY=1\n";
inline constexpr std::string_view kTellStopping = "STOPPING=1\n";
inline constexpr std::string_view kTellAlive = "WATCHDOG=1\n";
// At `now`, by CLOCK_MONOTONIC: tells this reload from one that was asked for later.
std::string tell_reloading(TimePoint now);
// For people, one line: a line end in `text` becomes a space.
std::string tell_status(std::string_view text);

}  // namespace bus::hub
