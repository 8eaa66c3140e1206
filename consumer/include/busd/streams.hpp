// busd/streams.hpp - one-shot streams, for C++20: what <busd/streams.h> is for C. <busd/consumer.hpp> includes it.
//
//   connection.serve("log.read", [&](busd::Request request) {
//     auto stream = busd::BulkStream::open(connection);
//     if (!stream) return (void)request.fail("no_stream", stream.error().message);
//     request.respond(stream->ticket());
//     connection.flush();
//     stream->send(file);
//   });
//
//   busd::Answer answer = connection->call("log.read");
//   auto file = busd::receive_stream(answer.result);  // a descriptor, which the caller closes
#ifndef BUSD_STREAMS_HPP
#define BUSD_STREAMS_HPP

#include <busd/connection.hpp>
#include <busd/expected.hpp>
#include <busd/streams.h>
#include <string_view>
#include <utility>

namespace busd {

// A stream of bytes for one reader, beside the hub. It can be moved, to another thread as well, and does not belong
// to its connection. One that is destroyed unsent is gone.
class BulkStream {
 public:
  [[nodiscard]] static Expected<BulkStream> open(const Connection& connection) {
    busd_stream* handle = nullptr;
    auto error = BUSD_INIT(busd_error);
    busd_result result = busd_stream_open(connection.handle(), &handle, &error);
    if (result != BUSD_OK) return detail::error(result, error);
    return BulkStream(handle);
  }
  BulkStream(BulkStream&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  BulkStream& operator=(BulkStream&& other) noexcept {
    if (this != &other) {
      busd_stream_close(handle_);
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~BulkStream() { busd_stream_close(handle_); }

  // For the result of a call; good until the stream is sent. Empty once it was.
  std::string_view ticket() const noexcept {
    return handle_ == nullptr ? std::string_view() : detail::view(busd_stream_ticket(handle_));
  }

  // Copies what the descriptor gives until its end of file, as busd_stream_send does. A stream is sent once.
  Expected<void> send(int from) {
    if (handle_ == nullptr) return Error{BUSD_INVALID, "the stream was sent already"};
    auto error = BUSD_INIT(busd_error);
    return detail::outcome(busd_stream_send(std::exchange(handle_, nullptr), from, &error), error);
  }

 private:
  explicit BulkStream(busd_stream* handle) noexcept : handle_(handle) {}

  busd_stream* handle_;
};

// Opens the stream of a ticket, such as the result of a call. Returns a descriptor to read from until its end of
// file, blocking and close-on-exec, which the caller closes.
[[nodiscard]] inline Expected<int> receive_stream(std::string_view ticket) {
  int to = -1;
  auto error = BUSD_INIT(busd_error);
  busd_result result = busd_stream_receive(detail::text(ticket), &to, &error);
  if (result != BUSD_OK) return detail::error(result, error);
  return to;
}

}  // namespace busd

#endif  // BUSD_STREAMS_HPP
