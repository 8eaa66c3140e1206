// The lines of our own stdin, in the loop of a trial: what somebody types, or what a pipe or a file holds.
#pragma once

#include <functional>
#include <string_view>

#include "consumer/cli/line_reader.h"
#include "protocol/event/fd_watch.h"
#include "protocol/event/loop.h"
#include "protocol/event/timer.h"

namespace bus::cli {

class TypedLines final : FdWatch::Handler {
 public:
  using OnLine = std::function<void(std::string_view line)>;  // without its LF
  using OnEnd = std::function<void()>;                        // never in the constructor

  TypedLines(Loop& loop, OnLine on_line, OnEnd on_end);
  TypedLines(const TypedLines&) = delete;
  TypedLines& operator=(const TypedLines&) = delete;

 private:
  void on_readable() override;
  void on_writable() override {}

  OnLine on_line_;
  OnEnd on_end_;
  LineReader lines_;
  FdWatch watch_;
  Timer again_;  // of a file, which cannot be watched and never lets a reader wait
};

}  // namespace bus::cli
