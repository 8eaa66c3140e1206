// A process of the test's own that plays a client which is to be stopped, to die, or to be somebody else:
// `body` runs in it and may tell lines to the test.
#pragma once

#include <csignal>
#include <fcntl.h>
#include <functional>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "protocol/base/fd.h"
#include "protocol/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/hub_fixture.h"

namespace bus::test {

class Forked {
 public:
  // Writes one line to the test, where read_line() waits for it.
  using Tell = std::function<void(const std::string&)>;

  // What stands open in the test stands open in the child too: it should be forked before the test connects,
  // or connect itself. A failed check of RawClient ends it with status 1.
  explicit Forked(const std::function<void(const Tell&)>& body) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) FAIL("pipe failed");
    report_.reset(ends[0]);
    Fd theirs(ends[1]);
    pid_ = ::fork();
    if (pid_ < 0) FAIL("fork failed");
    if (pid_ > 0) return;
    int status = 1;
    try {
      body([&](const std::string& line) { static_cast<void>(write_all(theirs.get(), line + "\n")); });
      status = 0;
    } catch (...) {  // Catch2's, of a failed check
    }
    ::_exit(status);
  }
  ~Forked() {
    if (!reaped_) kill();
  }
  Forked(const Forked&) = delete;
  Forked& operator=(const Forked&) = delete;

  pid_t pid() const { return pid_; }
  std::string read_line() const { return read_descriptor_line(report_.get()); }

  // SIGSTOP; returns once it is stopped.
  void pause() const {
    ::kill(pid_, SIGSTOP);
    wait_for_state(pid_, 'T');
  }
  void resume() const { ::kill(pid_, SIGCONT); }
  // SIGKILL; returns once it is gone, its connections with it.
  void kill() {
    ::kill(pid_, SIGKILL);
    reap();
  }
  // Its exit status, 0 when `body` came to its end.
  int reap() {
    int status = 0;
    reaped_ = true;
    if (::waitpid(pid_, &status, 0) != pid_) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  Fd report_;
  bool reaped_ = false;
};

// For a body that has done what it had to do, and waits for its end.
[[noreturn]] inline void wait_for_the_end() {
  for (;;) ::pause();
}

}  // namespace bus::test
