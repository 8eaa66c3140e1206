// clock_source.cpp - a source in C++. It publishes the time as "clock.tick".
//
//   example-clock-source              once a second, until it is interrupted
//   example-clock-source 5 100        five ticks, one every 100 ms
//
// A source only publishes. The hub buffers for slow consumers, tells consumers when the source connects and
// disconnects, and drops repetitions by event id.
#include <busd/consumer.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

namespace {

std::string milliseconds_since_epoch() {
  using namespace std::chrono;
  return std::to_string(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

int fail(const char* program, const busd::Error& error) {
  std::fprintf(stderr, "%s: %s\n", program, error.message.c_str());
  return 75;
}

}  // namespace

int main(int argc, char** argv) {
  long count = argc > 1 ? std::strtol(argv[1], nullptr, 10) : -1;
  std::chrono::milliseconds pause(argc > 2 ? std::strtol(argv[2], nullptr, 10) : 1000);

  auto source = busd::Source::open({.name = "clock"});
  if (!source) return fail(argv[0], source.error());
  source->status(busd::SourceState::connected, "ticking");

  for (long n = 1; count < 0 || n <= count; ++n) {
    std::string now = milliseconds_since_epoch();
    std::string id = now + "-" + std::to_string(n);
    std::string payload = "{\"n\":" + std::to_string(n) + ",\"unix_ms\":" + now + "}";
    auto published = source->publish(busd::Publication{
        .event_type = "clock.tick",
        .payload = payload,
        .event_id = id,
        .source_time = now,
    });
    // LOST: the connection broke. This tick goes to the next hub, and some before it may be lost. A clock
    // just continues.
    if (!published && published.error().result != BUSD_LOST) return fail(argv[0], published.error());
    if (count < 0 || n < count) std::this_thread::sleep_for(pause);
  }

  // Without this, the program could end before the last tick has reached the hub.
  auto flushed = source->flush(std::chrono::seconds(5));
  while (auto refusal = source->next_refusal()) {
    std::fprintf(stderr, "tick %llu was refused: %.*s\n",
                 static_cast<unsigned long long>(refusal->publication),
                 static_cast<int>(refusal->message.size()), refusal->message.data());
  }
  if (!flushed) return fail(argv[0], flushed.error());
  return 0;
}
