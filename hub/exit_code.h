// Exit codes of busd, the same as those of all programs of the project (README.md; after sysexits.h).
#pragma once

#include "protocol/base/last_word.h"
#include "protocol/base/result.h"

namespace bus::hub {

enum ExitCode : int {
  kExitDone = 0,
  kExitUsage = 64,
  kExitUnavailable = 69,
  kExitInternal = 70,
  kExitSystem = kExitNoMemory,  // 71: no memory, or nothing to run an event loop with
  kExitCannotCreate = 73,       // the log file
  kExitBusy = 75,
  kExitDenied = 77,
  kExitConfig = 78,
  kExitTimedOut = 124,
};

inline ExitCode exit_code_of(Errc code) {
  switch (code) {
    case Errc::invalid:
    case Errc::too_long:
      return kExitUsage;
    case Errc::timed_out:
      return kExitTimedOut;
    case Errc::denied:
      return kExitDenied;
    case Errc::unavailable:
    case Errc::closed:
    case Errc::protocol:
      return kExitUnavailable;
    case Errc::busy:
      return kExitBusy;
    case Errc::io:
      break;
  }
  return kExitInternal;
}

}  // namespace bus::hub
