// The exit codes of all programs; each --help lists those that its program uses.
#pragma once

#include "busd/consumer.h"

namespace bus::cli {

inline constexpr int kDone = 0;
inline constexpr int kNobody = 1;  // bus-status --explain only: nobody would get it
inline constexpr int kSomeFailed =
    1;                               // bus-source only: what was to be done to one of the sources has failed
inline constexpr int kNotFound = 1;  // bus-value only: there is no such key
inline constexpr int kDamaged = 1;   // bus-gocache verify only: something was damaged
inline constexpr int kUsage = 64;
inline constexpr int kBadData = 65;
inline constexpr int kUnreachable = 69;
inline constexpr int kInternal = 70;
inline constexpr int kTryAgain = 75;
inline constexpr int kProtocol = 76;
inline constexpr int kPermission = 77;
inline constexpr int kTimeRanOut = 124;
inline constexpr int kCannotRun = 126;  // a command that exists; as a shell has it
inline constexpr int kNoCommand = 127;

inline constexpr int ended_by_signal(int signal) { return 128 + signal; }

// For a failure of the library that the program has no better word for.
constexpr int exit_code_of(busd_result result) {
  switch (result) {
    case BUSD_OK:
      return kDone;
    case BUSD_INVALID:
      return kUsage;
    case BUSD_UNREACHABLE:
    case BUSD_CLOSED:
      return kUnreachable;
    case BUSD_DENIED:
      return kPermission;
    case BUSD_PROTOCOL:
      return kProtocol;
    case BUSD_TIMED_OUT:  // somebody listens and does not answer: busy, or cleaning up
    case BUSD_REJECTED:
    case BUSD_REFUSED:
    case BUSD_LOST:
    case BUSD_STALE:
    case BUSD_EXISTS:
    case BUSD_FULL:
    case BUSD_STORE:
      return kTryAgain;
    case BUSD_NOT_FOUND:
      return kNotFound;
    case BUSD_FAILED:
    case BUSD_CANCELED:
    case BUSD_INTERNAL:
      break;
  }
  return kInternal;
}

}  // namespace bus::cli
