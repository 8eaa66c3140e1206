// bus-value: what is true now, by key: reads, changes, lists and watches values, and holds one while a command runs.
// value_options.* and value_combinations.* are the command line, one_value.*, value_hold.* and value_watch.* do the work.
#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "busd/consumer.hpp"
#include "consumer/cli/bad_input.h"
#include "consumer/cli/buses.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/one_value.h"
#include "consumer/cli/program.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/standard_input.h"
#include "consumer/cli/text.h"
#include "consumer/cli/value_combinations.h"
#include "consumer/cli/value_hold.h"
#include "consumer/cli/value_options.h"
#include "consumer/cli/value_text.h"
#include "consumer/cli/value_watch.h"
#include "protocol/raw_json.h"

namespace bus::cli {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kOpenTimeout{10'000};
constexpr std::chrono::milliseconds kLeaveTimeout{1000};

std::optional<Error> value_fault(const std::string& json) {
  if (json.size() > kMaxValueBytes) {
    return error_of(ErrorCode::bad_data, "VALUE has " + std::to_string(json.size()) +
                                             " bytes as JSON; it may have " + std::to_string(kMaxValueBytes));
  }
  if (auto fault = json_fault(json)) return bad_input(json, "VALUE: " + *fault, Input::payload);
  if (!RawJson().scan(json, kMaxValueDepth)) return std::nullopt;
  return error_of(ErrorCode::bad_data,
                  "VALUE is nested deeper than " + std::to_string(kMaxValueDepth) + " levels");
}

// The VALUE of put as JSON on one line.
std::optional<Error> find_value(const ValueCommand& command, std::string& json) {
  std::string text = command.words.front();
  bool from_stdin = text == "-";
  if (from_stdin) {
    if (stdin_was_closed())
      return error_of(ErrorCode::input_failed, "cannot read VALUE from stdin, which is closed");
    text.clear();
    if (auto error = read_standard_input(text)) return error;
    if (text.size() > kMostInputBytes)
      return error_of(ErrorCode::bad_data,
                      "the value on stdin is longer than a frame may be (1048576 bytes)");
    if (command.text && text.ends_with('\n')) text.pop_back();
  }
  if (command.text) {
    if (first_byte_not_utf8(text)) return bad_input(text, "the value is not UTF-8", Input::text);
    append_json_string(json, text);
    return value_fault(json);
  }
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    return error_of(ErrorCode::empty_input, std::string(from_stdin ? "stdin is" : "VALUE is") +
                                                " empty; null is a value, and '' --text an empty string");
  }
  // The end of the last line is none of the value.
  if (from_stdin) text.erase(text.find_last_not_of("\r\n") + 1);
  json = std::move(text);
  join_json_lines(json);
  return value_fault(json);
}

busd::ConnectionOptions connection_options(const ValueCommand& command) {
  bool stays = command.which() == ValueVerb::watch || command.hold || command.wait;
  busd::ConnectionOptions options;
  options.socket = command.place.socket;
  options.bus = command.place.bus;
  options.no_start = command.no_start;
  options.no_reconnect = !stays;
  options.open_timeout = std::min(command.timeout.value_or(kOpenTimeout), kOpenTimeout);
  options.cancel_fd = signal_fd();
  return options;
}

int put(const ValueCommand& command, const Console& console, busd::Connection& connection,
        std::optional<Clock::time_point> until, const std::string& json) {
  if (!command.hold && !command.wait) return OneValue(command, console, connection, until).put(json);
  busd::Change change = ValueWait(command, console, connection, until).put(json);
  if (!command.hold || !change) return OneValue(command, console, connection, until).changed(change);
  return ValueHold(command, console, connection).run(change.version);
}

int use(const ValueCommand& command, const Console& console, busd::Connection& connection,
        std::optional<Clock::time_point> until, const std::string& json) {
  switch (command.which()) {
    case ValueVerb::get:
      return OneValue(command, console, connection, until).get();
    case ValueVerb::put:
      return put(command, console, connection, until, json);
    case ValueVerb::erase:
      return OneValue(command, console, connection, until).erase();
    case ValueVerb::list:
      return OneValue(command, console, connection, until).list();
    case ValueVerb::watch:
      return ValueWatch(command, console, connection, until).run();
  }
  return kInternal;
}

int act(ValueCommand& command, Console& console) {
  if (auto error = complete_value(command)) return console.error(*error);
  console.set_quiet(command.quiet);
  note_place(hub_of(command.place), console);
  std::string json;
  if (command.which() == ValueVerb::put) {
    if (auto error = find_value(command, json)) return console.error(*error);
  }
  std::optional<Clock::time_point> until;
  if (command.timeout) until = Clock::now() + *command.timeout;
  // From here on a signal does not end us on the spot: something may be held.
  enter_phase(Phase::running);
  auto connection = busd::Connection::open(connection_options(command));
  if (!connection) {
    if (caught_signal() != 0) return ended_by_signal(caught_signal());
    Error error = error_of(connection.error());
    if (connection.error().result == BUSD_TIMED_OUT && until && Clock::now() >= *until) {
      error.code = ErrorCode::timed_out;
      error.exit = kTimeRanOut;
    }
    return console.error(error);
  }
  wake_on_signal([](void* handle) { busd_connection_wake(static_cast<busd_connection*>(handle)); },
                 connection->handle());
  int code = use(command, console, *connection, until, json);
  enter_phase(Phase::leaving);
  wake_on_signal(nullptr, nullptr);
  // What was to be said was said: what closing answers changes nothing.
  static_cast<void>(connection->close(kLeaveTimeout));
  return code;
}

using Options = ValueCommand;
const Program<Options> kProgram{"bus-value", kValueAbout, kValueNotes, declare_value, act};

}  // namespace

}  // namespace bus::cli

// "--version 3" would print the program's version, do nothing, and succeed.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
  for (int i = 1; i + 1 < argc && std::string_view(argv[i]) != "--"; ++i) {
    bool is_number = argv[i + 1][0] >= '0' && argv[i + 1][0] <= '9';
    if (is_number && std::string_view(argv[i]) == "--version")
      return bus::cli::Console("bus-value")
          .error(bus::cli::ErrorCode::extra_argument, "--version prints the version of this program",
                 "for the version of a key write --if-version " + std::string(argv[i + 1]));
  }
  return bus::cli::kProgram.run(argc, argv);
}
