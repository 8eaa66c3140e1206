// on_demand.cpp - a source in C++ that works only while somebody listens.
//
//   example-on-demand 100        publishes an event "tick" every 100 ms, while a consumer wants it
//
// The hub says at the beginning, and at each change, whether there are such consumers; so the program need not
// ask, and sleeps when there are none. Observers (bus-consume --observe) do not count.
#include <busd/consumer.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

int main(int argc, char** argv) {
  std::chrono::milliseconds pause(argc > 1 ? std::strtol(argv[1], nullptr, 10) : 1000);
  auto connection = busd::Connection::open({.source = "ticker", .publish_types = {"tick"}});
  if (!connection) {
    std::fprintf(stderr, "%s: %s\n", argv[0], connection.error().message.c_str());
    return 69;
  }
  bool wanted = false;
  for (int n = 0;;) {
    auto item = connection->next(wanted ? pause : busd::forever);
    if (item && item->is_interest()) {
      wanted = item->interest().consumers > 0;
      std::fprintf(stderr, wanted ? "somebody listens\n" : "nobody listens\n");
    } else if (item && item->is_break()) {
      wanted = false;  // until the next hub says otherwise
    } else if (!item && item.error().result != BUSD_TIMED_OUT) {
      std::fprintf(stderr, "%s: %s\n", argv[0], item.error().message.c_str());
      return 69;
    }
    if (!item && wanted) (void)connection->publish("tick", std::to_string(++n));
  }
}
