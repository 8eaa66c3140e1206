// The edge of the store, with real files and without a hub: the numbers that are given, what is told, and the end.
#include "hub/value_store.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sys/stat.h>
#include <thread>

#include "protocol/base/file.h"
#include "protocol/event/timer.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace bus;
using namespace bus::hub;
using bus::test::TempDir;

namespace {

ValueRow row(const std::string& key, uint64_t version, uint64_t rev, const std::string& value = "1") {
  ValueRow out;
  out.key = key;
  out.rev = rev;
  out.state.version = version;
  out.state.value = SharedText(value);
  out.state.is_stored = true;
  out.state.changed = boot_now();
  return out;
}

// A hub's keeper of values for one run.
class Keeper {
 public:
  explicit Keeper(const std::string& path, uint64_t fresh_epoch = 77, const std::string& fault = {})
      : log_(LogLevel::error) {
    auto loop = Loop::create();
    REQUIRE(loop);
    loop_ = std::move(*loop);
    store_ = std::make_unique<ValueStore>(*loop_, log_);
    kept_ = store_->open({true, path, fault}, {fresh_epoch, {1, 2}});
    store_->begin({[this](uint64_t number) { told("committed " + std::to_string(number)); },
                   [this](const Error&) { told("failed"); }, [this] { told("time"); }});
  }

  ValueStore* operator->() { return store_.get(); }
  const KeptValues& kept() const { return kept_; }
  const std::vector<std::string>& all_told() const { return told_; }

  void submit(uint64_t number, std::vector<ValueRow> rows, bool sync = false) {
    ValueKeeper::Batch batch;
    batch.number = number;
    batch.sync = sync;
    batch.rows = std::move(rows);
    batch.floor = kept_.counters.floor;
    store_->submit(std::move(batch));
  }
  // Gives its numbers once it is committed, as the room does.
  void put(uint64_t number, const ValueRow& row) {
    submit(number, {row});
    run_until("committed " + std::to_string(number));
    store_->give(row.rev, row.state.version);
    store_->set_stored(row.rev);
  }
  // All that was submitted until now.
  void commit_all() {
    ValueKeeper::Batch last;
    last.number = 1'000'000;
    last.forgotten = {"no.such.key"};
    last.floor = kept_.counters.floor;
    store_->submit(std::move(last));
    run_until("committed 1000000");
  }
  // When this is told, before anything else is.
  void on(const std::string& text, std::function<void()> act) { acts_[text] = std::move(act); }
  void run_until(const std::string& text) {
    wanted_ = text;
    bool is_late = false;
    Timer guard(*loop_, [&] {
      is_late = true;
      loop_->stop();
    });
    guard.set(now() + seconds(10));
    loop_->run();
    INFO("waiting for " << text);
    REQUIRE_FALSE(is_late);
  }

 private:
  void told(const std::string& text) {
    told_.push_back(text);
    if (auto act = acts_.find(text); act != acts_.end()) act->second();
    if (text == wanted_) loop_->stop();
  }

  Log log_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<ValueStore> store_;
  KeptValues kept_;
  std::vector<std::string> told_;
  std::map<std::string, std::function<void()>> acts_;
  std::string wanted_;
};

// Until the thread of the store has noted that the database has it: the fourth word of the page (hub/store/run_page.cpp).
void wait_for_committed_rev(const std::string& path, uint64_t rev) {
  for (TimePoint deadline = now() + seconds(10); now() < deadline; std::this_thread::yield()) {
    std::ifstream page(path + "-run", std::ios::binary);
    uint64_t words[4] = {};
    page.read(reinterpret_cast<char*>(words), sizeof words);
    if (words[3] >= rev) return;
  }
  FAIL("rev " << rev << " was not committed");
}

// What a SIGKILL would leave now of the store at `path`.
class Killed {
 public:
  explicit Killed(const std::string& path) {
    for (const char* ending : {"", "-wal", "-run"})
      std::filesystem::copy_file(path + ending, directory_.file("v") + ending);
  }
  std::string path() const { return directory_.file("v"); }

