#include "consumer/cli/event_sink.h"

#include <cerrno>
#include <cstring>

namespace bus::cli {

Outcome outcome_of(Written written) {
  if (written != Written::failed) return {.written = written};
  return {.written = written, .fault = std::string("cannot write to stdout: ") + std::strerror(errno)};
}

Outcome LineSink::take(const busd::Event& event, int64_t received_ms) {
  return outcome_of(output_.line(text_.of(event, received_ms)));
}

Outcome BatchSink::take(const busd::Event& event, int64_t received_ms) {
  std::string_view text = text_.of(event, received_ms);
  Outcome outcome = batch_.has_room(text) ? Outcome() : put_in_order();
  batch_.add(text, Clock::now());
  return outcome;
}

Outcome BatchSink::put_in_order() {
  if (batch_.empty()) return {};
  return outcome_of(output_.line(batch_.take()));
}

Outcome BatchSink::process() {
  if (!batch_.due() || Clock::now() < *batch_.due()) return {};
  Outcome outcome = put_in_order();
  return outcome.written == Written::ok ? outcome_of(output_.flush()) : outcome;
}

Outcome BatchSink::finish() { return put_in_order(); }

Outcome FileSink::take(const busd::Event& event, int64_t received_ms) {
  std::string fault = files_.write(event.id().empty() ? event.type() : event.id(), event.seq(), received_ms,
                                   text_.of(event, received_ms));
  if (fault.empty()) return {};
  return {.written = Written::failed, .fault = fault};
}

}  // namespace bus::cli
