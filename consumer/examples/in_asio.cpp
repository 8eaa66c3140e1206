// in_asio.cpp - a source and a consumer hosted in Asio's loop. A timer publishes a heartbeat, and the
// consumer prints it when it comes back.
//
//   example-in-asio my.heartbeat 3 100        three beats, one every 100 ms
//
// Needs Asio 1.18 or later, without Boost (Debian: libasio-dev).
#include <asio.hpp>
#include <busd/consumer.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <string>

#include "loops/asio_host.hpp"
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

int run(int argc, char** argv) {
  std::string type = argv[1];
  long wanted = std::strtol(argv[2], nullptr, 10);
  std::chrono::milliseconds period(argc > 3 ? std::strtol(argv[3], nullptr, 10) : 1000);
  int exit_code = 0;
  auto fail = [&](const busd::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.message.c_str());
    exit_code = 69;
  };

  auto consumer = busd::Consumer::open({.key = type, .event_types = {type}});
  auto source = busd::Source::open({.name = "heartbeat"});
  if (!consumer) fail(consumer.error());
  if (!source) fail(source.error());
  if (exit_code != 0) return exit_code;

  asio::io_context context;
  auto on_end = [&](const busd::Error& error) {
    fail(error);
    context.stop();
  };
  auto on_loss = [&](const busd::Error& error) { std::fprintf(stderr, "%s\n", error.message.c_str()); };
  auto on_item = [&](const busd::Item& item) {
    if (show(item)) --wanted;
    if (wanted <= 0) context.stop();
    return wanted > 0;
  };
  busd::loops::AsioHost hears(context, *consumer,
                              [&] { return busd::loops::take_items(*consumer, on_item, on_end); });
  busd::loops::AsioHost speaks(context, *source,
                               [&] { return busd::loops::process(*source, on_loss, on_end); });

  asio::steady_timer timer(context);
  long beat = 0;
  std::function<void()> next_beat = [&] {
    timer.expires_after(period);
    timer.async_wait([&](std::error_code error) {
      if (error) return;
      auto published = source->publish(type, "{\"beat\":" + std::to_string(++beat) + "}");
      speaks.update();
      if (published || published.error().result == BUSD_LOST) return next_beat();
      on_end(published.error());
    });
  };
  next_beat();

  std::fputs("ready\n", stderr);
  context.run();
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s EVENT_TYPE COUNT [PERIOD_MS]\n", argv[0]);
    return 64;
  }
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {  // from Asio, for instance if there are no descriptors left
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 71;
  }
}
