#include "consumer/cli/bus_source/source_events.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <poll.h>
#include <unistd.h>

#include "busd/consumer.hpp"
#include "consumer/cli/bus_source/hub_side.h"
#include "consumer/cli/bus_source/wall_clock.h"
#include "consumer/cli/end_report.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/json_lookup.h"
#include "consumer/cli/output.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/source_text.h"

namespace bus::cli {

namespace {

bool is_asked_for(const std::vector<std::string>& names, const std::string& payload) {
  std::string name = find_json(payload, {"source"}).value_or("");
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

// Until there is an item, stdout has no reader any more, or a signal comes.
bool wait(const busd::Consumer& consumer) {
  pollfd waits[] = {{.fd = consumer.fd(), .events = consumer.events(), .revents = 0},
                    {.fd = STDOUT_FILENO, .events = 0, .revents = 0},
                    {.fd = signal_fd(), .events = POLLIN, .revents = 0}};
  auto deadline = consumer.deadline();
  poll(waits, std::size(waits), deadline ? static_cast<int>(deadline->count()) : -1);
  return caught_signal() == 0 && (waits[1].revents & (POLLERR | POLLHUP)) == 0;
}

}  // namespace

int print_source_events(const Place& place, const std::vector<std::string>& names, bool json,
                        const Console& console) {
  enter_phase(Phase::running);
  auto consumer = busd::Consumer::open({.key = "bus-source",
                                        .event_types = {"bus.source.*"},
                                        .socket = place.socket,
                                        .bus = place.bus,
                                        .no_start = true,
                                        .no_reconnect = true,
                                        .cancel_fd = signal_fd(),
                                        .observer = true,
                                        .background = true});
  if (!consumer)
    return caught_signal() != 0 ? ended_by_signal(caught_signal())
                                : console.error(connect_error(consumer.error(), place));
  console.fixed_line("[bus] ready events=bus.source.*");
  Output output(STDOUT_FILENO);
  Written written = Written::ok;
  while (written == Written::ok && caught_signal() == 0) {
    auto item = consumer->next(std::chrono::milliseconds(0));
    if (!item && item.error().result != BUSD_TIMED_OUT) {
      if (caught_signal() != 0) break;
      return console.error(lost_error(item.error()));
    }
    if (!item) {
      written = output.flush();
      if (written == Written::ok && !wait(*consumer)) break;
      continue;
    }
    if (item->is_lost()) console.warning(std::to_string(item->lost().count) + " changes were lost");
    if (!item->is_event()) continue;
    std::string payload(item->event().payload());
    if (!is_asked_for(names, payload)) continue;
    uint64_t now_ms = wall_ms();
    written = output.line(json ? payload : time_text(now_ms, now_ms) + " " + change_line(payload));
  }
  if (caught_signal() != 0) return ended_by_signal(caught_signal());
  if (written != Written::failed) return kDone;
  return console.error(ErrorCode::output_failed,
                       std::string("cannot write to stdout: ") + std::strerror(errno));
}

}  // namespace bus::cli
