// What goes wrong in a program, as people and as other programs read it (--json-errors, $BUSD_ERRORS).
//
// The codes are a closed list that the manual pages describe (man/errors.scd): a program may depend on a
// name. Which exit status an error leads to is up to each program.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bus {

enum class ReportCode {
  // The command line, and files of settings.
  unknown_option,
  missing_value,
  bad_value,
  conflict,
  missing_argument,
  extra_argument,
  bad_pattern,
  bad_config,
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
  stale,
  exists,
  full,
  store,
  no_provider,
  not_found,
  busy,
  call_failed,
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
const char* name_of(ReportCode code);

struct ErrorReport {
  ReportCode code = ReportCode::failed;
  int exit = 0;           // the exit status that it leads to
  std::string message;    // what is wrong, on one line
  std::string hint;       // what to do about it; empty: nothing is known to help
  std::string path;       // of the file or socket that it is about; empty: none
  std::string members{};  // further ones for json_of(), raw JSON and safe text, each with a comma before it
};

// `text` is "what is wrong; what to do about it", as the checks of values and the library write it. The path
// is the first absolute one in it.
ErrorReport error_of(ReportCode code, int exit, std::string_view text);

// As one line of JSON, without a line end.
std::string json_of(const ErrorReport& error);

// Whether `arguments` ask for JSON, or else $BUSD_ERRORS, whose value is `variable` (nullptr: not set).
//
// Asked before the command line is understood, because what is wrong with it is reported in the form, too.
bool json_errors_wanted(const std::vector<std::string>& arguments, const char* variable);

// What is wrong with the value of $BUSD_ERRORS, as error_of() takes it; empty: nothing.
std::string errors_variable_fault(const char* variable);

}  // namespace bus
