#include "consumer/src/send_buffer.h"

#include <algorithm>
#include <cstring>

namespace bus::sdk {

namespace {

// Of what has been sent, this much is left at the front before it is cut off, so that the rest is not moved
// for each send.
constexpr size_t kCompactBytes = 65'536;

constexpr size_t kFirstBytes = 512;

}  // namespace

void SendBuffer::append(std::string_view lines) {
  std::memcpy(room(lines.size()), lines.data(), lines.size());
  add(lines.size());
}

void SendBuffer::grow(size_t bytes) {
  size_t wanted = std::max({kFirstBytes, 2 * capacity_, end_ + bytes});
  auto larger = std::make_unique_for_overwrite<char[]>(wanted);
  if (end_ > 0) std::memcpy(larger.get(), bytes_.get(), end_);
  bytes_ = std::move(larger);
  capacity_ = wanted;
}

void SendBuffer::sent(size_t bytes) {
  begin_ += bytes;
  if (begin_ == end_) {
    clear();
  } else if (begin_ >= kCompactBytes) {
    size_t boundary = line_begin();
    std::memmove(bytes_.get(), bytes_.get() + boundary, end_ - boundary);
    begin_ -= boundary;
    end_ -= boundary;
  }
}

// The start of the first line that is not wholly sent.
size_t SendBuffer::line_begin() const {
  size_t line_end = std::string_view(bytes_.get(), begin_).rfind('\n');
  return line_end == std::string_view::npos ? 0 : line_end + 1;
}

// What the hub has of the first one, it discards (PROTOCOL.md 1).
std::string_view SendBuffer::unsent_lines() const {
  size_t boundary = line_begin();
  return {bytes_.get() + boundary, end_ - boundary};
}

}  // namespace bus::sdk
