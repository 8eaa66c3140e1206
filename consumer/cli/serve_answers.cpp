#include "consumer/cli/serve_answers.h"

#include <string_view>

namespace bus::cli {

namespace {

// What is around a result in its frame, and more.
constexpr size_t kAroundResultBytes = 256;

// No more than this is sent before the hub has said that it has read what was before.
constexpr size_t kMostUnconfirmedBytes = size_t{8} * 1024 * 1024;
constexpr size_t kAskEveryBytes = size_t{2} * 1024 * 1024;
constexpr size_t kAroundPartBytes = 128;

busd_text busd_text_of(std::string_view text) { return {text.data(), text.size()}; }

// The answer in place of a result that the library does not send.
ServeReply refusal_of(std::string_view result, const char* reason) {
  if (result.size() + kAroundResultBytes > kMostResultBytes)
    return reply_too_large("what the command printed");
  return reply_error("bad_result", std::string("what the command printed: ") + reason);
}

}  // namespace

void ServeAnswers::send(uint64_t request, const ServeReply& reply) {
  if (reply.failed()) return fail(request, reply);
  auto error = BUSD_INIT(busd_error);
  if (busd_request_respond(connection_, request, busd_text_of(reply.result), &error) == BUSD_INVALID)
    fail(request, refusal_of(reply.result, error.message));
}

void ServeAnswers::fail(uint64_t request, const ServeReply& reply) {
  ++failed_;
  busd_request_fail(connection_, request, busd_text_of(reply.code), busd_text_of(reply.message),
                    busd_text_of(reply.data), nullptr);
}

ServeAnswers::Part ServeAnswers::send_part(uint64_t request, const ServeReply& part, ServeReply& why) {
  if (part.failed()) {
    why = part;
    return Part::refused;
  }
  if (unconfirmed_bytes_ >= kMostUnconfirmedBytes) return Part::later;
  auto error = BUSD_INIT(busd_error);
  switch (busd_request_chunk(connection_, request, busd_text_of(part.result), 0, &error)) {
    case BUSD_OK:
      note_sent(part.result.size() + kAroundPartBytes);
      return Part::sent;
    case BUSD_TIMED_OUT:
      return Part::later;
    case BUSD_INVALID:
      why = refusal_of(part.result, error.message);
      return Part::refused;
    default:
      return Part::ended;
  }
}

void ServeAnswers::note_sent(size_t bytes) {
  unconfirmed_bytes_ += bytes;
  if (question_ != 0 || unconfirmed_bytes_ < kAskEveryBytes) return;
  auto options = BUSD_INIT(busd_call_options);
  options.timeout_ms = BUSD_FOREVER;
  busd_connection_call_start(connection_, busd_text_of("bus.sync"), {}, &options, &question_, nullptr);
  asked_bytes_ = unconfirmed_bytes_;
}

void ServeAnswers::on_call_end(uint64_t call) {
  if (call != question_) return;
  question_ = 0;
  unconfirmed_bytes_ -= asked_bytes_;
  note_sent(0);
}

}  // namespace bus::cli
