#include "consumer/cli/one_shot_job.h"

#include <unistd.h>

namespace bus::cli {

namespace {

constexpr size_t kReadTextBytes = 64 * 1024;

// So much of one command's output, then the others get their turn.
constexpr int kReadsPerTurn = 16;

}  // namespace

OneShotJob::OneShotJob(const ServeShared& shared, bool streams)
    : ServeJob(shared), streams_(streams), lines_(kMostResultBytes) {}

void OneShotJob::serve(const ServeRequest& request, Clock::time_point now) {
  end_input_when_written();
  begin(request, now);
}

bool OneShotJob::wants_output() const {
  return !streams_ || request() == 0 || (!paused_ && !held_ && sent_all_);
}

bool OneShotJob::is_drained() const {
  return ServeJob::is_drained() && (!streams_ || request() == 0 || sent_all_);
}

void OneShotJob::read_output(Clock::time_point now) {
  if (streams_) {
    read_lines(now);
  } else {
    read_text(now);
  }
}

void OneShotJob::read_text(Clock::time_point now) {
  char bytes[kReadTextBytes];
  for (int reads = 0; may_read() && reads < kReadsPerTurn; ++reads) {
    ssize_t n = read(child_.output(), bytes, sizeof bytes);
    // Of one whose request has ended it is read to be thrown away.
    if (n > 0 && request() != 0) text_.append(bytes, static_cast<size_t>(n));
    if (text_.size() > kMostResultBytes) {
      text_.clear();
      stop(reply_too_large("what the command printed"), now);
    }
    if (!note_read(n)) break;
  }
}

// One read, which takes up to 256 KiB, and the lines in it.
void OneShotJob::read_lines(Clock::time_point now) {
  send_lines(now);
  if (!may_read() || !wants_output()) return;
  switch (lines_.fill(child_.output())) {
    case LineReader::Read::data:
      note_read(1);
      break;
    case LineReader::Read::end:
      note_read(0);
      break;
    case LineReader::Read::again:
    case LineReader::Read::failed:
      note_read(-1);
      break;
  }
  if (has_ended() && !may_read()) lines_.end();
  send_lines(now);
}

void OneShotJob::send_lines(Clock::time_point now) {
  sent_all_ = false;
  while (request() == 0 || !paused_) {
    if (!held_) {
      auto line = lines_.next();
      sent_all_ = !line;
      if (!line) return;
      held_ = line->too_long ? reply_too_large("a line that the command printed") : reply_of_line(line->text);
    }
    ServeReply why;
    auto sent =
        request() == 0 ? ServeAnswers::Part::ended : shared_.answers.send_part(request(), *held_, why);
    if (sent == ServeAnswers::Part::later) return;
    held_.reset();
    if (sent == ServeAnswers::Part::refused) stop(why, now);
  }
}

void OneShotJob::conclude(int status) {
  if (request() == 0) return;
  if (status != 0) return answer(reply_of_end(status, tail_.last_line()));
  if (streams_) return answer({.result = "null", .code = {}, .message = {}, .data = {}});
  answer(reply_of_output(std::move(text_)));
}

}  // namespace bus::cli
