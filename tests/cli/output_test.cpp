// Output on a pipe: nothing is missing however slow the reader, and who shares the pipe notices nothing.
#include "consumer/cli/output.h"

#include <csignal>
#include <fcntl.h>
#include <string>
#include <thread>
#include <unistd.h>

#include "tests/support/catch.h"

using namespace bus::cli;

TEST_CASE("A full pipe is waited for, and stays blocking for those who share it") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  std::string got;
  std::thread reader([&got, from = ends[0]] {
    char chunk[4096];
    for (ssize_t n = 0; (n = read(from, chunk, sizeof chunk)) > 0;) got.append(chunk, static_cast<size_t>(n));
  });
  std::string expected;
  {
    Output output(ends[1]);
    for (int i = 0; i < 20'000; ++i) {
      std::string line = std::to_string(i) + std::string(static_cast<size_t>(i % 100), '.');
      expected += line + "\n";
      if (output.line(line) != Written::ok) break;
    }
    CHECK(output.flush() == Written::ok);
    CHECK((fcntl(ends[1], F_GETFL) & O_NONBLOCK) == 0);
  }
  close(ends[1]);
  reader.join();
  close(ends[0]);
  CHECK(got == expected);
}

TEST_CASE("An output whose reader is gone is closed") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  Output output(ends[1]);
  REQUIRE(output.line("lost") == Written::ok);
  close(ends[0]);
  auto before = signal(SIGPIPE, SIG_IGN);
  CHECK(output.flush() == Written::closed);
  signal(SIGPIPE, before);
  close(ends[1]);
}
