// Memory that sockets refer to instead of copying it: what many consumers get is written once for all of
// them.
//
// By vmsplice(2) and splice(2): pages of ours go into a pipe, and from there into the socket's queue, by
// reference. THE RULE: a page that was sent to a socket is never written again, because the kernel tells
// nobody when its reader has taken it. So every shared buffer is new memory from mmap(2), and once something
// of it was sent it is unmapped, and not used again; the pages themselves are freed when the last reader has
// read them. What one reader can keep from us is bounded by its socket's send buffer, as with copies.
//
// Owns no sockets. Where the kernel refuses (it cannot splice to a Unix socket everywhere), shared_buffer()
// returns nullptr from then on.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "protocol/base/fd.h"

namespace bus::hub {

class SharedPages {
 public:
  // At least `bytes` bytes that no socket refers to; nullptr when there is no memory, or sharing does not
  // work here. Takes the one before back from the caller.
  std::shared_ptr<char> shared_buffer(size_t bytes) noexcept;

  // The caller no longer uses the shared buffer.
  void release() noexcept {
    if (sent_) buffer_.reset();
  }

  // Sends to the socket what it takes now of `pieces`, which are in the shared buffer; returns how many
  // bytes. If fewer than all, `error` is ENOTSUP when the rest has to be copied, because sharing does not
  // work; else what the socket says: EAGAIN when it is full, or why it takes nothing more.
  size_t send(int socket, const std::vector<std::string_view>& pieces, int& error) noexcept;

 private:
  bool open_pipe() noexcept;
  size_t move_to_socket(int socket, size_t piped, int& error) noexcept;
  void empty_pipe(size_t piped) noexcept;

  Fd pipe_out_;
  Fd pipe_in_;
  Fd nowhere_;                    // /dev/null, for what a socket did not take
  std::shared_ptr<char> buffer_;  // unmapped when nobody holds it
  size_t buffer_bytes_ = 0;
  bool sent_ = false;
  bool works_ = true;
};

}  // namespace bus::hub
