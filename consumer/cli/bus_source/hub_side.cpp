#include "consumer/cli/bus_source/hub_side.h"

#include <chrono>
#include <cstdlib>

#include "consumer/cli/buses.h"
#include "consumer/cli/call_error.h"
#include "consumer/cli/call_request.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/text.h"
#include "protocol/sources_place.h"

namespace bus::cli {

namespace {

constexpr std::chrono::milliseconds kOpenTimeout{10'000};

const char* variable(const char* name) { return std::getenv(name); }

constexpr const char* kHowToStart =
    "it is started when somebody listens, as bus-consume does, or by busd --detach";

// One text, however it was noticed: who follows something can only follow it again.
void say_lost(Error& error) {
  error.code = ErrorCode::connection_lost;
  error.exit = exit_code_of(error.code);
  error.message = "the hub has ended, or broken the connection";
  error.hint = std::string("once it runs again, repeat this; ") + kHowToStart;
}

// What to do where nobody runs sources.
std::string how_to_run_sources(const Place& place) {
  auto endpoint = resolve_endpoint({place.socket, place.bus}, variable);
  auto directory = endpoint ? sources_directory(*endpoint, variable) : endpoint.error();
  std::string hint = "run bus-sources";
  if (!directory || !has_default_sources(*endpoint, variable)) return hint + " --dir DIR";
  return hint + "; a hub does so as soon as there is a source in " + *directory;
}

}  // namespace

std::string name_args(std::string_view name) {
  std::string args = "{\"name\":";
  append_json_string(args, name);
  return args + "}";
}

std::optional<busd::Connection> connect_to_hub(const Place& place, const Console& console, int& code) {
  auto connection = busd::Connection::open({.socket = place.socket,
                                            .bus = place.bus,
                                            .no_start = true,
                                            .no_reconnect = true,
                                            .open_timeout = kOpenTimeout,
                                            .cancel_fd = signal_fd(),
                                            .background = true});
  if (connection) return std::move(*connection);
  code = console.error(connect_error(connection.error(), place));
  return std::nullopt;
}

Error lost_error(const busd::Error& error) {
  Error said = error_of(error);
  if (error.result == BUSD_CLOSED || error.result == BUSD_UNREACHABLE || error.result == BUSD_LOST)
    say_lost(said);
  return said;
}

Error connect_error(const busd::Error& error, const Place& place) {
  Error said = error_of(error);
  busd::HubOptions hub = hub_of(place);
  auto found = busd::hub_find(hub);
  if (error.result != BUSD_UNREACHABLE || !found || found->socket.empty()) return said;
  said.message = absence(hub, found->socket);
  said.hint = kHowToStart;
  said.path = found->socket;
  return said;
}

std::optional<std::string> ask_sources(busd::Connection& connection, const Place& place,
                                       std::string_view verb, const std::string& args, const Console& console,
                                       int& code) {
  busd::Answer answer =
      connection.call(std::string(kSourceTasks) + std::string(verb), args, {.timeout = busd::forever});
  if (answer) return std::move(answer.result);
  if (answer.status != BUSD_FAILED) {
    code = console.error(lost_error(busd::Error{answer.status, answer.message}));
    return std::nullopt;
  }
  busd_answer failed{};
  failed.code = c_text(answer.code);
  failed.message = c_text(answer.message);
  failed.by = c_text(answer.by);
  failed.data = c_text(answer.data);
  code = console.error(source_error(failed, place));
  return std::nullopt;
}

Error source_error(const busd_answer& answer, const Place& place) {
  Error error = error_of(answer);
  if (error.code == ErrorCode::no_provider) {
    error.message = "no bus-sources runs for this bus";
    error.hint = how_to_run_sources(place);
  } else if (view_of(answer.code) == "provider_gone") {
    error.message = "bus-sources ended before it answered";
    error.exit = exit_code_of(BUSD_LOST);
  } else if (error.code == ErrorCode::connection_lost) {
    say_lost(error);
  } else if (answer.by.length == 0) {
    // Its messages say all that its codes do.
    error.message = view_of(answer.message);
    if (view_of(answer.code) == "not_allowed") error.code = ErrorCode::denied;
    if (view_of(answer.code) == "busy") error.code = ErrorCode::busy;
    error.exit = exit_code_of(error.code);
  }
  return error;
}

}  // namespace bus::cli
