// in_poll.cpp - a relay. It consumes events of one type and publishes their payloads as events of another
// type, with a consumer and a source in one poll(2) loop.
//
//   example-in-poll clock.tick clock.copy 3
#include <busd/consumer.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "loops/poll_host.hpp"
#include "loops/turn.hpp"

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s FROM_TYPE TO_TYPE COUNT\n", argv[0]);
    return 64;
  }
  std::string from = argv[1];
  std::string to = argv[2];
  long wanted = std::strtol(argv[3], nullptr, 10);
  int exit_code = 0;
  auto fail = [&](const busd::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.message.c_str());
    exit_code = 69;
  };

  auto consumer = busd::Consumer::open({.key = "relay " + from, .event_types = {from}});
  auto source = busd::Source::open({.name = "relay " + from});
  if (!consumer) fail(consumer.error());
  if (!source) fail(source.error());
  if (exit_code != 0) return exit_code;

  busd::loops::PollHost loop;
  auto on_end = [&](const busd::Error& error) {
    fail(error);
    loop.stop();
  };
  auto on_loss = [&](const busd::Error& error) { std::fprintf(stderr, "%s\n", error.message.c_str()); };
  auto on_item = [&](const busd::Item& item) {
    if (item.is_reset()) std::fputs("connected again\n", stderr);
    if (!item.is_event()) return true;
    auto published = source->publish(busd::Publication{.event_type = to, .payload = item.event().payload()});
    if (!published) {
      if (published.error().result != BUSD_LOST) {
        on_end(published.error());
        return false;
      }
      on_loss(published.error());  // earlier copies may be lost; this one is queued
    }
    if (--wanted > 0) return true;
    loop.stop();
    return false;
  };
  loop.add(*consumer, [&] { return busd::loops::take_items(*consumer, on_item, on_end); });
  loop.add(*source, [&] { return busd::loops::process(*source, on_loss, on_end); });

  std::fputs("ready\n", stderr);
  if (!loop.run()) {
    std::perror("poll");
    return 71;
  }
  if (wanted > 0) return exit_code;  // as on_end has set it
  auto flushed = source->flush(std::chrono::seconds(5));
  if (!flushed) fail(flushed.error());
  return exit_code;
}
