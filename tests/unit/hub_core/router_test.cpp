#include "hub/core/base/router.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/catch.h"

using namespace bus::hub;

namespace {

// Subscribers by name; leaves the router as it found it.
struct Table {
  struct Member {
    Subscriber subscriber;
    std::vector<std::string> entries;
  };
  Router router;
  std::vector<std::unique_ptr<Member>> members;

  size_t add(std::vector<std::string> entries) {
    members.push_back(std::make_unique<Member>(Member{{}, std::move(entries)}));
    router.subscribe(members.back()->subscriber, members.back()->entries);
    return members.size() - 1;
  }
  void remove(size_t i) {
    router.unsubscribe(members[i]->subscriber, members[i]->entries);
    members[i]->entries.clear();
  }
  std::vector<size_t> matching(std::string_view type) {
    const Router::List& found = router.route(type);
    CHECK(router.is_routed(type));
    CHECK(&router.route(type) == &found);
    std::vector<size_t> out;
    for (size_t i = 0; i < members.size(); ++i) {
      out.insert(out.end(),
                 static_cast<size_t>(std::count(found.begin(), found.end(), &members[i]->subscriber)), i);
    }
    return out;
  }
  ~Table() {
    for (size_t i = 0; i < members.size(); ++i) remove(i);
  }
};

using Matches = std::vector<size_t>;

}  // namespace

TEST_CASE("Router matches exact types byte for byte") {
  Table t;
  t.add({"build.done"});
  t.add({"build"});
  CHECK(t.matching("build.done") == Matches{0});
  CHECK(t.matching("build") == Matches{1});
  CHECK(t.matching("Build") == Matches{});
  CHECK(t.matching("build.done ") == Matches{});
}

TEST_CASE("Router matches a dotted prefix when the type is longer, and '*' always") {
  Table t;
  t.add({"build.*"});
  t.add({"build.linux.*"});
  t.add({"*"});
  CHECK(t.matching("build.done") == Matches{0, 2});
  CHECK(t.matching("build.linux.done") == Matches{0, 1, 2});
  CHECK(t.matching("build") == Matches{2});
  CHECK(t.matching("build.") == Matches{2});
  CHECK(t.matching("build..") == Matches{0, 2});
  CHECK(t.matching("builder.done") == Matches{2});
}

TEST_CASE("Router takes a star anywhere else for an ordinary character") {
  Table t;
  t.add({"a*"});
  t.add({"*.b"});
  t.add({"a.*.c"});
  CHECK(t.matching("ab") == Matches{});
  CHECK(t.matching("a*") == Matches{0});
  CHECK(t.matching("*.b") == Matches{1});
  CHECK(t.matching("a.b.c") == Matches{});
  CHECK(t.matching("a.*.c") == Matches{2});
}

TEST_CASE("Router finds a subscriber once, however many of its entries match or repeat") {
  Table t;
  t.add({"a.b", "a.*", "*", "a.b", "*"});
  CHECK(t.matching("a.b") == Matches{0});
}

TEST_CASE("Router forgets a subscriber wholly, and nobody else") {
  Table t;
  t.add({"a.b", "a.*", "*"});
  t.add({"a.b"});
  t.remove(0);
  CHECK(t.matching("a.b") == Matches{1});
  CHECK(t.matching("a.c") == Matches{});
}
