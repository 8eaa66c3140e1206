#include "tests/bench/sdk_read.h"

#include <cstring>
#include <memory>
#include <unistd.h>

#include "busd/consumer.h"
#include "busd/consumer.hpp"
#include "tests/bench/sdk_hub.h"
#include "tests/bench/sdk_stream.h"

namespace bus::sdk_bench {

namespace {

constexpr size_t kReadBytes = 262'144;

struct Work {
  std::string socket;
  uint64_t events;
  size_t payload_bytes;

  Sample done(const Stopwatch& watch) const {
    return watch.stop(events, EventStream::bytes_of(events, payload_bytes));
  }
};

Error lost(uint64_t events) {
  return {Errc::io, "not every event arrived, or not in order; after " + std::to_string(events)};
}

uint64_t line_ends(const char* from, size_t bytes) {
  uint64_t lines = 0;
  const char* end = from + bytes;
  while (from < end) {
    from = static_cast<const char*>(std::memchr(from, '\n', static_cast<size_t>(end - from)));
    if (from == nullptr) break;
    ++lines;
    ++from;
  }
  return lines;
}

Result<Sample> read_raw(const Work& work) {
  BUSD_ASSIGN(auto hub, PlayedHub::sending(work.socket, work.events, work.payload_bytes));
  auto buffer = std::make_unique_for_overwrite<char[]>(kReadBytes);
  Stopwatch watch;
  BUSD_ASSIGN(Fd fd, greet(work.socket));
  uint64_t lines = 0;
  while (lines < work.events) {
    ssize_t n = ::read(fd.get(), buffer.get(), kReadBytes);
    if (n <= 0) return lost(lines);
    lines += line_ends(buffer.get(), static_cast<size_t>(n));
  }
  return work.done(watch);
}

busd_text text(std::string_view from) { return {from.data(), from.size()}; }

Result<Sample> read_in_c(const Work& work) {
  BUSD_ASSIGN(auto hub, PlayedHub::sending(work.socket, work.events, work.payload_bytes));
  Stopwatch watch;
  busd_text topic = text(kTopic);
  auto options = BUSD_INIT(busd_consumer_options);
  options.socket = text(work.socket);
  options.key = text("bench");
  options.event_types = &topic;
  options.event_type_count = 1;
  options.no_start = 1;
  busd_consumer* consumer = nullptr;
  if (busd_consumer_open(&options, &consumer, nullptr) != BUSD_OK) return lost(0);
  uint64_t events = 0;
  auto item = BUSD_INIT(busd_item);
  while (events < work.events && busd_consumer_next(consumer, BUSD_FOREVER, &item, nullptr) == BUSD_OK) {
    if (item.kind != BUSD_ITEM_EVENT || item.seq != events + 1) break;
    ++events;
  }
  Sample sample = work.done(watch);
  busd_consumer_abandon(consumer);
  if (events < work.events) return lost(events);
  return sample;
}

Result<Sample> read_in_cpp(const Work& work) {
  BUSD_ASSIGN(auto hub, PlayedHub::sending(work.socket, work.events, work.payload_bytes));
  Stopwatch watch;
  auto consumer = busd::Consumer::open(
      {.key = "bench", .event_types = {std::string(kTopic)}, .socket = work.socket, .no_start = true});
  if (!consumer) return Error{Errc::io, consumer.error().message};
  uint64_t events = 0;
  while (events < work.events) {
    auto item = consumer->next();
    if (!item || !item->is_event() || item->event().seq() != events + 1) return lost(events);
    ++events;
  }
  Sample sample = work.done(watch);
  consumer->abandon();
  return sample;
}

}  // namespace

std::vector<Way> ways_to_read(const std::string& socket, uint64_t events, size_t payload_bytes) {
  Work work{socket, events, payload_bytes};
  return {{"raw read, line ends counted", [work] { return read_raw(work); }},
          {"busd_consumer_next (C)", [work] { return read_in_c(work); }},
          {"Consumer::next (C++)", [work] { return read_in_cpp(work); }}};
}

}  // namespace bus::sdk_bench
