// Cuts a byte stream into lines, incrementally, with a cap on what one line may hold (PROTOCOL.md 1).
//
// Complete lines inside a chunk are returned as views into the chunk, without a copy; only an unfinished tail
// is kept. A reader that is between lines holds no memory. Does not read descriptors and does not know JSON.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/limits.h"

namespace bus {

class LineReader {
 public:
  enum class Next {
    line,      // `line` is one line without its LF
    none,      // the chunk is used up; feed the next
    too_long,  // a line exceeded the cap: reported once, when the cap is passed; the rest of that line is
               // skipped
  };

  // `max_bytes` is the longest line, LF included.
  explicit LineReader(size_t max_bytes = kMaxFrameBytes) : max_bytes_(static_cast<uint32_t>(max_bytes)) {}

  // Hands in the next bytes. They must stay in place until next() has answered `none`, which must come before
  // the next feed.
  void feed(std::string_view chunk);

  // The next line; its view is good until the next call.
  Next next(std::string_view& line);

  // Whether the line that next() gave last stands in the chunk, its LF behind it; else it is a copy.
  bool line_is_in_chunk() const { return !partial_is_out_ && !kept_; }

  // Takes the bytes of the chunk that next() has not looked at into the reader, so that the chunk may go
  // although lines are left in it; a later feed("") goes on from there. The line that was given last may go,
  // too. For a peer that must wait (PROTOCOL.md 6).
  void keep_rest();

  // Forgets the unfinished line, and skips the rest of it when that comes.
  void skip_line();

  // Bytes that were handed in or kept, and that next() has not looked at.
  size_t unread_bytes() const { return source_.size(); }

  // The unfinished line, which EOF would discard, and its size. Good until the next feed.
  std::string_view partial() const { return partial_is_out_ ? std::string_view() : partial_; }
  size_t partial_bytes() const { return partial().size(); }

  // Bytes of memory held for this stream, complete lines that were kept included.
  size_t held_bytes() const;

 private:
  Next finish(size_t line_end, std::string_view& line);
  Next keep_tail();
  void release_source();

  std::string_view source_;            // what is not looked at yet of what feed() handed in, or of `kept_`
  std::unique_ptr<std::string> kept_;  // keep_rest()'s copy of the chunk; rarely there is one
  std::string partial_;  // the start of a line whose LF is still to come; shorter than `max_bytes_`
  uint32_t max_bytes_;
  bool partial_is_out_ = false;  // `partial_` is the line that next() returned last
  bool skipping_ = false;        // inside a line that was too long
};

// Whether `line` has nothing but spaces, tabs and CR: such lines are ignored, and not counted as frames
// (PROTOCOL.md 1). Inline, since of nearly all lines it looks at the first byte alone.
inline bool is_blank(std::string_view line) {
  return std::all_of(line.begin(), line.end(), [](char c) { return c == ' ' || c == '\t' || c == '\r'; });
}

}  // namespace bus
