#include "consumer/cli/bus_source/typed_lines.h"

#include <csignal>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "protocol/base/clock.h"

namespace bus::cli {

namespace {

// Not files and devices such as /dev/null, of which epoll_ctl(2) wants to know nothing.
bool can_be_watched(int fd) {
  struct stat st {};
  return ::fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) && (!S_ISCHR(st.st_mode) || ::isatty(fd) == 1);
}

}  // namespace

TypedLines::TypedLines(Loop& loop, OnLine on_line, OnEnd on_end)
    : on_line_(std::move(on_line)),
      on_end_(std::move(on_end)),
      lines_(kMaxLineBytes),
      watch_(loop, STDIN_FILENO, *this),
      again_(loop, [this] { on_readable(); }) {
  // In the background a terminal is not ours to read: that is an error of read(2) then, and does not stop the trial.
  std::signal(SIGTTIN, SIG_IGN);
  if (!can_be_watched(STDIN_FILENO) || !watch_.set(FdWatch::Mode::reading, false)) again_.set(now());
}

void TypedLines::on_readable() {
  LineReader::Read read = lines_.fill(STDIN_FILENO);
  while (auto line = lines_.next()) on_line_(line->text);
  if (read == LineReader::Read::data || read == LineReader::Read::again) {
    if (watch_.mode() == FdWatch::Mode::off) again_.set(now());
    return;
  }
  static_cast<void>(watch_.set(FdWatch::Mode::off, false));
  on_end_();
}

}  // namespace bus::cli
