// Frames that wait for sockets: some encoded lines, immutable, shared by every queue that holds one of them.
//
// An event's bytes are the same for all its consumers but for the digits of `seq`; so they are kept once,
// without them, and it is kept where they go. A block holds what one run of events has (turn.h), which all
// went to the same consumers, or refers to the rendering of a stream, for the consumers of that stream. So
// none keeps alive what is not its own, but for what it has already got of its oldest block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/core/base/budget.h"

namespace bus::hub {

// Memory that blocks stand in, charged in total once, however many there are.
struct Bytes {
  std::shared_ptr<const char> memory;
  size_t size = 0;
  Charge charge;
};
using BytesPtr = std::shared_ptr<const Bytes>;

// The same, charged to a user, once, however many of his queues hold it.
struct Holding {
  BytesPtr bytes;
  Charge charge;
};
using HoldingPtr = std::shared_ptr<const Holding>;

inline BytesPtr charged(std::shared_ptr<const char> memory, size_t size, Meter* total) {
  return std::make_shared<const Bytes>(Bytes{std::move(memory), size, Charge(total, size)});
}
inline HoldingPtr charged(const BytesPtr& bytes, Meter* user) {
  return std::make_shared<const Holding>(Holding{bytes, Charge(user, bytes->size)});
}

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
  std::vector<Place> places;  // empty: the frames stand one behind the other
  HoldingPtr held;
  Charge total;  // for the block itself
  Charge user;

  // Once `frames` and `places` are full.
  void charge(Payers payers) {
    size_t bytes = kOverheadBytes + frames.size() * sizeof(Frame) + places.size() * sizeof(Place);
    total = Charge(payers.total, bytes);
    user = Charge(payers.user, bytes);
  }

  size_t begin_of(size_t i) const { return i == 0 ? 0 : frames[i - 1].end; }
  // What stands before and behind the seq; a frame without one is all tail.
  std::string_view head(size_t i) const { return {memory(i), frames[i].seq_at}; }
  std::string_view tail(size_t i) const {
    size_t skip = frames[i].seq_at + (places.empty() ? 0 : places[i].left_out);
    return {memory(i) + skip, frames[i].end - begin_of(i) - frames[i].seq_at};
  }
  // Bytes of the frames from `first` to before `end`, without their seqs.
  size_t bytes_of(size_t first, size_t end) const { return begin_of(end) - begin_of(first); }

 private:
  static constexpr size_t kOverheadBytes = 256;  // the four objects and their control blocks

  const char* memory(size_t i) const {
    return held->bytes->memory.get() + (places.empty() ? begin_of(i) : places[i].at);
  }
};

using BlockPtr = std::shared_ptr<const Block>;

// Frames in memory of their own: a copy of `lines`.
inline BlockPtr block_of(std::string_view lines, std::vector<Block::Frame> frames, Payers payers = {}) {
  std::shared_ptr<char> memory(new char[lines.size()], std::default_delete<char[]>());
  std::memcpy(memory.get(), lines.data(), lines.size());
  Block block;
  block.frames = std::move(frames);
  block.held = charged(charged(std::move(memory), lines.size(), payers.total), payers.user);
  block.charge(payers);
  return std::make_shared<const Block>(std::move(block));
}

// One line; `seq_at` as in Block::Frame.
inline BlockPtr block_of_line(std::string_view line, size_t seq_at = 0, Payers payers = {}) {
  return block_of(line, {{static_cast<uint32_t>(line.size()), static_cast<uint32_t>(seq_at)}}, payers);
}

}  // namespace bus::hub
