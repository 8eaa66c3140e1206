// The stream of event frames that a hub would send to one consumer, and the payloads in it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bus::sdk_bench {

inline constexpr std::string_view kTopic = "bench.topic";

// A JSON value of exactly `bytes` (at least 64): short members, numbers, nesting, the worst case for who
// checks it.
std::string dense_payload(size_t bytes);

// `{"type":"event","event_type":…,"payload":…}` and LF, as a source sends it.
std::string source_line(std::string_view payload);

// Frames with seq 1, 2, 3 …, rendered once: from batch to batch only the digits of seq change.
class EventStream {
 public:
  explicit EventStream(size_t payload_bytes);

  // The next frames, `most` of them or fewer; good until the next call.
  std::string_view next(uint64_t most);

  // How many have been given out.
  uint64_t given() const { return seq_; }

  // Bytes of the frames with seq 1 to `events`.
  static uint64_t bytes_of(uint64_t events, size_t payload_bytes);

 private:
  void render();

  std::string payload_;
  std::string batch_;
  size_t line_bytes_ = 0;
  size_t seq_end_ = 0;  // in a line
  size_t digits_ = 0;
  uint64_t seq_ = 0;  // of the last frame
};

}  // namespace bus::sdk_bench
