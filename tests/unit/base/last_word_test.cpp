#include "protocol/base/last_word.h"

#include <new>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/base/fd.h"
#include "tests/support/catch.h"

using namespace bus;

namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
  std::string take_all() {
    write_end.reset();
    std::string text;
    char chunk[512];
    for (ssize_t n = 0; (n = ::read(read_end.get(), chunk, sizeof chunk)) > 0;)
      text.append(chunk, static_cast<size_t>(n));
    return text;
  }
  Fd read_end;
  Fd write_end;
};

}  // namespace

TEST_CASE("A program without memory says so on stderr and to whoever waits, and ends with code 71") {
  Pipe errors;
  Pipe reader;
  bool somebody_waits = GENERATE(true, false);
  pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::dup2(errors.write_end.get(), STDERR_FILENO);
    end_when_memory_is_out("prog");
    tell_last_word_to(reader.write_end.get());
    if (!somebody_waits) tell_last_word_to(-1);
    // As `new` does when it finds none.
    std::get_new_handler()();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == kExitNoMemory);
  CHECK(errors.take_all() == "prog: out of memory\n");
  CHECK(reader.take_all() == (somebody_waits ? "prog: out of memory\n" : ""));
}
