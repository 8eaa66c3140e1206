// provider_in_libevent.cpp - a provider hosted in a loop that the program already has, here libevent's.
//
//   example-provider-in-libevent        provides loop.after, which answers when its args, milliseconds, are over
//
// A handler does not wait. It keeps its request, and a timer of the loop answers it.
#include <busd/consumer.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include <event2/event.h>

#include "loops/libevent_host.hpp"
#include "loops/turn.hpp"

namespace {

// A request that is answered later. The timer owns it.
struct Waiting {
  busd::Request request;
  event* timer = nullptr;
};

void answer(evutil_socket_t, short, void* context) noexcept {
  std::unique_ptr<Waiting> waiting(static_cast<Waiting*>(context));
  (void)waiting->request.respond(waiting->request.args());
  event_free(waiting->timer);
}

void answer_later(event_base* base, busd::Request request) {
  long ms = std::strtol(request.args().c_str(), nullptr, 10);
  if (ms <= 0) {
    (void)request.fail("bad_args", "args must be a number of milliseconds");
    return;
  }
  auto* waiting = new Waiting{std::move(request)};
  waiting->timer = evtimer_new(base, &answer, waiting);
  timeval after{ms / 1000, ms % 1000 * 1000};
  evtimer_add(waiting->timer, &after);
}

}  // namespace

int main(int, char** argv) {
  event_base* base = event_base_new();
  auto connection = busd::Connection::open({});
  if (!connection) {
    std::fprintf(stderr, "%s: %s\n", argv[0], connection.error().message.c_str());
    return 69;
  }
  auto served = connection->serve("loop.after",
                                  [base](busd::Request request) { answer_later(base, std::move(request)); });
  if (!served) {
    std::fprintf(stderr, "%s: %s\n", argv[0], served.error().message.c_str());
    return 69;
  }

  int exit_code = 0;
  auto on_item = [](const busd::Item&) { return true; };  // requests go to their handler
  auto on_end = [&](const busd::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.message.c_str());
    exit_code = 69;
    event_base_loopbreak(base);
  };
  {
    busd::loops::LibeventHost host(base, *connection,
                                   [&] { return busd::loops::take_items(*connection, on_item, on_end); });
    std::fputs("ready\n", stderr);
    event_base_dispatch(base);
  }
  event_base_free(base);
  return exit_code;
}
