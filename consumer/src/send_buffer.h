// The lines that wait for a client's socket, written in place.
//
// A string would clear the room that it gives before it is written into, and look at its capacity once for
// each piece of a line; both are seen when events are small. Does not send: connection.h does.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace bus::sdk {

class SendBuffer {
 public:
  SendBuffer() = default;
  SendBuffer(SendBuffer&& other) noexcept
      : bytes_(std::move(other.bytes_)),
        capacity_(std::exchange(other.capacity_, 0)),
        begin_(std::exchange(other.begin_, 0)),
        end_(std::exchange(other.end_, 0)) {}

  // Room for `bytes` behind what waits, not cleared; good until the next call of anything here that changes
  // the buffer.
  char* room(size_t bytes) {
    if (capacity_ - end_ < bytes) grow(bytes);
    return bytes_.get() + end_;
  }
  // The first `bytes` of that room now hold lines that are to be sent.
  void add(size_t bytes) { end_ += bytes; }
  void append(std::string_view lines);

  std::string_view unsent() const { return {bytes_.get() + begin_, end_ - begin_}; }
  size_t size() const { return end_ - begin_; }
  // The socket has taken the first `bytes` of unsent().
  void sent(size_t bytes);
  // The lines of which the socket has not taken the end.
  std::string_view unsent_lines() const;
  void clear() { begin_ = end_ = 0; }

 private:
  void grow(size_t bytes);
  size_t line_begin() const;

  std::unique_ptr<char[]> bytes_;
  size_t capacity_ = 0;
  size_t begin_ = 0;  // sent up to here
  size_t end_ = 0;
};

}  // namespace bus::sdk
