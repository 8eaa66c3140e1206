#include "consumer/cli/co_process.h"

#include <string>
#include <sys/wait.h>

namespace bus::cli {

namespace {

// A line of which so much has come is taken to have no end.
constexpr size_t kEndlessLineBytes = 16 * kMostResultBytes;

}  // namespace

CoProcess::CoProcess(const ServeShared& shared, RestartDelay& delay)
    : ServeJob(shared), lines_(kMostResultBytes), delay_(delay) {}

void CoProcess::leave(Clock::time_point now) {
  leaving_ = true;
  if (request() == 0) end_.begin_with_input(now);
}

void CoProcess::read_output(Clock::time_point now) {
  if (!may_read()) return;
  LineReader::Read read = lines_.fill(child_.output());
  note_read(read == LineReader::Read::data ? 1 : read == LineReader::Read::end ? 0 : -1);
  if (has_ended() && !may_read()) lines_.end();
  take_lines(now);
  if (lines_.discarded_bytes() > kEndlessLineBytes && request() != 0) {
    answer(reply_too_large("the line that the command printed"));
    end_.begin(now);
  }
  // Most often it is about to end, and then says how.
  if (read == LineReader::Read::end) end_.begin_with_input(now);
}

void CoProcess::take_lines(Clock::time_point now) {
  while (auto line = lines_.next()) {
    if (request() == 0) {
      if (!end_.begun()) ++unasked_;
      continue;
    }
    delay_.worked();
    answer(line->too_long ? reply_too_large("the line that the command printed")
                          : reply_of_output(std::string(line->text)));
    if (leaving_) end_.begin_with_input(now);
  }
}

void CoProcess::conclude(int status) {
  if (!stopped_ && !leaving_) delay_.ended(Clock::now());
  if (request() == 0) return;
  // Then it went on, until it got our signal.
  bool only_closed = WIFSIGNALED(status) && end_.signaled();
  answer(only_closed ? reply_error("failed", "the command closed its stdout before it answered")
                     : reply_of_early_end(status, tail_.last_line()));
}

}  // namespace bus::cli
