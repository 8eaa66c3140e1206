// What goes wrong in a program, as people and as other programs read it (--json-errors).
//
// The codes are a closed list that the manual pages describe (man/errors.scd): a program may depend on a
// name.
#pragma once

#include <string>
#include <string_view>

#include "busd/consumer.hpp"

namespace bus::cli {

enum class ErrorCode {
  // The command line.
  unknown_option,
  missing_value,
  bad_value,
  conflict,
  missing_argument,
  extra_argument,
  bad_pattern,
  // What is published.
  bad_data,
  empty_input,
  // The hub.
  no_hub,
  no_answer,
  not_a_hub,
  denied,
  rejected,
  refused,
  consumers_connected,
  connection_lost,
  events_lost,
  unhealthy,
  // The rest.
  timed_out,
  command_failed,
  input_failed,
  output_failed,
  failed,
};

// Its name in --json-errors: "unknown_option".
const char* name_of(ErrorCode code);

// The exit status that most errors of this code lead to.
int exit_code_of(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::failed;
  int exit = 0;         // the exit status that it leads to
  std::string message;  // what is wrong, on one line
  std::string hint;     // what to do about it; empty: nothing is known to help
  std::string path;     // of the file or socket that it is about; empty: none
};

// `text` is "what is wrong; what to do about it", as the checks of values and the library write it. The path
// is the first absolute one in it.
Error error_of(ErrorCode code, int exit, std::string_view text);
Error error_of(ErrorCode code, std::string_view text);
// What the library reports, with the exit status of its result.
Error error_of(const busd::Error& error);

// As one line of JSON, without a line end.
std::string json_of(const Error& error);

}  // namespace bus::cli
