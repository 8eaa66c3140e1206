#include "hub/value_store.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <poll.h>
#include <utility>

#include "hub/value_rows.h"
#include "protocol/base/check.h"
#include "protocol/base/file.h"

namespace bus::hub {

namespace {

// Numbers are refused so long before the ceiling: as many as changes that were accepted may still take.
constexpr uint64_t kReserve = uint64_t{1} << 24U;
// Completions are told for so long in one callback; the aim is a turn below 10 ms.
constexpr Duration kMaxTurnTime = milliseconds(3);

std::string epoch_text(uint64_t epoch) {
  std::array<char, 17> out{};
  std::snprintf(out.data(), out.size(), "%016llx", static_cast<unsigned long long>(epoch));
  return out.data();
}

// Tombstones are forgotten oldest first; which was the last one, no row shows.
uint64_t forgotten_rev_of(const store::Opened& opened) {
  if (opened.start.meta.floor == 0) return 0;
  for (const store::Row& row : opened.rows) {
    if (!row.value) return row.rev - 1;
  }
  return opened.start.rev;
}

}  // namespace

// Without a timer of its own, the room's deadline comes all the same, but for the time that the machine sleeps.
ValueStore::ValueStore(Loop& loop, Log& log) : loop_(loop), log_(log), boot_(store::this_boot()) {
  auto timer = BootTimer::create(loop, [this] {
    if (events_.on_time) events_.on_time();
  });
  if (timer) {
    timer_ = std::move(*timer);
  } else {
    log_.write(LogLevel::warning, "after the machine has slept, values expire late",
               {{"reason", timer.error().what}});
  }
}

ValueStore::~ValueStore() {
  // The core may be gone.
  events_ = {};
  finish();
}

// ---- the beginning

KeptValues ValueStore::open(const ValuePlace& place, const ValueSeeds& seeds) {
  KeptValues kept;
  kept.epoch = epoch_text(seeds.fresh_epoch);
  kept.path = place.path;
  kept.fault = place.fault;
  if (!place.fault.empty()) log_.write(LogLevel::warning, "values are not stored", {{"reason", place.fault}});
  if (place.path.empty()) return kept;

  auto give_up = [&](const std::string& why) {
    kept.fault = why;
    log_.write(LogLevel::error, "values are not stored", {{"path", place.path}, {"reason", why}});
  };
  store::Opened opened;
  store::DatabaseOptions options;
  options.path = place.path;
  options.boot = boot_;
  options.fresh_epoch = seeds.fresh_epoch;
  std::copy(std::begin(seeds.hash_key), std::end(seeds.hash_key), std::begin(options.hash_key));
  auto database = store::Database::open(std::move(options), opened);
  if (!database) {
    give_up(database.error().what);
    return kept;
  }
  if (!opened.set_aside.empty()) {
    kept.fault = "the store was damaged (" + opened.damage + ") and is now " + printable(opened.set_aside);
    log_.write(LogLevel::error, "the store of values was damaged, and begins anew",
               {{"path", place.path}, {"reason", opened.damage}, {"now", opened.set_aside}});
  }
  if (std::string text = describe(opened.start.ending, place.path);
      opened.set_aside.empty() && !text.empty()) {
    bool is_unexpected = store::is_unexpected(opened.start.ending);
    text += "; the hub goes on with what is there, under a new epoch";
    if (is_unexpected) kept.fault = text;
    log_.write(is_unexpected ? LogLevel::warning : LogLevel::info, "values may be lost", {{"reason", text}});
  }
  kept.counters = {opened.start.rev, opened.start.meta.floor, forgotten_rev_of(opened)};
  kept.version = opened.start.version;
  kept.epoch = epoch_text(opened.start.meta.epoch);
  bool has_files = (*database)->page() != nullptr;
  if (const auto& failed = (*database)->failed()) {
    give_up(failed->what);
  } else if (auto started = start(std::move(*database), opened.start); !started) {
    give_up(started.error().what);
  } else {
    kept.takes = true;
    path_ = place.path;
    if (has_files) watch_place();
  }
  Moment now = Moment::now(boot_);
  kept.rows.reserve(opened.rows.size());
  for (store::Row& row : opened.rows) kept.rows.push_back(from_row(std::move(row), now));
  return kept;
}

Result<void> ValueStore::start(std::unique_ptr<store::Database> database, const store::Start& start) {
  // finish() waits, for this and for the completions.
  BUSD_ASSIGN(std::unique_ptr<store::Store> store,
              store::Store::begin(std::move(database), Duration::zero()));
  watch_.emplace(loop_, store->fd(), static_cast<FdWatch::Handler&>(*this));
  if (!watch_->set(FdWatch::Mode::reading, false)) {
    watch_.reset();
    return Error{Errc::io, "no room to watch the store"};
  }
  store_ = std::move(store);
  meta_ = committed_meta_ = start.meta;
  rev_ = told_rev_ = start.rev;
  version_ = start.version;
  return {};
}

// Others can remove the files, or put others in their place; the store looks then.
void ValueStore::watch_place() {
  place_.emplace(
      loop_, std::vector<std::string>{parent_dir(path_)}, [this] { store_->look(); },
      DirectoryWatch::Of::entries);
  if (!place_->trouble().empty()) {
    log_.write(LogLevel::info, "the store's files are looked at every 3 s only",
               {{"reason", place_->trouble()}});
  }
}

// ---- what the room asks for

TimePoint ValueStore::clock(TimePoint /*now*/) noexcept { return boot_now(); }

int64_t ValueStore::wall_ms() noexcept { return Moment::now(boot_).wall_ms; }

void ValueStore::wake_at(TimePoint when) noexcept {
  if (timer_) timer_->set(when);
}

bool ValueStore::can_give() noexcept {
  if (!store_) return true;
  return rev_ + kReserve < committed_meta_.rev_ceiling &&
         version_ + kReserve < committed_meta_.version_ceiling;
}

void ValueStore::give(uint64_t rev, uint64_t version) noexcept {
  if (!store_) return;
  rev_ = std::max(rev_, rev);
  version_ = std::max(version_, version);
  store_->page().give(rev_, version_);
  keep_numbers();
}

void ValueStore::set_memory() noexcept {
  has_memory_ = true;
  if (store_) store_->page().set_memory();
}

// Not above what the database has and the core knows of: something that has no row may have taken the rev that a row was expected to get, which
// is just being committed, or told.
void ValueStore::set_stored(uint64_t rev) noexcept {
  if (store_) store_->page().set_stored(std::min(rev, told_rev_));
}

void ValueStore::submit(Batch batch) {
  BUSD_CHECK(store_ != nullptr);
  Moment now = Moment::now(boot_);
  store::Batch out;
  out.number = batch.number;
  out.sync = batch.sync;
  out.rows.reserve(batch.rows.size());
  for (ValueRow& row : batch.rows) out.rows.push_back(to_row(std::move(row), now));
  out.forgotten = std::move(batch.forgotten);
  if (!out.forgotten.empty() || batch.floor != meta_.floor) {
    meta_.floor = batch.floor;
    meta_.rev = std::max(meta_.rev, batch.rev);
    out.meta = meta_;
  }
  send(std::move(out));
}

// Ceilings are raised long before they are reached.
void ValueStore::keep_numbers() {
  if (has_failed_ || is_keeping_numbers_) return;
  store::Meta meta = meta_;
  meta.rev_ceiling = store::next_ceiling(rev_, meta.rev_ceiling);
  meta.version_ceiling = store::next_ceiling(version_, meta.version_ceiling);
  if (meta == meta_) return;
  meta_ = meta;
  is_keeping_numbers_ = true;
  store::Batch batch;
  batch.meta = meta_;
  send(std::move(batch), true);
}

void ValueStore::send(store::Batch batch, bool is_ours) {
  Sent sent{batch.number, is_ours, !batch.rows.empty(), meta_.rev, meta_};
  for (const store::Row& row : batch.rows) sent.rev = std::max(sent.rev, row.rev);
  sent_.push_back(sent);
  store_->submit(std::move(batch));
}

// ---- what has come of it

void ValueStore::take() {
  store::Report report = store_->take();
  for (const store::Completion& done : report.completions) {
    Sent sent = sent_.front();
    sent_.pop_front();
    if (sent.is_ours) is_keeping_numbers_ = false;
    if (!done.committed) continue;
    // Before, there is no directory of ours to watch.
    if (sent.has_rows && watch_ && !place_) watch_place();
    committed_meta_ = sent.meta;
    committed_.push_back({sent.number, sent.rev});
  }
  if (report.failed && !has_failed_) {
    has_failed_ = true;
    failure_ = report.failed;
    log_.write(LogLevel::error, "values are no longer stored", {{"reason", failure_->what}});
  }
  keep_numbers();
}

// Each in an entry of its own, and the failure behind what was committed before it. Whether there was something to tell.
bool ValueStore::tell_next() {
  if (!committed_.empty()) {
    Committed batch = committed_.front();
    committed_.pop_front();
    // Not before: what the core does not know of yet may have been given another rev than its row has.
    told_rev_ = std::max(told_rev_, batch.rev);
    // Without a number it has nothing that waits for it.
    if (batch.number != 0) events_.committed(batch.number);
    return true;
  }
  if (auto failure = std::exchange(failure_, std::nullopt)) {
    events_.failed(*failure);
    return true;
  }
  return false;
}

void ValueStore::on_readable() {
  take();
  while (tell_next()) {
    if (!loop_.times().has_taken(kMaxTurnTime)) continue;
    watch_->wake_reader();
    return;
  }
}

// ---- the end

// Whether the store has something to say before that.
bool ValueStore::wait_until(TimePoint deadline) {
  pollfd store{store_->fd(), POLLIN, 0};
  for (;;) {
    auto left = to_ms(deadline - now());
    if (left <= 0) return false;
    if (::poll(&store, 1, static_cast<int>(left)) > 0) return true;
  }
}

void ValueStore::finish() {
  if (!store_) return;
  place_.reset();
  watch_.reset();
  TimePoint deadline = now() + store::kStopPatience;
  do {
    take();
    // What is told may submit more.
    while (events_.committed && tell_next()) continue;
  } while (!sent_.empty() && wait_until(deadline));
  store_->close(has_memory_);
  bool has_ended = false;
  do {
    store::Report last = store_->take();
    has_ended = last.ended;
    if (last.failed && !has_failed_)
      log_.write(LogLevel::error, "the store of values has no clean end", {{"reason", last.failed->what}});
  } while (!has_ended && wait_until(deadline));
  if (!has_ended)
    log_.write(LogLevel::warning, "the store of values has no clean end",
               {{"reason", "the disk is too slow"}});
  store_.reset();
}

}  // namespace bus::hub
