#include "tests/bench/sdk_publish.h"

#include <algorithm>
#include <unistd.h>

#include "busd/consumer.hpp"
#include "tests/bench/sdk_hub.h"
#include "tests/bench/sdk_stream.h"

namespace bus::sdk_bench {

namespace {

constexpr std::chrono::milliseconds kPatience{10'000};

struct Work {
  std::string socket;
  uint64_t events;
  size_t hold_bytes;
  std::string payload;
  std::string line;
};

Result<Sample> confirmed(const Work& work, PlayedHub& hub, Sample sample) {
  BUSD_ASSIGN(uint64_t taken, hub.finish());
  if (taken != work.events) return Error{Errc::io, "the hub got " + std::to_string(taken) + " events"};
  return sample;
}

Result<Sample> write_raw(const Work& work) {
  BUSD_ASSIGN(auto hub, PlayedHub::taking(work.socket));
  uint64_t lines_per_write = std::max<uint64_t>(work.hold_bytes / work.line.size(), 1);
  std::string batch;
  for (uint64_t i = 0; i < lines_per_write; ++i) batch += work.line;
  Stopwatch watch;
  BUSD_ASSIGN(Fd fd, greet(work.socket));
  for (uint64_t sent = 0; sent < work.events; sent += lines_per_write) {
    uint64_t lines = std::min(lines_per_write, work.events - sent);
    std::string_view bytes = std::string_view(batch).substr(0, lines * work.line.size());
    if (!write_all(fd.get(), bytes)) return Error{Errc::io, "the played hub is gone"};
  }
  char answer[512];
  if (!write_all(fd.get(), kCheckLine) || ::read(fd.get(), answer, sizeof answer) <= 0)
    return Error{Errc::io, "the played hub is gone"};
  Sample sample = watch.stop(work.events, work.events * work.line.size());
  fd.reset();
  return confirmed(work, hub, sample);
}

template <class Publish>
Result<Sample> publish(const Work& work, bool check_payloads, Publish publish_one) {
  BUSD_ASSIGN(auto hub, PlayedHub::taking(work.socket));
  Stopwatch watch;
  auto source = busd::Source::open({.socket = work.socket,
                                    .no_start = true,
                                    .hold_bytes = work.hold_bytes,
                                    .check_payloads = check_payloads});
  if (!source) return Error{Errc::io, source.error().message};
  for (uint64_t i = 0; i < work.events; ++i) {
    if (auto published = publish_one(*source); !published) return Error{Errc::io, published.error().message};
  }
  auto flushed = source->flush(kPatience);
  if (!flushed) return Error{Errc::io, flushed.error().message};
  Sample sample = watch.stop(work.events, work.events * work.line.size());
  (void)source->close();
  return confirmed(work, hub, sample);
}

}  // namespace

std::vector<Way> ways_to_publish(const std::string& socket, uint64_t events, size_t payload_bytes,
                                 size_t hold_bytes) {
  Work work{socket, events, hold_bytes, dense_payload(payload_bytes), {}};
  work.line = source_line(work.payload);
  auto frame = [work](busd::Source& source) { return source.publish_frame(work.line); };
  auto payload = [work](busd::Source& source) { return source.publish(kTopic, work.payload); };
  return {{"raw write of ready lines", [work] { return write_raw(work); }},
          {"Source::publish_frame", [work, frame] { return publish(work, false, frame); }},
          {"Source::publish", [work, payload] { return publish(work, false, payload); }},
          {"Source::publish, checked", [work, payload] { return publish(work, true, payload); }}};
}

}  // namespace bus::sdk_bench