 private:
  TempDir directory_;
};

// Of this process.
size_t directory_watches() {
  size_t count = 0;
  for (const auto& fd : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(fd.path(), gone) == "anon_inode:inotify") ++count;
  }
  return count;
}

bool exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

}  // namespace

TEST_CASE("A store that is not there yet takes changes, and is made by the first one") {
  TempDir dir;
  std::string path = dir.file("deep/er/v");
  Keeper keeper(path);
  CHECK(keeper.kept().takes);
  CHECK(keeper.kept().path == path);
  CHECK(keeper.kept().fault.empty());
  CHECK(keeper.kept().epoch == "000000000000004d");
  CHECK(keeper.kept().rows.empty());
  CHECK_FALSE(exists(dir.file("deep")));
  keeper.put(1, row("a", 1, 1));
  CHECK(exists(path));
  struct stat st {};
  REQUIRE(::stat(dir.file("deep/er").c_str(), &st) == 0);
  CHECK((st.st_mode & 0777U) == 0700);
}

TEST_CASE(
    "The files of a store are watched from when there are some, and a store that loses one has failed") {
  TempDir dir;
  {
    Keeper keeper(dir.file("v"));
    CHECK(directory_watches() == 0);
    keeper.put(1, row("a", 1, 1));
    CHECK(directory_watches() == 1);
    keeper->finish();
    CHECK(directory_watches() == 0);
  }
  Keeper keeper(dir.file("v"));
  CHECK(directory_watches() == 1);
  REQUIRE(::unlink(dir.file("v").c_str()) == 0);
  keeper.run_until("failed");
}

TEST_CASE("After a clean end rows, numbers and the epoch are what they were") {
  TempDir dir;
  {
    Keeper keeper(dir.file("v"));
    keeper.put(1, row("a", 5, 1, "[1]"));
    keeper.put(2, row("b", 3, 2, "2"));
    keeper->finish();
  }
  Keeper next(dir.file("v"), 78);
  CHECK(next.kept().epoch == "000000000000004d");
  CHECK(next.kept().counters.rev == 2);
  CHECK(next.kept().counters.floor == 0);
  CHECK(next.kept().counters.forgotten_rev == 0);
  CHECK(next.kept().version == 5);
  REQUIRE(next.kept().rows.size() == 2);
  CHECK(next.kept().rows[0].key == "a");
  CHECK(*next.kept().rows[0].state.value == "[1]");
  CHECK(next.kept().rows[1].rev == 2);
}

TEST_CASE("A clean end with something in memory changes the epoch, and no number is given again") {
  TempDir dir;
  {
    Keeper keeper(dir.file("v"));
    keeper.put(1, row("a", 1, 1));
    keeper->set_memory();
    keeper->give(7, 9);
    keeper->finish();
  }
  Keeper next(dir.file("v"), 78);
  CHECK(next.kept().epoch == "000000000000004e");
  CHECK(next.kept().counters.rev == 7);
  CHECK(next.kept().counters.floor >= 9);
  CHECK(next.kept().version >= 9);
}

TEST_CASE("Versions of several keys: the highest one is given, whatever comes last") {
  TempDir dir;
  {
    Keeper keeper(dir.file("v"));
    keeper.put(1, row("a", 1, 1));
    keeper->set_memory();
    keeper->give(2, 50);
    keeper->give(3, 2);
    keeper->finish();
  }
  Keeper next(dir.file("v"), 78);
  CHECK(next.kept().counters.floor >= 50);
}

TEST_CASE("The end waits for what was submitted, and tells it") {
  TempDir dir;
  {
    Keeper keeper(dir.file("v"));
    for (uint64_t i = 1; i <= 50; ++i) keeper.submit(i, {row("k" + std::to_string(i), 1, i)}, i % 10 == 0);
    keeper->finish();
    REQUIRE(keeper.all_told().size() == 50);
    for (uint64_t i = 1; i <= 50; ++i) CHECK(keeper.all_told()[i - 1] == "committed " + std::to_string(i));
  }
  CHECK(Keeper(dir.file("v"), 78).kept().rows.size() == 50);
}

