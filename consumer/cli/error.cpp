#include "consumer/cli/error.h"

#include "consumer/cli/exit_code.h"

namespace bus::cli {

namespace {

ErrorCode code_of(busd_result result) {
  switch (result) {
    case BUSD_INVALID:
      return ErrorCode::bad_value;
    case BUSD_UNREACHABLE:
      return ErrorCode::no_hub;
    case BUSD_TIMED_OUT:
      return ErrorCode::no_answer;
    case BUSD_PROTOCOL:
      return ErrorCode::not_a_hub;
    case BUSD_DENIED:
      return ErrorCode::denied;
    case BUSD_REJECTED:
      return ErrorCode::rejected;
    case BUSD_REFUSED:
      return ErrorCode::refused;
    case BUSD_STALE:
      return ErrorCode::stale;
    case BUSD_EXISTS:
      return ErrorCode::exists;
    case BUSD_FULL:
      return ErrorCode::full;
    case BUSD_STORE:
      return ErrorCode::store;
    case BUSD_CLOSED:
    case BUSD_LOST:
      return ErrorCode::connection_lost;
    case BUSD_NOT_FOUND:
      return ErrorCode::not_found;
    case BUSD_OK:
    case BUSD_FAILED:
    case BUSD_CANCELED:
    case BUSD_INTERNAL:
      break;
  }
  return ErrorCode::failed;
}

}  // namespace

int exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::unknown_option:
    case ErrorCode::missing_value:
    case ErrorCode::bad_value:
    case ErrorCode::conflict:
    case ErrorCode::missing_argument:
    case ErrorCode::extra_argument:
    case ErrorCode::bad_pattern:
    case ErrorCode::bad_config:
      return kUsage;
    case ErrorCode::bad_data:
    case ErrorCode::empty_input:
      return kBadData;
    case ErrorCode::no_hub:
    case ErrorCode::no_provider:
      return kUnreachable;
    case ErrorCode::not_found:
      return kNotFound;
    case ErrorCode::not_a_hub:
      return kProtocol;
    case ErrorCode::denied:
      return kPermission;
    case ErrorCode::no_answer:
    case ErrorCode::rejected:
    case ErrorCode::refused:
    case ErrorCode::stale:
    case ErrorCode::exists:
    case ErrorCode::full:
    case ErrorCode::store:
    case ErrorCode::busy:
    case ErrorCode::consumers_connected:
    case ErrorCode::connection_lost:
    case ErrorCode::events_lost:
    case ErrorCode::unhealthy:
      return kTryAgain;
    case ErrorCode::timed_out:
      return kTimeRanOut;
    case ErrorCode::call_failed:
    case ErrorCode::command_failed:
    case ErrorCode::input_failed:
    case ErrorCode::output_failed:
    case ErrorCode::failed:
      break;
  }
  return kInternal;
}

Error error_of(ErrorCode code, std::string_view text) { return error_of(code, exit_code_of(code), text); }

Error error_of(const busd::Error& error) {
  return error_of(code_of(error.result), exit_code_of(error.result), error.message);
}

}  // namespace bus::cli
