#include "consumer/sources/run_output.h"

#include <cerrno>
#include <unistd.h>
#include <utility>

namespace bus::sources {

namespace {

// The most that a pipe holds by default (pipe(7), pipe-max-size), and a line that was begun.
constexpr size_t kMaxLeftBytes = size_t{2} << 20U;

}  // namespace

RunOutput::Pipe::Pipe(RunOutput& its_output, Stream which, Fd pipe)
    : output(its_output), stream(which), fd(std::move(pipe)), watch(its_output.loop_, fd.get(), *this) {}

RunOutput::RunOutput(Loop& loop, Owner& owner, uint64_t run, Fd out, Fd err)
    : loop_(loop),
      owner_(owner),
      run_(run),
      out_(*this, Stream::out, std::move(out)),
      err_(*this, Stream::err, std::move(err)),
      drained_(loop, [this] { close_late(); }) {
  for (Pipe* pipe : {&out_, &err_}) {
    if (pipe->fd && !pipe->watch.set(FdWatch::Mode::reading, false)) pipe->fd.reset();
  }
}

void RunOutput::pause(bool paused) {
  if (!out_.fd || paused_ == paused) return;
  paused_ = paused;
  if (out_.watch.set(paused ? FdWatch::Mode::off : FdWatch::Mode::reading, false)) return;
  // It cannot be watched again: what is in it is read, in a turn of its own.
  paused_ = false;
  drained_.set(now());
}

void RunOutput::drain() {
  if (!is_over()) drained_.set(now() + kDrainTime);
}

// What is in the pipes is read, and then nothing is waited for any more.
void RunOutput::close_late() {
  if (paused_) return drained_.set(now() + kDrainTime);
  for (Pipe* pipe : {&out_, &err_}) {
    for (size_t left = kMaxLeftBytes; pipe->fd && left > 0; left -= kBytesPerTurn) {
      if (!read(*pipe)) break;
    }
    if (pipe->fd) close(*pipe);
  }
}

// Whether there was something.
bool RunOutput::read(Pipe& pipe) {
  char chunk[kBytesPerTurn];
  ssize_t n = ::read(pipe.fd.get(), chunk, sizeof chunk);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (n <= 0) {
    close(pipe);
    return false;
  }
  hand_out(pipe, {chunk, static_cast<size_t>(n)});
  owner_.on_lines_done();
  return true;
}

void RunOutput::hand_out(Pipe& pipe, std::string_view chunk) {
  pipe.lines.feed(chunk);
  std::string_view line;
  for (;;) {
    switch (pipe.lines.next(line)) {
      case LineReader::Next::line:
        owner_.on_line(pipe.stream, run_, line, true);
        break;
      case LineReader::Next::too_long:
        owner_.on_too_long(pipe.stream, run_);
        break;
      case LineReader::Next::none:
        return;
    }
  }
}

void RunOutput::close(Pipe& pipe) {
  static_cast<void>(pipe.watch.set(FdWatch::Mode::off, false));
  pipe.fd.reset();
  if (!pipe.lines.partial().empty()) {
    owner_.on_line(pipe.stream, run_, pipe.lines.partial(), false);
    owner_.on_lines_done();
  }
  if (!is_over()) return;
  drained_.clear();
  owner_.on_output_over(run_);
}

}  // namespace bus::sources
