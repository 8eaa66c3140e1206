// The C functions of one-shot streams.
#include <memory>
#include <utility>

#include "busd/streams.h"
#include "consumer/src/bulk_stream.h"
#include "consumer/src/c_call.h"
#include "consumer/src/c_handles.h"
#include "consumer/src/text.h"

using bus::sdk::answer;
using bus::sdk::result_of;

struct busd_stream {
  bus::sdk::BulkStream impl;
};

extern "C" {

busd_result busd_stream_open(const busd_connection* connection, busd_stream** stream, busd_error* error) {
  if (connection == nullptr || stream == nullptr)
    return answer({BUSD_INVALID, "connection or stream is NULL"}, error);
  *stream = nullptr;
  return [=]() noexcept {
    auto opened = bus::sdk::BulkStream::open(connection->impl->directory());
    if (!opened) return answer(result_of(opened.error()), error);
    *stream = std::make_unique<busd_stream>(busd_stream{std::move(*opened)}).release();
    return BUSD_OK;
  }();
}

busd_text busd_stream_ticket(const busd_stream* stream) { return bus::sdk::text_of(stream->impl.ticket()); }

busd_result busd_stream_send(busd_stream* stream, int from, busd_error* error) {
  if (stream == nullptr) return answer({BUSD_INVALID, "stream is NULL"}, error);
  return [=]() noexcept {
    std::unique_ptr<busd_stream> owned(stream);
    auto sent = owned->impl.send(from);
    return sent ? BUSD_OK : answer(result_of(sent.error()), error);
  }();
}

void busd_stream_close(busd_stream* stream) { delete stream; }

busd_result busd_stream_receive(busd_text ticket, int* to, busd_error* error) {
  if (to == nullptr) return answer({BUSD_INVALID, "to is NULL"}, error);
  return [=]() noexcept {
    auto opened = bus::sdk::receive_stream(bus::sdk::view_of(ticket));
    if (!opened) return answer(result_of(opened.error()), error);
    *to = opened->release();
    return BUSD_OK;
  }();
}

}  // extern "C"
