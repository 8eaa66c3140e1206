#include "hub/store/store.h"

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <mutex>

#include "tests/unit/hub_store/support.h"
#include "tests/unit/hub_store/test_vfs.h"

using namespace bus;
using namespace bus::test;

namespace {

// A disk whose calls wait: for all to be let through, or a number of them.
class Gate {
 public:
  static constexpr size_t kAll = 1'000'000'000;

  int pass() {
    std::unique_lock lock(mutex_);
    ++arrived_count_;
    arrived_.notify_all();
    opened_.wait(lock, [this] { return allowed_ > 0; });
    --allowed_;
    ++passed_;
    return SQLITE_OK;
  }
  void allow(size_t calls) {
    std::lock_guard lock(mutex_);
    allowed_ = calls;
    arrived_count_ = passed_ = 0;
    opened_.notify_all();
  }
  void wait_for_a_call() {
    std::unique_lock lock(mutex_);
    REQUIRE(arrived_.wait_for(lock, seconds(10), [this] { return arrived_count_ > 0; }));
  }
  size_t passed() {
    std::lock_guard lock(mutex_);
    return passed_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  std::condition_variable arrived_;
  size_t allowed_ = kAll;
  size_t arrived_count_ = 0;
  size_t passed_ = 0;
};

// Whether a thread of this process, but not this one, has the signal blocked.
bool another_thread_blocks(int signal) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (task.path().filename() == std::to_string(::gettid())) continue;
    std::string status = contents(task.path().string() + "/status");
    size_t at = status.find("SigBlk:\t");
    REQUIRE(at != std::string::npos);
    if ((std::strtoull(status.c_str() + at + 8, nullptr, 16) >> (signal - 1) & 1) != 0) return true;
  }
  return false;
}

bool is_readable(int fd) {
  pollfd look{fd, POLLIN, 0};
  return ::poll(&look, 1, 0) == 1;
}

}  // namespace

TEST_CASE("Batches are answered in their order, and are there in the next run") {
  TempDir dir;
  {
    OpenDatabase opened(dir.file("v"));
    auto store = begin_store(opened);
    for (uint64_t i = 1; i <= 100; ++i)
      store->submit(batch(i, {row("k" + std::to_string(i % 10), i, i)}, i % 7 == 0));
    Report report = take_completions(*store, 100);
    for (uint64_t i = 0; i < 100; ++i) {
      CHECK(report.completions[i].batch == i + 1);
      CHECK(report.completions[i].committed);
    }
    CHECK_FALSE(report.failed.has_value());
    // The last wake-up may have come behind what it was for.
    CHECK(store->take().completions.empty());
    CHECK_FALSE(is_readable(store->fd()));
    store->page().give(100, 100);
    store->page().set_stored(100);
    end_store(*store);
  }
  OpenDatabase next(dir.file("v"), kNextBoot, 78);
  CHECK_FALSE(next.found.start.is_new_epoch);
  CHECK(next.found.rows.size() == 10);
  CHECK(next.found.start.rev == 100);
  CHECK(next.found.start.version == 100);
}

TEST_CASE("What is given before there is a database is in the page once there is one") {
  TempDir dir;
  {
    OpenDatabase opened(dir.file("v"));
    auto store = begin_store(opened);
    store->page().set_memory();
    store->page().give(40, 30);
    store->submit(batch(1, {row("a", 31, 41)}));
    take_completions(*store, 1);
    store->page().give(41, 31);
    store->page().set_stored(41);
    store->page().give(42, 99);
  }  // as after a SIGKILL: without a clean end
  OpenDatabase next(dir.file("v"), kBoot, 78);
  CHECK(next.found.start.is_new_epoch);
  CHECK(next.found.start.rev == 42);
  CHECK(next.found.start.meta.floor == 100);
  CHECK(texts(next.found.rows) == Texts{"a=1@31/41"});
}

