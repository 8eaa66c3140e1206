// Frames that wait for sockets: some encoded lines, immutable, shared by every queue that holds one of them.
//
// An event's bytes are the same for all its consumers but for the digits of `seq`; so they are kept once,
// without them, and it is kept where they go. A block holds what one run of events has (turn.h), which all
// went to the same consumers, or refers to the rendering of a stream, for the consumers of that stream. So
// none keeps alive what is not its own, but for what it has already got of its oldest block.
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
    uint32_t end = 0;     // of this one and those before it, without seqs
    uint32_t seq_at = 0;  // from the frame's beginning, where `,"seq":N` goes; 0: this frame has no seq
  };
  // In a rendering of another consumer's.
  struct Place {
    uint32_t at = 0;
    uint32_t left_out = 0;  // bytes from seq_at on: the other's seq
  };
  std::vector<Frame> frames;
  std::string bytes;  // the frames one behind the other; or else
  std::shared_ptr<const char> rendering;
  std::vector<Place> places;

  size_t begin_of(size_t i) const { return i == 0 ? 0 : frames[i - 1].end; }
  // What stands before and behind the seq; a frame without one is all tail.
  std::string_view head(size_t i) const { return {memory(i), frames[i].seq_at}; }
  std::string_view tail(size_t i) const {
    size_t skip = frames[i].seq_at + (rendering ? places[i].left_out : 0);
    return {memory(i) + skip, frames[i].end - begin_of(i) - frames[i].seq_at};
  }
  // Bytes of the frames from `first` to before `end`, without their seqs.
  size_t bytes_of(size_t first, size_t end) const { return begin_of(end) - begin_of(first); }

 private:
  const char* memory(size_t i) const {
    return rendering ? rendering.get() + places[i].at : bytes.data() + begin_of(i);
  }
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
