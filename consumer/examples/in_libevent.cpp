// in_libevent.cpp - a consumer hosted in a loop that the program already has, here libevent's.
//
//   example-in-libevent clock.tick 3
//
// The recipe is the same for every loop: watch consumer.fd() for consumer.events(), wait no longer than
// consumer.deadline(), and then take items with next(0). loops/libevent_host.hpp contains that recipe.
#include <busd/consumer.hpp>
#include <cstdio>
#include <cstdlib>

#include <event2/event.h>

#include "loops/libevent_host.hpp"
#include "loops/turn.hpp"

namespace {

// Prints the payload of an event, or what happened to the connection. Returns whether it was an event.
bool show(const busd::Item& item) {
  if (item.is_break()) std::fputs("the hub is gone\n", stderr);
  if (item.is_reset()) std::fputs("connected again\n", stderr);
  if (!item.is_event()) return false;
  auto payload = item.event().payload();
  std::fwrite(payload.data(), 1, payload.size(), stdout);
  std::putchar('\n');
  std::fflush(stdout);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s EVENT_TYPE COUNT\n", argv[0]);
    return 64;
  }
  long wanted = std::strtol(argv[2], nullptr, 10);
  auto consumer = busd::Consumer::open({.key = argv[1], .event_types = {argv[1]}});
  if (!consumer) {
    std::fprintf(stderr, "%s: %s\n", argv[0], consumer.error().message.c_str());
    return 69;
  }

  event_base* base = event_base_new();
  int exit_code = 0;
  {
    auto on_item = [&](const busd::Item& item) {
      if (show(item)) --wanted;
      return wanted > 0;
    };
    auto on_end = [&](const busd::Error& error) {
      std::fprintf(stderr, "%s: %s\n", argv[0], error.message.c_str());
      exit_code = 69;
    };
    busd::loops::LibeventHost host(base, *consumer,
                                   [&] { return busd::loops::take_items(*consumer, on_item, on_end); });
    std::fputs("ready\n", stderr);
    event_base_dispatch(base);  // until nothing is watched any more
  }
  event_base_free(base);
  return exit_code;
}