TEST_CASE(
    "A store that was ended without close(), or before all was taken, has no clean end; nothing of it is "
    "lost") {
  for (bool closes : {false, true}) {
    TempDir dir;
    {
      OpenDatabase opened(dir.file("v"));
      auto store = begin_store(opened);
      store->submit(batch(1, {row("a", 1, 1)}));
      take_completions(*store, 1);
      store->page().give(1, 1);
      store->submit(batch(2, {row("b", 1, 2)}));
      if (closes) end_store(*store);
    }
    auto run = RunPage::lock(dir.file("v-run"));
    REQUIRE(run);
    CHECK_FALSE(run->read()->clean);
  }
  TempDir dir;
  {
    OpenDatabase opened(dir.file("v"));
    auto store = begin_store(opened);
    store->submit(batch(1, {row("a", 1, 1)}));
    take_completions(*store, 1);
    store->page().give(1, 1);
    store->submit(batch(2, {row("b", 1, 2)}));
  }
  OpenDatabase next(dir.file("v"), kBoot, 78);
  CHECK_FALSE(next.found.start.is_new_epoch);
  CHECK(next.found.rows.size() == 2);
}

TEST_CASE("The thread moves a log that is long to the file") {
  TempDir dir;
  OpenDatabase opened(dir.file("v"), kBoot, 77, nullptr, 20);
  auto store = begin_store(opened);
  for (uint64_t i = 1; i <= 50; ++i) {
    store->submit(batch(i, {row("a", i, i, std::string(20'000, 'v'))}));
    take_completions(*store, 1);
  }
  struct stat st {};
  REQUIRE(::stat(dir.file("v-wal").c_str(), &st) == 0);
  CHECK(st.st_size < 60 * 4200);
  end_store(*store);
}

TEST_CASE("Signals are left to the thread that has the loop") {
  TempDir dir;
  OpenDatabase opened(dir.file("v"));
  auto store = begin_store(opened);
  for (int signal : {SIGTERM, SIGHUP, SIGCHLD}) {
    CHECK(another_thread_blocks(signal));
    sigset_t ours;
    REQUIRE(::pthread_sigmask(SIG_SETMASK, nullptr, &ours) == 0);
    CHECK(sigismember(&ours, signal) == 0);
  }
}

TEST_CASE("A store without a batch ends, and leaves nothing") {
  TempDir dir;
  OpenDatabase opened(dir.file("v"));
  auto store = begin_store(opened);
  end_store(*store, true);
  CHECK(store->take().ended);
  CHECK_FALSE(exists(dir.file("v")));
  CHECK_FALSE(exists(dir.file("v-run")));
}

TEST_CASE("While the disk hangs the loop waits for nothing, and what waits is committed together") {
  TempDir dir;
  Gate gate;
  std::atomic<int> syncs{0};
  TestVfs vfs([&](TestVfs::Call call) {
    if (call == TestVfs::Call::sync) ++syncs;
    return gate.pass();
  });
  OpenDatabase opened(dir.file("v"), kBoot, 77, vfs.name());
  auto store = begin_store(opened);
  store->submit(batch(1, {row("a", 1, 1)}));
  take_completions(*store, 1);

  syncs = 0;
  gate.allow(0);
  store->submit(batch(2, {row("a", 2, 2)}));
  gate.wait_for_a_call();
  for (uint64_t i = 3; i <= 50; ++i) store->submit(batch(i, {row("a", i, i)}, true));
  CHECK(store->take().completions.empty());
  store->close(false);
  CHECK_FALSE(store->take().ended);
  gate.allow(Gate::kAll);
  Report report = take_until(*store, [](const Report& all) { return all.ended; });
  CHECK(report.completions.size() == 49);
  CHECK(syncs == 1);  // for 48 batches
}

TEST_CASE("A batch that needs no fsync is not held back by one behind it that does") {
  TempDir dir;
  Gate gate;
  TestVfs vfs([&](TestVfs::Call call) { return call == TestVfs::Call::sync ? gate.pass() : SQLITE_OK; });
  OpenDatabase opened(dir.file("v"), kBoot, 77, vfs.name());
  auto store = begin_store(opened);
  store->submit(batch(1, {row("a", 1, 1)}, true));
  take_completions(*store, 1);

  gate.allow(0);
  store->submit(batch(2, {row("a", 2, 2)}, true));
  gate.wait_for_a_call();
  store->submit(batch(3, {row("a", 3, 3)}));
  store->submit(batch(4, {row("a", 4, 4)}, true));
  gate.allow(1);
  Report report = take_completions(*store, 2);
  CHECK(report.completions.back().batch == 3);
  gate.wait_for_a_call();
  CHECK(store->take().completions.empty());
  gate.allow(Gate::kAll);
  CHECK(take_completions(*store, 1).completions.front().batch == 4);
  end_store(*store);
}

TEST_CASE("A failure is told once, with its reason, and every batch from then on is answered as failed") {
  TempDir dir;
  std::atomic<bool> fails{false};
  std::atomic<int> calls{0};
  TestVfs vfs([&](TestVfs::Call call) {
    ++calls;
    if (!fails) return SQLITE_OK;
    return call == TestVfs::Call::sync ? SQLITE_IOERR_FSYNC : SQLITE_FULL;
  });
  {
    OpenDatabase opened(dir.file("v"), kBoot, 77, vfs.name());
    auto store = begin_store(opened);
    store->submit(batch(1, {row("a", 1, 1)}));
    CHECK_FALSE(take_completions(*store, 1).failed.has_value());
    store->page().give(1, 1);

    fails = true;
    store->submit(batch(2, {row("a", 2, 2)}));
    Report report = take_completions(*store, 1);
    REQUIRE(report.failed.has_value());
    CHECK(report.failed->what.find("full") != std::string::npos);
    CHECK_FALSE(report.completions.front().committed);

    fails = false;
    calls = 0;
    store->submit(batch(3, {row("b", 1, 2)}));
    store->submit(batch(4, {}));
    report = take_completions(*store, 2);
    CHECK_FALSE(report.failed.has_value());
    for (const Completion& completion : report.completions) CHECK_FALSE(completion.committed);
    end_store(*store);
    CHECK(calls == 0);
  }
  OpenDatabase next(dir.file("v"), kBoot, 78);
  CHECK(next.found.start.is_new_epoch);
  CHECK(next.found.rows.size() == 1);
}

TEST_CASE("A database that had failed when it was opened says so without a batch") {
  TempDir dir;
  {
    OpenDatabase database(dir.file("v"));
    REQUIRE(database->apply(one(batch(1, {row("a", 1, 1)}))));
  }
  TestVfs vfs([](TestVfs::Call) { return SQLITE_FULL; });
  OpenDatabase opened(dir.file("v"), kNextBoot, 78, vfs.name());
  auto store = begin_store(opened);
  take_until(*store, [](const Report& all) { return all.failed.has_value(); });
  store->page().give(3'000'000, 3'000'000);  // into no file
  end_store(*store);
}

TEST_CASE(
    "A disk that hangs for good holds up the end only so long, and the thread ends by itself when it comes "
    "back") {
  TempDir dir;
  Gate gate;
  TestVfs vfs([&](TestVfs::Call) { return gate.pass(); });
  OpenDatabase opened(dir.file("v"), kBoot, 77, vfs.name());
  auto store = Store::begin(std::move(opened.database), milliseconds(20));
  REQUIRE(store);
  (*store)->submit(batch(1, {row("a", 1, 1)}));
  take_completions(**store, 1);
  gate.allow(0);
  (*store)->submit(batch(2, {row("a", 2, 2)}));
  gate.wait_for_a_call();
  Fd wakes(::fcntl((*store)->fd(), F_DUPFD_CLOEXEC, 0));
  store->reset();
  CHECK(RunPage::lock(dir.file("v-run")).error().code == Errc::busy);

  gate.allow(Gate::kAll);
  while (!RunPage::lock(dir.file("v-run"))) {
    pollfd waiting{wakes.get(), POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, 10'000) == 1);
    uint64_t count = 0;
    REQUIRE(::read(wakes.get(), &count, sizeof count) == sizeof count);
  }
  CHECK(texts(OpenDatabase(dir.file("v")).found.rows) == Texts{"a=1@2/2"});
}
