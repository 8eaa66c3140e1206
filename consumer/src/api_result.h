// What an operation of the SDK came to: a result of the public header, and one line that says why.
#pragma once

#include <string>
#include <utility>

#include "busd/consumer.h"
#include "protocol/base/result.h"

namespace bus::sdk {

struct [[nodiscard]] ApiResult {
  busd_result code = BUSD_OK;
  std::string message;

  ApiResult() = default;
  ApiResult(busd_result what, std::string why) : code(what), message(std::move(why)) {}
  bool ok() const { return code == BUSD_OK; }
};

inline ApiResult result_of(const Error& error) {
  switch (error.code) {
    case Errc::invalid:
    case Errc::too_long:
      return {BUSD_INVALID, error.what};
    case Errc::timed_out:
      return {BUSD_TIMED_OUT, error.what};
    case Errc::denied:
      return {BUSD_DENIED, error.what};
    case Errc::unavailable:
      return {BUSD_UNREACHABLE, error.what};
    case Errc::busy:
      return {BUSD_REJECTED, error.what};
    case Errc::closed:
      return {BUSD_CLOSED, error.what};
    case Errc::protocol:
      return {BUSD_PROTOCOL, error.what};
    case Errc::io:
      break;
  }
  return {BUSD_INTERNAL, error.what};
}

}  // namespace bus::sdk