TEST_CASE("Completions are told in their order, each for itself") {
  TempDir dir;
  Keeper keeper(dir.file("v"));
  for (uint64_t i = 1; i <= 500; ++i) keeper.submit(i, {row("k" + std::to_string(i % 7), i, i)});
  keeper.run_until("committed 500");
  REQUIRE(keeper.all_told().size() == 500);
  for (uint64_t i = 1; i <= 500; ++i) CHECK(keeper.all_told()[i - 1] == "committed " + std::to_string(i));
}

TEST_CASE("Numbers go on for long while the ceiling is raised, and it is raised before it is reached") {
  TempDir dir;
  {
    Keeper keeper(dir.file("v"));
    keeper.put(1, row("a", 1, 1));
    CHECK(keeper->can_give());
    keeper->set_memory();
    // More than one block, in steps, with a commit behind each.
    uint64_t number = 1;
    for (uint64_t rev = 2; rev < 3 * store::kCeilingBlock; rev += store::kCeilingBlock / 4) {
      REQUIRE(keeper->can_give());
      keeper->give(rev, rev);
      ++number;
      keeper.put(number, row("a", rev + 1, rev + 1));
    }
    // A loss of power: the record of the run is gone.
    keeper->finish();
  }
  REQUIRE(::unlink(dir.file("v-run").c_str()) == 0);
  Keeper next(dir.file("v"), 78);
  CHECK(next.kept().epoch == "000000000000004e");
  CHECK(next.kept().counters.rev > 2 * store::kCeilingBlock);
  CHECK(next.kept().version > 2 * store::kCeilingBlock);
}

TEST_CASE("No number can be given near a ceiling that the disk has not raised") {
  TempDir dir;
  Keeper keeper(dir.file("v"));
  keeper.put(1, row("a", 1, 1));
  // In one step: the batch that raises it is only submitted.
  keeper->give(store::kCeilingBlock - 1, 1);
  CHECK_FALSE(keeper->can_give());
  keeper.submit(2, {row("a", 2, 2)});
  keeper.run_until("committed 2");
  CHECK(keeper->can_give());
}

TEST_CASE("A tombstone that is forgotten raises the floor, and what was forgotten is known in the next run") {
  TempDir dir;
  {
    Keeper keeper(dir.file("v"));
    ValueRow dead = row("old", 6, 1);
    dead.state.value = nullptr;
    keeper.put(1, dead);
    ValueRow dead_too = row("older", 2, 2);
    dead_too.state.value = nullptr;
    keeper.put(2, dead_too);
    ValueKeeper::Batch forget;
    forget.number = 3;
    forget.forgotten = {"old"};
    forget.floor = 6;
    forget.rev = 2;
    keeper->submit(std::move(forget));
    keeper.run_until("committed 3");
    keeper->finish();
  }
  {
    Keeper next(dir.file("v"), 78);
    CHECK(next.kept().counters.floor == 6);
    CHECK(next.kept().counters.forgotten_rev == 1);
    REQUIRE(next.kept().rows.size() == 1);
    CHECK(next.kept().epoch == "000000000000004d");
    ValueKeeper::Batch forget;
    forget.number = 1;
    forget.forgotten = {"older"};
    forget.floor = 6;
    forget.rev = 2;
    next->submit(std::move(forget));
    next.run_until("committed 1");
    next->finish();
  }
  Keeper last(dir.file("v"), 79);
  CHECK(last.kept().counters.rev == 2);
  CHECK(last.kept().counters.forgotten_rev == 2);
}

TEST_CASE("After a SIGKILL a rev that a key of the hub's own has taken is no loss") {
  TempDir dir;
  Keeper keeper(dir.file("v"));
  keeper.put(1, row("a", 1, 1));
  // At any moment: nothing is committed for that.
  keeper->give(2, 1);
  Killed killed(dir.file("v"));
  Keeper next(killed.path(), 78);
  CHECK(next.kept().epoch == "000000000000004d");
  CHECK(next.kept().counters.rev == 2);
  REQUIRE(next.kept().rows.size() == 1);
  CHECK(next.kept().rows.front().state.version == 1);
}

