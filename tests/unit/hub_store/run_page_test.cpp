#include "hub/store/run_page.h"

#include <unistd.h>

#include "tests/unit/hub_store/support.h"

using namespace bus;
using namespace bus::test;

namespace {

RunPage locked(const std::string& path) {
  auto page = RunPage::lock(path);
  if (!page) FAIL(page.error().what);
  return std::move(*page);
}

RunRecord some_run() {
  RunRecord run;
  run.epoch = 7;
  run.boot = kBoot;
  run.rev = 10;
  run.version = 20;
  run.stored_rev = 9;
  return run;
}

}  // namespace

TEST_CASE("A page tells the next one what its run has given") {
  TempDir dir;
  {
    RunPage page = locked(dir.file("v-run"));
    CHECK_FALSE(page.read().has_value());
    page.begin(some_run());
    page.give(11, 21);
    page.set_memory();
    page.set_stored(11);
    page.set_failed();
    page.set_committed(12);
    page.set_committed(11);
    page.announce(8);
  }
  auto run = locked(dir.file("v-run")).read();
  REQUIRE(run.has_value());
  RunRecord expected = some_run();
  expected.rev = expected.stored_rev = 11;
  expected.version = 21;
  expected.memory = expected.failed = true;
  expected.committed_rev = 12;
  expected.next_epoch = 8;
  CHECK(*run == expected);
}

TEST_CASE("The next run begins without the marks of the last one; a run that goes on keeps that it failed") {
  TempDir dir;
  RunPage page = locked(dir.file("v-run"));
  page.begin(some_run());
  page.set_failed();
  page.begin(some_run());
  CHECK(page.read()->failed);
  page.set_memory();
  page.set_committed(10);
  RunRecord next = some_run();
  next.epoch = 8;
  page.begin(next);
  next.committed_rev = 10;
  CHECK(*page.read() == next);
}

TEST_CASE(
    "A page has a whole record at any moment: a run that begins leaves the last one until its own is there") {
  TempDir dir;
  std::string path = dir.file("v-run");
  RunRecord next = some_run();
  next.epoch = 8;
  next.boot = kNextBoot;
  next.rev = next.stored_rev = 30;
  std::string before;
  std::string after;
  {
    RunPage page = locked(path);
    page.begin(some_run());
    before = contents(path);
    page.begin(next);
    after = contents(path);
  }
  // As a SIGKILL would leave it behind each word that was written, in the order of the writes: the other record, then which one counts.
  std::vector<size_t> changed;
  for (size_t at = 0; at < before.size(); at += 8) {
    if (before.compare(at, 8, after, at, 8) != 0) changed.push_back(at);
  }
  REQUIRE(changed.size() > 4);
  // The word that says which one counts is in front of both.
  std::rotate(changed.begin(), changed.begin() + 1, changed.end());
  std::string now = before;
  for (size_t at : changed) {
    write_file(dir.file("killed-run"), now);
    CHECK(locked(dir.file("killed-run")).read() == some_run());
    now.replace(at, 8, after, at, 8);
  }
  write_file(dir.file("killed-run"), now);
  CHECK(locked(dir.file("killed-run")).read() == next);
}

TEST_CASE("A page is known by its beginning") {
  TempDir dir;
  write_file(dir.file("other"), std::string(4096, 'x'));
  write_file(dir.file("empty"), "");
  locked(dir.file("v-run")).begin(some_run());
  CHECK(*is_run_page(dir.file("v-run")));
  CHECK_FALSE(*is_run_page(dir.file("other")));
  CHECK_FALSE(*is_run_page(dir.file("empty")));
  CHECK_FALSE(is_run_page(dir.file("none")));
}

TEST_CASE("A clean end is believed only while nothing else in the page has changed") {
  TempDir dir;
  RunPage page = locked(dir.file("v-run"));
  page.begin(some_run());
  CHECK_FALSE(page.read()->clean);
  REQUIRE(page.finish(true));
  CHECK(page.read()->clean);
  CHECK(page.read()->memory);
  page.give(12, 21);
  CHECK_FALSE(page.read()->clean);
}

TEST_CASE("A clean end is not believed of a page of which a loss of power has kept only a part") {
  TempDir dir;
  {
    RunPage page = locked(dir.file("v-run"));
    page.begin(some_run());
    REQUIRE(page.finish(true));
  }
  std::string whole = contents(dir.file("v-run"));
  size_t used = whole.find_last_not_of('\0') + 1;
  REQUIRE(used > 70);
  for (size_t at = 0; at < used; ++at) {
    INFO(at);
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    write_file(dir.file("changed-run"), changed);
    auto run = locked(dir.file("changed-run")).read();
    CHECK_FALSE((run && run->clean));
  }
}

TEST_CASE("A page is locked by one hub at a time, and is the user's alone") {
  TempDir dir;
  std::string path = dir.file("v-run");
  {
    RunPage page = locked(path);
    auto second = RunPage::lock(path);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Errc::busy);
    CHECK(second.error().what.find("another hub keeps its values there: pid " + std::to_string(::getpid())) ==
          0);
  }
  struct stat st {};
  REQUIRE(::stat(path.c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0600);
  CHECK(st.st_size == 4096);
  locked(path);
}

TEST_CASE("A file that holds something else is no record, nor is a short one") {
  TempDir dir;
  for (const std::string& text : {std::string(), std::string("busd"), std::string(5000, 'x')}) {
    write_file(dir.file("v-run"), text);
    CHECK_FALSE(locked(dir.file("v-run")).read().has_value());
  }
}

TEST_CASE("A symlink is not followed to a page") {
  TempDir dir;
  write_file(dir.file("elsewhere"), "text");
  REQUIRE(::symlink(dir.file("elsewhere").c_str(), dir.file("v-run").c_str()) == 0);
  auto page = RunPage::lock(dir.file("v-run"));
  REQUIRE_FALSE(page);
  CHECK(page.error().code == Errc::denied);
  CHECK(contents(dir.file("elsewhere")) == "text");
}

TEST_CASE("This boot has an id that does not change") {
  CHECK(this_boot() == this_boot());
  CHECK(this_boot() != BootId{});
}
