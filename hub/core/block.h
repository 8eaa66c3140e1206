// Frames that wait for sockets: some encoded lines, immutable, shared by every queue that holds one of them.
//
// An event's bytes are the same for all its consumers but for the digits of `seq`; so they are kept once,
// without them, and it is kept where they go. A block holds what one run of events has (turn.h): all of it
// went to the same consumers, so that none keeps alive what is not its own, but for what it has already got
// of its oldest block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bus::hub {

struct Block {
  struct Frame {
    uint32_t end = 0;     // in `bytes`; the frame begins where the one before it ends
    uint32_t seq_at = 0;  // from the frame's beginning, where `,"seq":N` goes; 0: this frame has no seq
  };
  std::string bytes;
  std::vector<Frame> frames;

  size_t begin_of(size_t i) const { return i == 0 ? 0 : frames[i - 1].end; }
  std::string_view frame(size_t i) const {
    return std::string_view(bytes).substr(begin_of(i), frames[i].end - begin_of(i));
  }
  // Bytes of the frames from `first` to before `end`, without their seqs.
  size_t bytes_of(size_t first, size_t end) const { return begin_of(end) - begin_of(first); }
};

using BlockPtr = std::shared_ptr<const Block>;

// One line that has no seq.
inline BlockPtr block_of_line(std::string line) {
  Block block;
  block.frames.push_back({static_cast<uint32_t>(line.size()), 0});
  block.bytes = std::move(line);
  return std::make_shared<const Block>(std::move(block));
}

}  // namespace bus::hub
