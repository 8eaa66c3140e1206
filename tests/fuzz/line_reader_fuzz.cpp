// The same bytes in odd chunk sizes give the same lines, whatever is kept in between.
//
// Input: one byte that picks the cap, one that seeds the chunk sizes, then the stream.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/check.h"
#include "protocol/line_reader.h"

namespace {

using Lines = std::vector<std::string>;
constexpr const char* kTooLong = "\n";  // no line can be that

// What the lines are, by the definition of the cap.
Lines expected_lines(std::string_view stream, size_t max_bytes) {
  Lines lines;
  for (size_t end = stream.find('\n'); end != std::string_view::npos; end = stream.find('\n')) {
    lines.push_back(end + 1 > max_bytes ? kTooLong : std::string(stream.substr(0, end)));
    stream.remove_prefix(end + 1);
  }
  if (stream.size() >= max_bytes) lines.emplace_back(kTooLong);
  return lines;
}

class Feeder {
 public:
  Feeder(size_t max_bytes, uint8_t seed) : reader_(max_bytes), state_(seed) {}

  Lines run(std::string_view stream) {
    while (!stream.empty()) {
      size_t size = std::min<size_t>(1 + random() % (random() % 4 == 0 ? 40 : 5), stream.size());
      feed(stream.substr(0, size));
      stream.remove_prefix(size);
    }
    return std::move(lines_);
  }

 private:
  uint32_t random() { return (state_ = state_ * 1664525U + 1013904223U) >> 16U; }

  void feed(std::string_view bytes) {
    // A copy of its own size that goes before its lines are read, when they are kept.
    std::vector<char> chunk(bytes.begin(), bytes.end());
    reader_.feed({chunk.data(), chunk.size()});
    std::string_view line;
    for (;;) {
      if (random() % 8 == 0) {
        reader_.keep_rest();
        std::vector<char>().swap(chunk);
        reader_.feed("");
      }
      auto next = reader_.next(line);
      if (next == bus::LineReader::Next::none) return;
      lines_.push_back(next == bus::LineReader::Next::line ? std::string(line) : kTooLong);
    }
  }

  bus::LineReader reader_;
  uint32_t state_;
  Lines lines_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  size_t max_bytes = 1 + data[0] % 64;
  std::string_view stream(reinterpret_cast<const char*>(data) + 2, size - 2);
  BUSD_CHECK(Feeder(max_bytes, data[1]).run(stream) == expected_lines(stream, max_bytes));
  return 0;
}
