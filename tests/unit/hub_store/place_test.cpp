// The files of a store that is open are removed, moved away or replaced: nothing is said to be stored that the next hub would not find.
#include <functional>
#include <unistd.h>

#include "tests/unit/hub_store/support.h"
#include "tests/unit/hub_store/system_calls.h"

using namespace bus;
using namespace bus::test;

namespace {

void remove(const std::string& path) { REQUIRE(::unlink(path.c_str()) == 0); }
void move_away(const std::string& path) { REQUIRE(::rename(path.c_str(), (path + ".away").c_str()) == 0); }
void replace(const std::string& path) {
  write_file(path + ".copy", contents(path));
  REQUIRE(::rename((path + ".copy").c_str(), path.c_str()) == 0);
}

struct Harm {
  const char* name;
  void (*does)(const std::string& path);
  const char* is_told_as;
};
constexpr Harm kHarms[] = {{"removed", remove, "was removed or moved away"},
                           {"moved", move_away, "was removed or moved away"},
                           {"replaced", replace, "was replaced"}};

void for_each_harm(const std::function<void(const Harm&, const std::string& ending)>& test) {
  for (const Harm& harm : kHarms) {
    for (const char* ending : {"", "-wal", "-run"}) {
      INFO(ending << " is " << harm.name);
      test(harm, ending);
    }
  }
}

}  // namespace

TEST_CASE("A commit into files that are no longer in their place is a failure, for good") {
  // Of a database that was made by this run, and of one that was there.
  for (bool was_there : {false, true}) {
    INFO("was there: " << was_there);
    for_each_harm([&](const Harm& harm, const std::string& ending) {
      TempDir dir;
      if (was_there) REQUIRE(OpenDatabase(dir.file("v"))->apply(one(batch(1, {row("a", 1, 1)}))));
      OpenDatabase database(dir.file("v"), kBoot, 78);
      REQUIRE(database->apply(one(batch(1, {row("a", 2, 2)}))));
      harm.does(dir.file("v") + ending);
      auto done = database->apply(one(batch(2, {row("a", 3, 3)})));
      REQUIRE_FALSE(done);
      CHECK(done.error().what.find(dir.file("v") + ending + "\" was") != std::string::npos);
      CHECK(done.error().what.find(harm.is_told_as) != std::string::npos);
      CHECK(done.error().what.find("restart") != std::string::npos);
      REQUIRE(database->failed().has_value());
      CHECK(database->page()->read()->failed);
      CHECK_FALSE(database->apply(one(batch(3, {row("a", 4, 4)}))));
    });
  }
}

TEST_CASE("Files that were put back before anybody looked have not failed") {
  TempDir dir;
  OpenDatabase database(dir.file("v"));
  REQUIRE(database->look());
  REQUIRE(database->apply(one(batch(1, {row("a", 1, 1)}))));
  REQUIRE(database->look());
  REQUIRE(::rename(dir.file("v").c_str(), dir.file("w").c_str()) == 0);
  REQUIRE(::rename(dir.file("w").c_str(), dir.file("v").c_str()) == 0);
  REQUIRE(database->look());
  REQUIRE(database->apply(one(batch(2, {row("a", 2, 2)}))));
}

TEST_CASE("Moving a directory above the files moves them away") {
  TempDir dir;
  OpenDatabase database(dir.file("state/busd/v"));
  REQUIRE(database->apply(one(batch(1, {row("a", 1, 1)}))));
  REQUIRE(::rename(dir.file("state").c_str(), dir.file("old").c_str()) == 0);
  CHECK_FALSE(database->look());
  CHECK(database->failed().has_value());
  // What was committed is there, in the directory that was moved.
  database.database.reset();
  CHECK(OpenDatabase(dir.file("old/busd/v")).found.rows.size() == 1);
}

TEST_CASE("Files that cannot be looked at are not taken for being in their place") {
  TempDir dir;
  OpenDatabase database(dir.file("v"));
  REQUIRE(database->apply(one(batch(1, {row("a", 1, 1)}))));
  SystemCalls calls([](SystemCall call, const std::string&) { return call == SystemCall::lstat ? EIO : 0; });
  auto looked = database->look();
  REQUIRE_FALSE(looked);
  CHECK(looked.error().what.find("Input/output error") != std::string::npos);
}

TEST_CASE(
    "An end into files that are not in their place is not clean, and touches nothing that is there now") {
  for_each_harm([](const Harm& harm, const std::string& ending) {
    TempDir dir;
    OpenDatabase database(dir.file("v"));
    REQUIRE(database->apply(one(batch(1, {row("a", 1, 1)}))));
    database.give(1, 1);
    harm.does(dir.file("v") + ending);
    std::string before = contents(dir.file("v") + ending);
    CHECK_FALSE(database->finish(database.record(1, 1), false));
    database.database.reset();
    CHECK(contents(dir.file("v") + ending) == before);
  });
}

TEST_CASE("The thread looks when it is asked to, and tells what it sees without a batch") {
  for_each_harm([](const Harm& harm, const std::string& ending) {
    TempDir dir;
    OpenDatabase opened(dir.file("v"));
    auto store = begin_store(opened);
    store->look();  // there is nothing yet
    store->submit(batch(1, {row("a", 1, 1)}));
    CHECK_FALSE(take_completions(*store, 1).failed.has_value());
    harm.does(dir.file("v") + ending);
    store->look();
    Report report = take_until(*store, [](const Report& all) { return all.failed.has_value(); });
    CHECK(report.failed->what.find(harm.is_told_as) != std::string::npos);
    store->submit(batch(2, {row("a", 2, 2)}));
    CHECK_FALSE(take_completions(*store, 1).completions.front().committed);
    end_store(*store);
  });
}

TEST_CASE("The thread looks every few seconds without being asked", "[long]") {
  TempDir dir;
  OpenDatabase opened(dir.file("v"));
  auto store = begin_store(opened);
  store->submit(batch(1, {row("a", 1, 1)}));
  take_completions(*store, 1);
  remove(dir.file("v"));
  Report report = take_until(*store, [](const Report& all) { return all.failed.has_value(); });
  CHECK(report.completions.empty());
}
