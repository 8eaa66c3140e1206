// Lines of stdin: read in large chunks, handed out as views, numbered from 1; a line over the cap costs
// bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace bus::cli {

// A frame with its LF is at most 1 048 576 bytes (protocol/PROTOCOL.md).
inline constexpr size_t kMaxLineBytes = 1'048'575;

struct Line {
  uint64_t number = 0;
  std::string_view text;  // without LF and a CR before it; until the next call of fill
  bool too_long = false;  // over the cap: the text is gone, reading goes on behind it
};

class LineReader {
 public:
  enum class Read { data, end, again, failed };

  explicit LineReader(size_t max_bytes);

  // One read(2). `failed`: errno says why. `again`: interrupted by a signal. At `end`, a last line without LF
  // still comes from next().
  Read fill(int fd);
  // No more is to be read, although it has not ended: a last line without LF counts.
  void end() { ended_ = true; }
  // The next complete line; nothing: fill again.
  std::optional<Line> next();
  // How much of the line being read is gone already, because it is over the cap.
  size_t discarded_bytes() const { return discarded_; }

 private:
  std::optional<Line> finish(size_t end, size_t after);

  size_t max_bytes_;
  std::vector<char> buffer_;
  size_t begin_ = 0;    // of the line being read
  size_t scanned_ = 0;  // no LF before this
  size_t end_ = 0;
  uint64_t number_ = 0;
  size_t discarded_ = 0;  // of the line being read
  bool ended_ = false;
};

}  // namespace bus::cli
