// What busd says on stderr when it fails: a line for people, or a line of JSON (--json-errors).
#pragma once

#include <string>

#include "hub/exit_code.h"
#include "protocol/base/error_report.h"
#include "protocol/base/result.h"

namespace bus::hub {

// The report of a step that failed: its code and exit status follow from the error's.
ErrorReport report_of(const Error& error);
// Of a log file that cannot be opened, which --log-file or the setting log-file named.
ErrorReport log_file_report(const Error& error);

// Says on stderr what is no error, safe for a terminal.
void say_note(const std::string& text);

class ErrorOutput {
 public:
  explicit ErrorOutput(bool json) : json_(json) {}

  // Says `error` on stderr. Returns the line for people, for a starter that waits (--ready-fd).
  std::string say(const ErrorReport& error) const;

 private:
  bool json_;
};

}  // namespace bus::hub
