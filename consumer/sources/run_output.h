// What one run of a source writes: its two pipes, cut into lines.
//
// Reads a bounded part a turn, so that a source that floods starves no other. Knows nothing of what lines mean.
#pragma once

#include <cstdint>
#include <string_view>

#include "consumer/sources/core/log_ring.h"
#include "protocol/base/fd.h"
#include "protocol/event/fd_watch.h"
#include "protocol/event/loop.h"
#include "protocol/event/timer.h"
#include "protocol/line_reader.h"

namespace bus::sources {

class RunOutput {
 public:
  class Owner {
   public:
    // A line without its LF; not `whole`: the pipe ended in it.
    virtual void on_line(Stream stream, uint64_t run, std::string_view line, bool whole) = 0;
    virtual void on_too_long(Stream stream, uint64_t run) = 0;
    // The lines of one read were handed out.
    virtual void on_lines_done() = 0;
    // Both pipes are closed. The object may be destroyed at the end of the turn.
    virtual void on_output_over(uint64_t run) = 0;

   protected:
    ~Owner() = default;
  };

  // What one turn reads of one pipe.
  static constexpr size_t kBytesPerTurn = 65'536;
  // A pipe that somebody else still holds is closed so long after the end of the program.
  static constexpr Duration kDrainTime = milliseconds(200);

  // `out` may be invalid.
  RunOutput(Loop& loop, Owner& owner, uint64_t run, Fd out, Fd err);
  RunOutput(const RunOutput&) = delete;
  RunOutput& operator=(const RunOutput&) = delete;

  uint64_t run() const { return run_; }
  // The standard output waits in the pipe until it may be read again.
  void pause(bool paused);
  // The program has ended: what is in the pipes is read, and then they are closed.
  void drain();
  bool is_over() const { return !out_.fd && !err_.fd; }

 private:
  struct Pipe final : FdWatch::Handler {
    Pipe(RunOutput& output, Stream which, Fd pipe);
    void on_readable() override { static_cast<void>(output.read(*this)); }
    void on_writable() override {}

    RunOutput& output;
    Stream stream;
    Fd fd;
    LineReader lines;
    FdWatch watch;
  };

  bool read(Pipe& pipe);
  void hand_out(Pipe& pipe, std::string_view chunk);
  void close(Pipe& pipe);
  void close_late();

  Loop& loop_;
  Owner& owner_;
  uint64_t run_;
  Pipe out_;
  Pipe err_;
  Timer drained_;
  bool paused_ = false;
};

}  // namespace bus::sources
