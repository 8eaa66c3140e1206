// The standard input of a program that reads frames: lines on their way into a pipe, of which nothing is lost and only a
// bounded amount waits.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "protocol/base/fd.h"
#include "protocol/event/fd_watch.h"
#include "protocol/event/loop.h"

namespace bus::sources {

class Inlet final : FdWatch::Handler {
 public:
  // A program that does not read makes no more than this wait, or one line.
  static constexpr size_t kMaxWaitingBytes = size_t{1} << 20U;

  Inlet(Loop& loop, Fd pipe);
  Inlet(const Inlet&) = delete;
  Inlet& operator=(const Inlet&) = delete;

  // One or more lines with their LFs. False: too much waits, or the program has closed its standard input.
  bool write(std::string_view lines);
  // The program still has its standard input.
  bool is_open() const { return static_cast<bool>(pipe_); }

 private:
  void on_readable() override { flush(); }
  void on_writable() override { flush(); }
  void flush();
  void close();

  Fd pipe_;
  FdWatch watch_;
  std::string waiting_;
  size_t written_ = 0;  // of it
};

}  // namespace bus::sources
