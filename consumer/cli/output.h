// stdout: whole lines, written as soon as nothing more is at hand, never blocking a signal out.
//
// The descriptor is not made non-blocking: it may be shared with the shell and others. A pipe is opened anew
// for ourselves, non-blocking, by its name in /proc, and takes large writes then. What cannot be opened so (a
// terminal, a socket, another user's pipe) is written to only after poll says that there is room, PIPE_BUF
// bytes at a time, which then does not block (pipe(7)).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bus::cli {

enum class Written {
  ok,
  closed,       // the reader has gone: EPIPE
  interrupted,  // a signal arrived while the reader took nothing; the rest is discarded
  failed,       // errno says why
};

class Output {
 public:
  explicit Output(int fd);
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output();

  // Appends `line` and a line end; written when much has gathered, or by flush.
  Written line(std::string_view line);
  // Appends `text` as it is.
  Written text(std::string_view text);
  Written flush();

 private:
  Written wait_for_room() const;

  int fd_;
  int own_fd_;      // of the pipe, opened anew; -1: none
  bool may_block_;  // ask before each write
  std::string waiting_;
};

// Best effort, to stderr: people who do not read lose the text.
void write_to_people(std::string_view text);

}  // namespace bus::cli
