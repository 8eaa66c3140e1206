// The stderr of one command, on its way to ours: whole lines pass on, and the last one is remembered. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bus::cli {

class StderrTail {
 public:
  // A longer line passes on in pieces, and only its beginning is remembered.
  static constexpr size_t kMostLineBytes = 4096;

  // Appends to `out` what may be written: up to the last line end or carriage return.
  void take(std::string_view bytes, std::string& out);
  // The command says no more: the rest, with a line end.
  void finish(std::string& out);
  // Forgets the last line, so that it is not taken for one of the next request.
  void forget() { last_.clear(); }

  // The last line that is not blank, without space around it.
  const std::string& last_line() const { return last_; }

 private:
  void end_line();

  std::string line_;   // being read
  size_t passed_ = 0;  // of it, so much was passed on
  std::string last_;
};

}  // namespace bus::cli
