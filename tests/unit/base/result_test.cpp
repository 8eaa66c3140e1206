#include "protocol/base/result.h"

#include <cerrno>
#include <memory>

#include "tests/support/catch.h"

using namespace bus;

namespace {

Result<std::unique_ptr<int>> positive(int value) {
  if (value <= 0) return Error{Errc::invalid, "not positive"};
  return std::make_unique<int>(value);
}

Result<void> check(int value) {
  BUSD_TRY(positive(value).has_value() ? Result<void>() : Result<void>(Error{Errc::invalid, "refused"}));
  return {};
}

Result<int> sum(int a, int b) {
  BUSD_ASSIGN(std::unique_ptr<int> first, positive(a));
  BUSD_ASSIGN(auto second, positive(b));
  return *first + *second;
}

}  // namespace

TEST_CASE("A result holds a value or an error") {
  auto good = positive(3);
  REQUIRE(good);
  CHECK(**good == 3);
  auto bad = positive(0);
  REQUIRE_FALSE(bad.has_value());
  CHECK(bad.error().code == Errc::invalid);
  CHECK(bad.error().what == "not positive");
}

TEST_CASE("BUSD_TRY and BUSD_ASSIGN leave with the first error") {
  CHECK(check(1));
  CHECK(check(0).error().what == "refused");
  CHECK(*sum(1, 2) == 3);
  CHECK(sum(0, 2).error().what == "not positive");
  CHECK(sum(1, -2).error().code == Errc::invalid);
}

TEST_CASE("An errno becomes an error that callers branch on") {
  CHECK(errno_error("open", EACCES).code == Errc::denied);
  CHECK(errno_error("open", EPERM).code == Errc::denied);
  CHECK(errno_error("connect", ENOENT).code == Errc::unavailable);
  CHECK(errno_error("connect", ECONNREFUSED).code == Errc::unavailable);
  CHECK(errno_error("bind", EADDRINUSE).code == Errc::busy);
  CHECK(errno_error("open", ENAMETOOLONG).code == Errc::too_long);
  CHECK(errno_error("write", EPIPE).code == Errc::closed);
  CHECK(errno_error("read", EIO).code == Errc::io);
  CHECK(errno_error("open \"x\"", ENOENT).what == "open \"x\": No such file or directory");
}
