#include "protocol/base/last_word.h"

#include <new>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/catch.h"
#include "tests/support/pipe.h"

using namespace bus;
using bus::test::Pipe;

TEST_CASE("A program without memory says so on stderr and to whoever waits, and ends with code 71") {
  Pipe errors;
  Pipe reader;
  bool somebody_waits = GENERATE(true, false);
  bool json = GENERATE(true, false);
  pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::dup2(errors.write_end.get(), STDERR_FILENO);
    end_when_memory_is_out("prog");
    if (json) write_last_word_as_json();
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
  CHECK(errors.take_all() ==
        (json ? "{\"code\":\"failed\",\"exit\":71,\"message\":\"out of memory\",\"hint\":\"\"}\n"
              : "prog: out of memory\n"));
  CHECK(reader.take_all() == (somebody_waits ? "prog: out of memory\n" : ""));
}
