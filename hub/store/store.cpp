#include "hub/store/store.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace bus::hub::store {

struct Store::Shared {
  // The thread's alone, once it runs.
  std::unique_ptr<Database> database;
  Fd wake_loop;

  std::mutex mutex;
  std::condition_variable wake_thread;
  // All of these under the mutex, which nobody holds for longer than it takes to move a vector.
  std::vector<Batch> submitted;
  bool wants_look = false;
  bool closing = false;
  std::optional<RunRecord> last_record;  // for a clean end
  bool memory = false;
  Report report;
  RunPage* page = nullptr;  // as soon as there is one in a file
  bool failure_told = false;

  static void* run(void* self);
  bool wait_for_work(std::vector<Batch>& out);
  void work(std::vector<Batch> batches);
  void commit(const std::vector<Batch>& batches);
  void finish();
  void tell_failure();
  void wake();
};

// ---- the thread

void Store::Shared::wake() {
  uint64_t one = 1;
  // It cannot fail: nobody adds 2^64.
  static_cast<void>(!::write(wake_loop.get(), &one, sizeof one));
}

// Without a batch its files are to be looked at. False: there will be none any more.
bool Store::Shared::wait_for_work(std::vector<Batch>& out) {
  bool has_files = database->page() != nullptr && !database->failed();
  std::unique_lock lock(mutex);
  auto is_wanted = [this] { return closing || wants_look || !submitted.empty(); };
  if (has_files) {
    wake_thread.wait_for(lock, kLookEvery, is_wanted);
  } else {
    wake_thread.wait(lock, is_wanted);
  }
  wants_look = false;
  out = std::exchange(submitted, {});
  return !closing || !out.empty();
}

void* Store::Shared::run(void* self) {
  std::unique_ptr<std::shared_ptr<Shared>> mine(static_cast<std::shared_ptr<Shared>*>(self));
  Shared& shared = **mine;
  shared.tell_failure();
  for (std::vector<Batch> batches; shared.wait_for_work(batches);) shared.work(std::move(batches));
  shared.finish();
  return nullptr;
}

void Store::Shared::work(std::vector<Batch> batches) {
  if (batches.empty()) {
    static_cast<void>(database->look());
    tell_failure();
    return;
  }
  auto first_sync =
      std::find_if(batches.begin(), batches.end(), [](const Batch& batch) { return batch.sync; });
  std::vector<Batch> synced(std::make_move_iterator(first_sync), std::make_move_iterator(batches.end()));
  batches.erase(first_sync, batches.end());
  if (!batches.empty()) commit(batches);
  if (!synced.empty()) commit(synced);
  static_cast<void>(database->tidy());
  tell_failure();
}

void Store::Shared::commit(const std::vector<Batch>& batches) {
  bool committed = database->apply(batches).has_value();
  tell_failure();
  {
    std::lock_guard lock(mutex);
    for (const Batch& batch : batches) report.completions.push_back({batch.number, committed});
    page = database->page();
  }
  // Whoever wakes needs the mutex.
  wake();
}

void Store::Shared::tell_failure() {
  if (failure_told || !database->failed()) return;
  failure_told = true;
  std::lock_guard lock(mutex);
  report.failed = database->failed();
  wake();
}

void Store::Shared::finish() {
  // Nobody changes these two any more.
  if (last_record) static_cast<void>(database->finish(*last_record, memory));
  tell_failure();
  // Whoever hears that it ended may open it.
  database.reset();
  std::lock_guard lock(mutex);
  page = nullptr;
  report.ended = true;
  wake();
}

// ---- the loop

Result<std::unique_ptr<Store>> Store::begin(std::unique_ptr<Database> database, Duration stop_patience) {
  auto shared = std::make_shared<Shared>();
  shared->wake_loop.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!shared->wake_loop) return errno_error("eventfd", errno);
  BUSD_ASSIGN(RunPage first_page, RunPage::in_memory());
  first_page.begin(database->first_record());
  shared->page = database->page();
  shared->database = std::move(database);
  std::unique_ptr<Store> store(new Store(shared, std::move(first_page), stop_patience));

  // Signals are the loop's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  auto argument = std::make_unique<std::shared_ptr<Shared>>(shared);
  pthread_t thread{};
  int failed = ::pthread_create(&thread, nullptr, &Shared::run, argument.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed != 0) {
    store->closed_ = true;
    shared->report.ended = true;
    return errno_error("start the thread of the store", failed);
  }
  static_cast<void>(argument.release());
  ::pthread_detach(thread);
  return store;
}

Store::Store(std::shared_ptr<Shared> shared, RunPage first_page, Duration stop_patience)
    : shared_(std::move(shared)),
      first_page_(std::move(first_page)),
      page_(shared_->page != nullptr ? shared_->page : &first_page_),
      stop_patience_(stop_patience) {}

Store::~Store() {
  end(std::nullopt, false);
  TimePoint deadline = now() + stop_patience_;
  while (!take().ended) {
    auto left = to_ms(deadline - now());
    if (left <= 0) return;
    pollfd waiting{fd(), POLLIN, 0};
    ::poll(&waiting, 1, static_cast<int>(left));
  }
}

int Store::fd() const { return shared_->wake_loop.get(); }

void Store::submit(Batch batch) {
  BUSD_CHECK(!closed_);
  ++waiting_;
  {
    std::lock_guard lock(shared_->mutex);
    shared_->submitted.push_back(std::move(batch));
  }
  shared_->wake_thread.notify_one();
}

void Store::look() {
  std::lock_guard lock(shared_->mutex);
  shared_->wants_look = true;
  shared_->wake_thread.notify_one();
}

Report Store::take() {
  uint64_t count = 0;
  static_cast<void>(!::read(fd(), &count, sizeof count));
  std::lock_guard lock(shared_->mutex);
  if (!closed_ && page_ == &first_page_ && shared_->page != nullptr) adopt_page();
  Report out = std::exchange(shared_->report, {});
  shared_->report.ended = out.ended;
  waiting_ -= out.completions.size();
  return out;
}

// The first batch has made a page in a file: from now on it is the one that the next run reads.
void Store::adopt_page() {
  if (auto given = first_page_.read()) shared_->page->begin(*given);
  page_ = shared_->page;
}

void Store::close(bool memory) { end(waiting_ == 0 ? page_->read() : std::nullopt, memory); }

void Store::end(std::optional<RunRecord> last_record, bool memory) {
  if (closed_) return;
  closed_ = true;
  page_ = &first_page_;
  std::lock_guard lock(shared_->mutex);
  shared_->closing = true;
  shared_->last_record = last_record;
  shared_->memory = memory;
  shared_->wake_thread.notify_one();
}

}  // namespace bus::hub::store
