#include "hub/store/start.h"

#include "tests/unit/hub_store/support.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr uint64_t kOld = 7;
constexpr uint64_t kFresh = 8;

Meta meta_at(uint64_t rev) { return {kOld, 2, rev, 2'000'000'000, 3'000'000'000}; }

RunRecord run_at(uint64_t rev) {
  RunRecord run;
  run.epoch = kOld;
  run.boot = kBoot;
  run.rev = run.stored_rev = rev;
  run.version = 50;
  return run;
}

std::vector<Row> some_rows() { return {row("b", 5, 9), row("a", 4, 10), tombstone("c", 3, 8)}; }

}  // namespace

TEST_CASE("After a clean end without memory values all goes on, on another boot too") {
  for (const BootId& boot : {kBoot, kNextBoot, BootId{}}) {
    RunRecord run = run_at(12);
    run.clean = true;
    auto rows = some_rows();
    Start start = decide(run, meta_at(12), rows, boot, kFresh);
    CHECK_FALSE(start.is_new_epoch);
    CHECK(start.meta == meta_at(12));
    CHECK(start.rev == 12);
    CHECK(start.version == 50);
    CHECK(start.changed.empty());
    CHECK(texts(rows) == Texts{"a=1@4/10", "b=1@5/9", "c-@3/8"});
    CHECK(rows.front().key == "c");  // in the order of revs
  }
}

TEST_CASE("After a SIGKILL without memory changes all goes on from the rows") {
  for (uint64_t given : {9U, 10U}) {  // what is committed may not have been given yet
    auto rows = some_rows();
    Start start = decide(run_at(given), meta_at(0), rows, kBoot, kFresh);
    CHECK_FALSE(start.is_new_epoch);
    CHECK(start.meta == meta_at(0));
    CHECK(start.rev == 10);
    CHECK(start.changed.empty());
  }
}

