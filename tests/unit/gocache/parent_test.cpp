#include "consumer/gocache/core/parent.h"

#include "tests/support/catch.h"

using namespace bus::gocache;

TEST_CASE("What only builds and tests keeps the paths that it is given") {
  for (const char* verb : {"build", "install", "run", "test", "vet", "clean", "get", "generate", "tool"}) {
    CHECK_FALSE(paths_may_escape({"go", verb, "./..."}));
    CHECK_FALSE(paths_may_escape({"/usr/lib/go-1.24/bin/go", verb}));
    CHECK_FALSE(paths_may_escape({"go", "-C", "/src", verb}));
    CHECK_FALSE(paths_may_escape({"go", "-C=/src", verb}));
  }
}

TEST_CASE("go list, and whatever is not known, may hand paths on") {
  CHECK(paths_may_escape({"go", "list", "-export"}));
  CHECK(paths_may_escape({"go", "-C", "build", "list"}));
  CHECK(paths_may_escape({"go", "new-command"}));
  CHECK(paths_may_escape({"go"}));
  CHECK(paths_may_escape({"go", "-C"}));
  CHECK(paths_may_escape({"go", "-C", "build"}));
  CHECK(paths_may_escape({"gopls", "build"}));
  CHECK(paths_may_escape({"golangci-lint", "run"}));
  CHECK(paths_may_escape({"/usr/bin/go/", "build"}));
  CHECK(paths_may_escape({""}));
  CHECK(paths_may_escape({}));
}

TEST_CASE("A parent's short name is what people call it") {
  CHECK(short_name({"/usr/bin/go", "build", "./..."}) == "go build");
  CHECK(short_name({"go", "-C", "/src", "test", "-race"}) == "go test");
  CHECK(short_name({"go"}) == "go");
  CHECK(short_name({"/opt/gopls", "serve"}) == "gopls");
  CHECK(short_name({}).empty());
  CHECK(short_name({"/opt/" + std::string(40, 'n')}) == std::string(40, 'n'));
  CHECK(short_name({"/opt/" + std::string(41, 'n')}) == std::string(40, 'n'));
  CHECK(short_name({"go", std::string(100, 'v')}).size() == 40);
}
