#include "consumer/cli/one_value.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>
#include <utility>

#include "consumer/cli/exit_code.h"
#include "consumer/cli/one_call.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/text.h"
#include "consumer/cli/value_text.h"

namespace bus::cli {

OneValue::OneValue(const ValueCommand& command, const Console& console, busd::Connection& connection,
                   std::optional<Clock::time_point> until)
    : command_(command),
      console_(console),
      connection_(connection),
      until_(until),
      output_(STDOUT_FILENO),
      to_terminal_(isatty(STDOUT_FILENO) == 1) {}

std::chrono::milliseconds OneValue::patience() const {
  if (!until_) return std::chrono::milliseconds(0);
  auto left = std::chrono::ceil<std::chrono::milliseconds>(*until_ - Clock::now());
  return std::max(left, std::chrono::milliseconds(1));
}

int OneValue::failed(const busd::Error& error, Error said) const {
  if (caught_signal() != 0) return ended_by_signal(caught_signal());
  if (error.result == BUSD_TIMED_OUT && until_) {
    said.code = ErrorCode::timed_out;
    said.exit = kTimeRanOut;
  }
  return console_.error(said);
}

int OneValue::get() {
  auto value = connection_.get(command_.key, patience());
  if (!value) return failed(value.error(), error_of(value.error(), command_.key));
  if (int code = print(command_.json ? state_json(*value) : line_of(*value, false)); code != kDone)
    return code;
  return flush();
}

int OneValue::put(const std::string& json) {
  busd::PutOptions options = put_options_of(command_);
  options.timeout = patience();
  return changed(connection_.put(command_.key, json, options));
}

int OneValue::erase() {
  int code = kDone;
  for (const std::string& key : command_.patterns()) {
    if (caught_signal() != 0) return ended_by_signal(caught_signal());
    busd::DeleteOptions options;
    if (command_.if_version) options.version = *command_.if_version + 1;
    options.timeout = patience();
    busd::Change change = connection_.erase(key, options);
    int ended = changed(key, change);
    if (code == kDone) code = ended;
    // As of rm(1): what is wrong with one key says nothing of the others. Anything else does.
    bool is_of_this_key = change || change.status == BUSD_NOT_FOUND || change.status == BUSD_DENIED;
    if (!is_of_this_key || (change && ended != kDone)) break;
  }
  return code;
}

int OneValue::changed(const busd::Change& change) { return changed(command_.key, change); }

int OneValue::changed(const std::string& key, const busd::Change& change) {
  if (!change) {
    Error error = error_of(change, key, command_.which());
    // It is said as of --create, which means the same.
    bool must_not_exist = command_.which() == ValueVerb::put && command_.if_version == uint64_t{0};
    if (must_not_exist && change.status == BUSD_STALE && change.present && !change.present->deleted) {
      busd::Change exists = change;
      exists.status = BUSD_EXISTS;
      error.message = in_quotes(key) + " exists";
      error.hint = error_of(exists, key, command_.which()).hint;
    }
    if (command_.hold && change.status == BUSD_EXISTS) error.hint += "; --wait waits until it is gone";
    return failed({change.status, change.message}, error);
  }
  bool is_one_of_many = !command_.words.empty() && command_.which() == ValueVerb::erase;
  std::string named = is_one_of_many ? (to_terminal_ ? safe_text(key) : key) + '\t' : std::string();
  int code = kDone;
  if (command_.json) code = print(change_json(change, is_one_of_many ? key : std::string_view()));
  if (command_.with_version) code = print(named + std::to_string(change.version));
  return code == kDone ? flush() : code;
}

int OneValue::list() {
  busd::ListOptions options;
  options.keys = command_.patterns();
  options.values = !command_.names;
  do {
    options.timeout = patience();
    auto page = connection_.list(options);
    if (!page) return failed(page.error(), error_of(page.error(), {}));
    for (busd::Value& value : page->values) {
      if (!command_.names && value.json.empty() && !complete(value)) continue;
      std::string key = to_terminal_ ? safe_text(value.key) : value.key;
      std::string line = command_.names ? key : command_.json ? state_json(value) : line_of(value, true);
      if (int code = print(line); code != kDone) return code;
    }
    options.after = page->next;
  } while (!options.after.empty() && caught_signal() == 0);
  if (int code = flush(); code != kDone) return code;
  return caught_signal() == 0 ? kDone : ended_by_signal(caught_signal());
}

bool OneValue::complete(busd::Value& value) {
  auto whole = connection_.get(value.key, patience());
  if (whole) value = std::move(*whole);
  return whole.has_value();
}

std::string OneValue::line_of(const busd::Value& value, bool with_key) const {
  std::string line;
  if (with_key) line += (to_terminal_ ? safe_text(value.key) : value.key) + '\t';
  if (command_.with_version) line += std::to_string(value.version) + '\t';
  if (!command_.prints_text()) return line + value.json;
  return line + (with_key ? line_text(value.json, to_terminal_) : raw_text(value.json, to_terminal_));
}

int OneValue::print(const std::string& line) { return written(output_.line(line)); }

int OneValue::flush() { return written(output_.flush()); }

int OneValue::written(Written written) const {
  if (written == Written::ok) return kDone;
  if (written == Written::interrupted) return ended_by_signal(caught_signal());
  return console_.error(ErrorCode::output_failed,
                        written == Written::closed
                            ? std::string("stdout was closed before everything was written to it")
                            : std::string("cannot write to stdout: ") + std::strerror(errno));
}

}  // namespace bus::cli