TEST_CASE("After a SIGKILL with something in memory the epoch is new, and what is stored keeps its version") {
  TempDir dir;
  Keeper keeper(dir.file("v"));
  keeper.put(1, row("a", 3, 1));
  keeper->give(50, 60);
  keeper->set_memory();
  keeper->set_stored(50);
  keeper.commit_all();
  Killed killed(dir.file("v"));
  Keeper next(killed.path(), 78);
  CHECK(next.kept().epoch == "000000000000004e");
  CHECK(next.kept().counters.rev == 50);
  CHECK(next.kept().counters.floor == 61);
  REQUIRE(next.kept().rows.size() == 1);
  CHECK(next.kept().rows.front().state.version == 3);
}

TEST_CASE("What is committed and not told yet is not among the rows whose revs are known to be right") {
  TempDir dir;
  std::string path = dir.file("v");
  Keeper keeper(path);
  keeper.put(1, row("old", 1, 1));
  keeper.submit(2, {row("a", 1, 2)});
  keeper.submit(3, {row("b", 1, 3)});
  wait_for_committed_rev(path, 3);
  // Both are at hand now, and are told one by one. Between the two, something in memory takes the rev that b was expected to get.
  keeper.on("committed 2", [&] {
    keeper->set_memory();
    keeper->give(3, 1);
    keeper->set_stored(3);
  });
  keeper.run_until("committed 2");
  Killed killed(path);
  Keeper next(killed.path(), 78);
  REQUIRE(next.kept().rows.size() == 3);
  for (const KeptValues::Row& each : next.kept().rows) {
    INFO(each.key);
    CHECK(each.rev != 3);
  }
}

TEST_CASE("A second hub on a store serves without it") {
  TempDir dir;
  Keeper first(dir.file("v"));
  first.put(1, row("a", 1, 1));
  Keeper second(dir.file("v"), 78);
  CHECK_FALSE(second.kept().takes);
  CHECK(second.kept().rows.empty());
  CHECK(second.kept().epoch == "000000000000004e");
  CHECK(second.kept().fault.find("another hub keeps its values there") != std::string::npos);
  second->set_memory();
  second->give(1, 1);
  CHECK(second->can_give());
}

TEST_CASE("A damaged store is set aside, and the fault says where it is; the hub goes on with a new one") {
  TempDir dir;
  {
    Keeper keeper(dir.file("v"));
    keeper.put(1, row("a", 1, 1));
    keeper->finish();
  }
  std::ofstream(dir.file("v"), std::ios::in | std::ios::out | std::ios::binary) << "no database at all";
  Keeper next(dir.file("v"), 78);
  CHECK(next.kept().takes);
  CHECK(next.kept().rows.empty());
  CHECK(next.kept().epoch == "000000000000004e");
  CHECK(next.kept().fault.find("v.corrupt-1") != std::string::npos);
  CHECK(exists(dir.file("v.corrupt-1")));
  next.put(1, row("b", 1, 1));
  CHECK(exists(dir.file("v")));
}

TEST_CASE("Without a place nothing is stored, and a fault of the place is the fault of the store") {
  Keeper memory("");
  CHECK_FALSE(memory.kept().takes);
  CHECK(memory.kept().fault.empty());
  CHECK(memory.kept().path.empty());
  CHECK(memory.kept().epoch == "000000000000004d");
  memory->set_memory();
  memory->give(1, 1);
  memory->set_stored(1);
  CHECK(memory->can_give());
  memory->finish();
  CHECK(Keeper("", 77, "no home").kept().fault == "no home");
}

TEST_CASE(
    "The store wakes the core at the time that it asks for, on the clock that goes on while the machine "
    "sleeps") {
  Keeper keeper("");
  TimePoint due = keeper->clock(now()) + milliseconds(10);
  keeper->wake_at(due);
  keeper.run_until("time");
  CHECK(keeper->clock(now()) >= due);
  CHECK(keeper.all_told() == std::vector<std::string>{"time"});
}
