#include "tests/bench/server_process.h"

#include <poll.h>

#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/temp_dir.h"

using bus::Errc;
using bus::bench::ServerProcess;
using bus::test::kPatience;

TEST_CASE("A server that ends at once is reported with its last words") {
  bus::test::TempDir dir;
  auto server = ServerProcess::spawn("sh", {"-c", "echo first; echo cannot bind >&2; exit 3"}, dir.path());
  REQUIRE(server.has_value());
  auto up = server->await([] { return false; }, kPatience);
  REQUIRE_FALSE(up.has_value());
  CHECK(up.error().code == Errc::unavailable);
  CHECK(up.error().what.find("cannot bind") != std::string::npos);
}

TEST_CASE("A program that is not there is reported by name") {
  bus::test::TempDir dir;
  auto server = ServerProcess::spawn("no-such-server", {}, dir.path());
  REQUIRE(server.has_value());
  auto up = server->await([] { return false; }, kPatience);
  REQUIRE_FALSE(up.has_value());
  CHECK(up.error().what.find("cannot run no-such-server") != std::string::npos);
}

TEST_CASE("A server works in its directory, uses memory and cpu time, and is gone with its owner") {
  bus::test::TempDir dir;
  bus::Fd end;
  {
    auto server = ServerProcess::spawn("sh", {"-c", "while :; do :; done"}, dir.path());
    REQUIRE(server.has_value());
    // Memory is there once it runs; cpu time shows when the scheduler has looked at it.
    auto busy =
        server->await([&] { return server->memory_kib() > 0 && server->cpu_seconds() > 0; }, kPatience);
    REQUIRE(busy.has_value());
    CHECK(server->running());
    end = bus::test::watch_process(server->pid());
    ServerProcess moved = std::move(*server);
    CHECK(moved.running());
  }
  pollfd ended{end.get(), POLLIN, 0};
  CHECK(::poll(&ended, 1, 0) == 1);
}