TEST_CASE("After a SIGKILL a rev that was given and has no row is no loss, however much was given") {
  RunRecord run = run_at(5'000);
  run.stored_rev = run.committed_rev = 10;
  auto rows = some_rows();
  Start start = decide(run, meta_at(0), rows, kBoot, kFresh);
  CHECK(start.ending == Ending::in_order);
  CHECK_FALSE(start.is_new_epoch);
  CHECK(start.changed.empty());
  CHECK(texts(rows) == Texts{"a=1@4/10", "b=1@5/9", "c-@3/8"});
  CHECK(start.rev == 5'000);
  CHECK(start.meta.floor == 2);
}

TEST_CASE("After a SIGKILL rows that may have been given another rev get one above all") {
  RunRecord run = run_at(11);
  run.stored_rev = 8;
  auto rows = some_rows();
  Start start = decide(run, meta_at(11), rows, kBoot, kFresh);
  CHECK_FALSE(start.is_new_epoch);
  CHECK(texts(rows) == Texts{"a=1@4/13", "b=1@5/12", "c-@3/8"});
  CHECK(start.changed == std::vector<size_t>{1, 2});
  CHECK(start.rev == 13);
}

TEST_CASE("After a SIGKILL with memory changes the epoch is new, and numbers go on above what was given") {
  RunRecord run = run_at(20);
  run.memory = true;
  run.stored_rev = 8;
  auto rows = some_rows();
  Start start = decide(run, meta_at(0), rows, kBoot, kFresh);
  CHECK(start.is_new_epoch);
  CHECK(start.meta.epoch == kFresh);
  // The holder of version 50 may ask for 51, which nobody gets; a tombstone's next version is as good as a new key's.
  CHECK(start.meta.floor == 51);
  CHECK(texts(rows) == Texts{"a=1@4/22", "b=1@5/21", "c-@51/8"});
  CHECK(start.changed == std::vector<size_t>{0, 1, 2});
  CHECK(start.rev == 22);
  CHECK(start.version == 51);
}

TEST_CASE("After a clean end with memory values the epoch is new, and rows keep their revs") {
  for (const BootId& boot : {kBoot, kNextBoot}) {
    RunRecord run = run_at(12);
    run.clean = run.memory = true;
    std::vector<Row> rows{row("b", 5, 9), row("a", 4, 10)};
    Start start = decide(run, meta_at(12), rows, boot, kFresh);
    CHECK(start.is_new_epoch);
    CHECK(start.meta.epoch == kFresh);
    CHECK(start.meta.floor == 51);
    CHECK(start.rev == 12);
    CHECK(start.changed.empty());
    CHECK(texts(rows) == Texts{"a=1@4/10", "b=1@5/9"});
  }
}

TEST_CASE("Where changes may be lost, every number goes on above its ceiling") {
  struct Case {
    Ending ending;
    std::optional<RunRecord> run;
    BootId boot;
  };
  auto changed = [](uint64_t rev, auto change) {
    RunRecord run = run_at(rev);
    run.committed_rev = 10;
    change(run);
    return run;
  };
  auto same = [](RunRecord&) {};
  for (const Case& c : {
           Case{Ending::power, changed(10, same), kNextBoot},
           Case{Ending::power, changed(20, [](RunRecord& run) { run.memory = true; }), kNextBoot},
           // A log that a loss of power has torn is no sign of anything else.
           Case{Ending::power, changed(20, [](RunRecord& run) { run.committed_rev = 20; }), kNextBoot},
           Case{Ending::interrupted, changed(10, [](RunRecord& run) { run.boot = {}; }), BootId{}},
           Case{Ending::interrupted, changed(10, [](RunRecord& run) { run.boot = {}; }), kBoot},
           Case{Ending::interrupted,
                changed(10, [](RunRecord& run) { run.epoch = 6, run.next_epoch = kOld; }), kBoot},
           Case{Ending::failure, changed(10, [](RunRecord& run) { run.failed = true; }), kBoot},
           Case{Ending::failure, changed(10, [](RunRecord& run) { run.failed = run.clean = true; }), kBoot},
           Case{Ending::no_record, std::nullopt, kBoot},
           Case{Ending::other_record, changed(10, [](RunRecord& run) { run.epoch = 6; }), kBoot},
           Case{Ending::older, changed(11, [](RunRecord& run) { run.committed_rev = 11; }), kBoot},
           Case{Ending::older, changed(20, [](RunRecord& run) { run.committed_rev = 11, run.memory = true; }),
                kBoot},
           Case{Ending::older, changed(20, [](RunRecord& run) { run.committed_rev = 11, run.failed = true; }),
                kBoot},
           Case{Ending::older, changed(11, [](RunRecord& run) { run.clean = true; }), kBoot},
           Case{Ending::older, changed(11, [](RunRecord& run) { run.clean = true; }), kNextBoot},
           Case{Ending::newer, changed(9, [](RunRecord& run) { run.clean = true; }), kBoot},
       }) {
    INFO("ending " << static_cast<int>(c.ending) << ", boot " << int{c.boot[0]});
    auto rows = some_rows();
    Start start = decide(c.run, meta_at(0), rows, c.boot, kFresh);
    CHECK(start.ending == c.ending);
    CHECK(is_unexpected(start.ending) == (c.ending >= Ending::no_record));
    CHECK(start.is_new_epoch);
    CHECK(start.meta.epoch == kFresh);
    CHECK(start.meta.floor == 3'000'000'001);
    CHECK(texts(rows) ==
          Texts{"a=1@3000000001/2000000003", "b=1@3000000001/2000000002", "c-@3000000001/2000000001"});
    CHECK(start.changed.size() == 3);
    CHECK(start.rev == 2'000'000'003);
    CHECK(start.version == 3'000'000'001);
    CHECK(start.meta.rev_ceiling > start.rev + kCeilingBlock / 2);
    CHECK(start.meta.version_ceiling > start.version + kCeilingBlock / 2);
  }
}

TEST_CASE("A page that gave more than the ceiling says is believed") {
  std::vector<Row> rows;
  RunRecord run = run_at(9'000'000'000);
  run.version = 9'500'000'000;
  Start start = decide(run, meta_at(0), rows, kNextBoot, kFresh);
  CHECK(start.rev == 9'000'000'000);
  CHECK(start.version == 9'500'000'001);
}

TEST_CASE("Without a database the epoch is new, and what a page says was given is not given again") {
  std::vector<Row> rows;
  Start nothing = decide(std::nullopt, std::nullopt, rows, kBoot, kFresh);
  CHECK(nothing.ending == Ending::none);
  CHECK(nothing.is_new_epoch);
  CHECK(nothing.rev == 0);
  CHECK(nothing.version == 0);
  CHECK(nothing.meta.floor == 0);
  CHECK(nothing.meta.epoch == kFresh);
  CHECK(nothing.meta.rev_ceiling >= kCeilingBlock);
  Start page = decide(run_at(12), std::nullopt, rows, kBoot, kFresh);
  CHECK(page.ending == Ending::no_database);
  CHECK(page.is_new_epoch);
  CHECK(page.rev == 12);
  CHECK(page.meta.floor == 51);
  // A hub that was killed while it made the database.
  RunRecord making = run_at(12);
  making.boot = {};
  CHECK(decide(making, std::nullopt, rows, kBoot, kFresh).ending == Ending::interrupted);
  // What was committed may not have been given.
  RunRecord ahead = run_at(12);
  ahead.committed_rev = 15;
  CHECK(decide(ahead, std::nullopt, rows, kBoot, kFresh).rev == 15);
}

TEST_CASE("A ceiling rises by a block when half of it is used") {
  uint64_t half = kCeilingBlock / 2;
  CHECK(next_ceiling(0, kCeilingBlock) == kCeilingBlock);
  CHECK(next_ceiling(half, kCeilingBlock) == kCeilingBlock);
  CHECK(next_ceiling(half + 1, kCeilingBlock) == half + 1 + kCeilingBlock);
  CHECK(next_ceiling(0, 0) == kCeilingBlock);
}
