// bus-serve: a command as the provider of a task. The connection and what is said; serve_options.* is the command
// line, serve_session.* the requests, one_shot_job.* and co_process.* the commands.
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "busd/consumer.hpp"
#include "consumer/cli/buses.h"
#include "consumer/cli/end_report.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/keeper.h"
#include "consumer/cli/program.h"
#include "consumer/cli/serve_options.h"
#include "consumer/cli/serve_session.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/stderr_relay.h"

namespace bus::cli {

namespace {

// Results of many commands at once wait here while the hub is busy; a frame has at most 1 MiB.
constexpr size_t kServeBufferBytes = size_t{16} * 1024 * 1024;
constexpr size_t kMostTasksAtOnce = 64;  // of one busd_connection_provide
constexpr int kMostProvideTries = 5;     // of a hub that goes and comes at that moment

busd::ConnectionOptions connection_options(const ServeCommand& command) {
  busd::ConnectionOptions options;
  options.source = command.source;
  options.socket = command.place.socket;
  options.bus = command.place.bus;
  options.no_start = command.no_start;
  options.buffer_bytes = kServeBufferBytes;
  options.cancel_fd = signal_fd();
  return options;
}

busd::Error provide(const ServeCommand& command, busd_connection* connection) {
  auto options = BUSD_INIT(busd_provide_options);
  options.slots = static_cast<uint32_t>(command.slots);
  options.priority = command.priority;
  for (size_t begin = 0; begin < command.tasks.size(); begin += kMostTasksAtOnce) {
    std::vector<busd_text> tasks;
    for (size_t i = begin; i < std::min(begin + kMostTasksAtOnce, command.tasks.size()); ++i)
      tasks.push_back({command.tasks[i].data(), command.tasks[i].size()});
    auto error = BUSD_INIT(busd_error);
    busd_result result = BUSD_LOST;
    for (int tries = 0; result == BUSD_LOST && tries < kMostProvideTries; ++tries)
      result = busd_connection_provide(connection, tasks.data(), tasks.size(), &options, &error);
    if (result != BUSD_OK) return {result, error.message};
  }
  return {};
}

std::string task_words(const ServeCommand& command) {
  std::string words;
  for (const std::string& task : command.tasks) words += " task=" + key_in_line(task);
  return words;
}

void say_end(const ServeCommand& command, const Console& console, const ServeCounts& counts,
             std::chrono::steady_clock::time_point begin) {
  std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.3f", spent.count());
  console.fixed_line("[bus] end" + task_words(command) + " requests=" + std::to_string(counts.requests) +
                     " failed=" + std::to_string(counts.failed) +
                     " canceled=" + std::to_string(counts.canceled) + " seconds=" + seconds);
}

int serve(const ServeCommand& command, Console& console) {
  // Before the connection, whose descriptors it is not to hold.
  Keeper keeper;
  if (!keeper.start()) return console.error(ErrorCode::failed, std::string("fork: ") + std::strerror(errno));
  // Commands may run from now on: a signal ends them first.
  enter_phase(Phase::running);
  auto connection = busd::Connection::open(connection_options(command));
  if (!connection && caught_signal() != 0) return ended_by_signal(caught_signal());
  if (!connection) return console.error(error_of(connection.error()));
  busd::Error refused = provide(command, connection->handle());
  if (refused.result != BUSD_OK) return console.error(error_of(refused));

  auto facts = busd::hub_inspect(hub_of(command.place));
  Variables variables = {{"BUSD_SOCKET", facts ? facts->socket : command.place.socket}};
  auto begin = std::chrono::steady_clock::now();
  // The tasks are provided: from here on no reader of stderr holds us up.
  StderrRelay relay;
  console.set_writer([&relay](std::string_view line) { relay.waiting() += line; });
  ServeSession session(command, std::move(variables), console, relay, keeper, std::move(*connection));
  console.fixed_line("[bus] ready" + task_words(command) + " slots=" + std::to_string(command.slots));
  int code = session.run();
  say_end(command, console, session.counts(), begin);
  relay.finish();
  console.set_writer(nullptr);
  return code;
}

int act(ServeCommand& command, Console& console) {
  if (auto error = complete_serve(command)) return console.error(*error);
  console.set_quiet(command.quiet);
  note_place(hub_of(command.place), console);
  return serve(command, console);
}

using Options = ServeCommand;
const Program<Options> kProgram{"bus-serve", kServeAbout, kServeNotes, declare_serve, act};

}  // namespace

}  // namespace bus::cli

int main(int argc, char** argv) { return bus::cli::kProgram.run(argc, argv); }
