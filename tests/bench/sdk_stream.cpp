#include "tests/bench/sdk_stream.h"

#include <algorithm>

namespace bus::sdk_bench {

namespace {

// Large enough for few writes, small enough to stay in a cache of the second level.
constexpr size_t kBatchBytes = 262'144;

std::string start_of_line() { return R"({"type":"event","event_type":")" + std::string(kTopic) + "\""; }

uint64_t smallest_with(size_t digits) {
  uint64_t least = 1;
  for (size_t i = 1; i < digits; ++i) least *= 10;
  return least;
}

void write_digits(char* end, uint64_t value) {
  for (; value > 0; value /= 10) *--end = static_cast<char>('0' + value % 10);
}

}  // namespace

std::string dense_payload(size_t bytes) {
  std::string payload = R"({"list":[)";
  constexpr std::string_view kEnd = R"({"end":""}]})";
  for (int i = 0;; ++i) {
    std::string entry = R"({"id":)" + std::to_string(i) + R"(,"name":"n)" + std::to_string(i % 10) +
                        R"(","v":[1.5,-2,true,null]},)";
    if (payload.size() + entry.size() + kEnd.size() > bytes) break;
    payload += entry;
  }
  std::string padding(bytes - payload.size() - kEnd.size(), 'x');
  return payload + R"({"end":")" + padding + R"("}]})";
}

std::string source_line(std::string_view payload) {
  return start_of_line() + R"(,"payload":)" + std::string(payload) + "}\n";
}

EventStream::EventStream(size_t payload_bytes) : payload_(dense_payload(payload_bytes)) {}

void EventStream::render() {
  digits_ = std::to_string(seq_ + 1).size();
  std::string line = start_of_line() + R"(,"seq":)" + std::string(digits_, '0');
  seq_end_ = line.size();
  line += R"(,"payload":)" + payload_ + "}\n";
  line_bytes_ = line.size();
  batch_.clear();
  do batch_ += line;
  while (batch_.size() + line_bytes_ <= kBatchBytes);
}

std::string_view EventStream::next(uint64_t most) {
  if (batch_.empty() || seq_ + 1 == smallest_with(digits_ + 1)) render();
  uint64_t lines = std::min<uint64_t>(batch_.size() / line_bytes_, most);
  lines = std::min(lines, smallest_with(digits_ + 1) - 1 - seq_);
  char* end = batch_.data() + seq_end_;
  for (uint64_t i = 0; i < lines; ++i, end += line_bytes_) write_digits(end, ++seq_);
  return std::string_view(batch_).substr(0, lines * line_bytes_);
}

uint64_t EventStream::bytes_of(uint64_t events, size_t payload_bytes) {
  uint64_t around = start_of_line().size() + std::string_view(R"(,"seq":,"payload":}LF)").size() - 1;
  uint64_t bytes = events * (around + payload_bytes);
  for (size_t digits = 1; smallest_with(digits) <= events; ++digits)
    bytes += events - smallest_with(digits) + 1;
  return bytes;
}

}  // namespace bus::sdk_bench
