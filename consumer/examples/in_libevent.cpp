// in_libevent.cpp - a consumer hosted in a loop that the program already has, here libevent's.
//
//   example-in-libevent clock.tick 3
//
// The recipe is the same for every loop: watch consumer.fd() for consumer.events(), sleep no longer than
// consumer.deadline(), and on either take items with next(0) until there is none.
#include <busd/consumer.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <event2/event.h>

namespace {

struct Host {
  event_base* loop;
  event* ready;  // the consumer's descriptor, and its deadline as a timeout
  busd::Consumer* consumer;
  long wanted;
  int exit_code = 0;
};

// Asks libevent for the next call: when the descriptor is readable, or when the deadline has come.
void arm(Host& host) {
  auto deadline = host.consumer->deadline();
  if (!deadline) {
    event_add(host.ready, nullptr);
    return;
  }
  timeval timeout{};
  timeout.tv_sec = static_cast<time_t>(deadline->count() / 1000);
  timeout.tv_usec = static_cast<suseconds_t>(deadline->count() % 1000) * 1000;
  event_add(host.ready, &timeout);
}

// noexcept: what is thrown through libevent's C code wedges its loop.
void on_ready(evutil_socket_t, short, void* context) noexcept {
  Host& host = *static_cast<Host*>(context);
  while (host.wanted > 0) {
    auto item = host.consumer->next(std::chrono::milliseconds(0));
    if (!item) {
      if (item.error().result == BUSD_TIMED_OUT) return arm(host);  // nothing more for now
      std::fprintf(stderr, "%s\n", item.error().message.c_str());
      host.exit_code = 69;
      break;
    }
    if (!item->is_event()) continue;
    std::fwrite(item->event().payload().data(), 1, item->event().payload().size(), stdout);
    std::putchar('\n');
    std::fflush(stdout);
    --host.wanted;
  }
  event_base_loopbreak(host.loop);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s EVENT_TYPE COUNT\n", argv[0]);
    return 64;
  }
  auto consumer = busd::Consumer::open({.key = argv[1], .event_types = {argv[1]}});
  if (!consumer) {
    std::fprintf(stderr, "%s: %s\n", argv[0], consumer.error().message.c_str());
    return 69;
  }
  Host host{event_base_new(), nullptr, &*consumer, std::strtol(argv[2], nullptr, 10)};
  // One-shot, armed anew after each call. The descriptor stays the same, also when the hub goes and comes
  // back.
  host.ready = event_new(host.loop, consumer->fd(), EV_READ, on_ready, &host);
  arm(host);
  std::fprintf(stderr, "ready\n");
  event_base_dispatch(host.loop);
  event_free(host.ready);
  event_base_free(host.loop);
  return host.exit_code;
}
