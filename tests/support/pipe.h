// A pipe of a test, to see what a program or a function writes to a descriptor.
#pragma once

#include <string>
#include <unistd.h>

#include "protocol/base/fd.h"
#include "tests/support/catch.h"

namespace bus::test {

struct Pipe {
  Pipe() {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
  // What one read() brings; waits when nothing is there.
  std::string take() const {
    char chunk[65536];
    ssize_t n = ::read(read_end.get(), chunk, sizeof chunk);
    return std::string(chunk, n > 0 ? static_cast<size_t>(n) : 0);
  }
  // Everything up to the end, which is when nobody else holds the writing side.
  std::string take_all() {
    write_end.reset();
    std::string all;
    for (std::string part = take(); !part.empty(); part = take()) all += part;
    return all;
  }

  Fd read_end;
  Fd write_end;
};

}  // namespace bus::test
