#include "consumer/src/bulk_stream.h"

#include <fcntl.h>
#include <unistd.h>

#include "protocol/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace bus::sdk {
namespace {

Fd nothing() {
  Fd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  REQUIRE(fd);
  return fd;
}

TEST_CASE("A stream that nobody reads in time is gone, and so is its socket") {
  test::TempDir dir;
  auto stream = BulkStream::open(dir.path(), milliseconds(1));
  REQUIRE(stream);
  std::string ticket = stream->ticket();
  Fd from = nothing();
  auto sent = stream->send(from.get());
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == Errc::timed_out);
  { BulkStream ended = std::move(*stream); }
  auto received = receive_stream(ticket);
  REQUIRE_FALSE(received);
  CHECK(received.error().code == Errc::unavailable);
}

TEST_CASE("Who comes with a wrong token does not prolong the patience of a stream") {
  test::TempDir dir;
  auto stream = BulkStream::open(dir.path(), milliseconds(200));
  REQUIRE(stream);
  std::string wrong = stream->ticket();
  wrong.replace(wrong.find(R"("token":")") + 9, 1, "?");
  auto stranger = receive_stream(wrong);
  REQUIRE(stranger);
  Fd from = nothing();
  auto sent = stream->send(from.get());
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == Errc::timed_out);
}

}  // namespace
}  // namespace bus::sdk
