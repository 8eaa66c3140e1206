#include "hub/error_output.h"

#include <cstdio>
#include <string_view>

#include "protocol/base/characters.h"

namespace bus::hub {

namespace {

ReportCode code_of(Errc code) {
  switch (code) {
    case Errc::invalid:
    case Errc::too_long:
      return ReportCode::bad_value;
    case Errc::denied:
      return ReportCode::denied;
    case Errc::unavailable:
    case Errc::closed:
    case Errc::protocol:
    case Errc::timed_out:
      return ReportCode::no_hub;
    case Errc::busy:
      return ReportCode::no_answer;
    case Errc::io:
      break;
  }
  return ReportCode::failed;
}

}  // namespace

ErrorReport report_of(const Error& error) {
  // The reason of a hub that was started in the background names it already.
  constexpr std::string_view kName = "busd: ";
  std::string_view text = error.what;
  if (text.starts_with(kName)) text.remove_prefix(kName.size());
  return error_of(code_of(error.code), exit_code_of(error.code), text);
}

ErrorReport log_file_report(const Error& error) {
  bool denied = error.code == Errc::denied;
  std::string text = "--log-file: " + error.what + "; name a file in a directory that exists and is yours";
  return error_of(denied ? ReportCode::denied : ReportCode::output_failed,
                  denied ? kExitDenied : kExitCannotCreate, text);
}

void say_note(const std::string& text) { std::fputs(("busd: " + safe_text(text) + "\n").c_str(), stderr); }

std::string ErrorOutput::say(const ErrorReport& error) const {
  std::string text = error.hint.empty() ? error.message : error.message + "; " + error.hint;
  std::string line = "busd: " + safe_text(text);
  // In one piece, so that it stands on a line of its own.
  std::fputs(((json_ ? json_of(error) : line) + "\n").c_str(), stderr);
  return line;
}

}  // namespace bus::hub
