// What keeps values in a test that kills hubs: a disk, and the page of the run, by the rules of hub/value_store.h.
//
// How numbers go on after an end is decided by hub/store/start.h itself. Batches reach the disk when the test says so, and the core
// is told of that when the test says so; a loss of power takes back what was not synced. Writes no files.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hub/core/values/value_keeper.h"
#include "hub/store/start.h"

namespace bus::test {

// How a run ends.
enum class RunEnd : uint8_t { in_order, kill, power };

class ValuesDisk final : public hub::ValueKeeper {
 public:
  // ---- between runs

  hub::KeptValues start(TimePoint start_of_core) {
    offset_ = boot_clock - start_of_core;
    std::vector<hub::store::Row> found;
    for (const auto& [key, row] : image_.rows) {
      found.push_back({key, row.state.version, row.rev, row.state.value, row.state.expired, 0, 0, {}});
    }
    auto start = hub::store::decide(run_, image_.meta, found, boot_, ++last_epoch_);
    image_.meta = start.meta;
    hub::KeptValues kept;
    for (const hub::store::Row& row : found) {
      hub::ValueRow& kept_row = image_.rows.at(row.key);
      kept_row.rev = row.rev;
      kept_row.state.version = row.version;
      kept_row.state.is_stored = true;
      // As hub/value_rows.h.
      kept_row.state.owner = 0;
      if (!kept_row.state.value) kept_row.state.expires = kNever;
      kept.rows.push_back({row.key, kept_row.state, row.rev});
    }
    kept.counters = {start.rev, start.meta.floor, forgotten_rev(found, start)};
    kept.version = start.version;
    kept.epoch = std::to_string(start.meta.epoch);
    kept.path = "/nowhere/bus.values";
    kept.takes = true;
    run_.emplace();
    run_->epoch = start.meta.epoch;
    run_->boot = boot_;
    run_->rev = start.rev;
    run_->version = start.version;
    run_->stored_rev = start.rev;
    told_rev_ = run_->committed_rev = std::max(start.meta.rev, found.empty() ? 0 : found.back().rev);
    meta_ = start.meta;
    // A start that changes anything syncs it.
    bool writes = start.is_new_epoch || !start.changed.empty();
    if (writes || unsynced_.empty()) unsynced_.clear();
    unsynced_.push_back(image_);
    return kept;
  }

  // `pick` of n: a number below n.
  template <class Pick>
  void end(RunEnd how, Pick pick) {
    submitted_.clear();
    committed_.clear();
    has_failed_ = false;
    if (how == RunEnd::in_order) {
      run_->clean = true;
      image_.meta->rev = run_->rev;
      run_->committed_rev = run_->rev;
      unsynced_.clear();
    } else if (how == RunEnd::power) {
      image_ = unsynced_[pick(unsynced_.size())];
      ++boot_[0];
      // A loss of power may keep an older page, too.
      if (pick(2) == 0) run_->rev = run_->version = run_->stored_rev = run_->committed_rev = 0;
    }
  }

  // ---- while a hub runs

  TimePoint clock(TimePoint now) noexcept override { return boot_clock = now + offset_; }
  int64_t wall_ms() noexcept override { return 1'700'000'000'000 + to_ms(boot_clock.time_since_epoch()); }
  void wake_at(TimePoint when) noexcept override { wakes_at = when; }
  bool can_give() noexcept override { return true; }
  void give(uint64_t rev, uint64_t version) noexcept override {
    run_->rev = std::max(run_->rev, rev);
    run_->version = std::max(run_->version, version);
  }
  void set_memory() noexcept override { run_->memory = true; }
  void set_stored(uint64_t rev) noexcept override { run_->stored_rev = std::min(rev, told_rev_); }
  void submit(Batch batch) override {
    for (const std::string& key : batch.forgotten) forgotten.push_back(key);
    submitted_.push_back(std::move(batch));
  }

  void sleep(Duration time) { offset_ += time; }

  // The oldest batch that waits reaches the disk; false: none waits.
  bool commit() {
    if (submitted_.empty() || has_failed_) return false;
    const Batch& batch = submitted_.front();
    for (const std::string& key : batch.forgotten) image_.rows.erase(key);
    uint64_t highest = 0;
    for (const hub::ValueRow& row : batch.rows) {
      image_.rows[row.key] = row;
      highest = std::max(highest, row.rev);
    }
    if (!batch.forgotten.empty() || batch.floor != meta_.floor) {
      meta_.floor = batch.floor;
      meta_.rev = std::max(meta_.rev, batch.rev);
      highest = std::max(highest, meta_.rev);
      image_.meta = meta_;
    }
    run_->committed_rev = std::max(run_->committed_rev, highest);
    if (batch.sync) unsynced_.clear();
    unsynced_.push_back(image_);
    committed_.emplace_back(batch.number, highest);
    submitted_.pop_front();
    return true;
  }
  // The number of the oldest one that is committed and not told yet; 0: it needs no telling.
  std::optional<uint64_t> tell() {
    if (committed_.empty()) return std::nullopt;
    auto [number, rev] = committed_.front();
    committed_.pop_front();
    told_rev_ = std::max(told_rev_, rev);
    return number;
  }
  // The next commit fails, although it may have reached the disk. What was committed before is still told.
  void fail(bool reaches_disk) {
    if (reaches_disk && commit()) committed_.pop_back();
    run_->failed = has_failed_ = true;
    submitted_.clear();
  }
  bool has_floor() const { return meta_.floor != 0; }
  bool has_failed() const { return has_failed_; }
  bool waits() const { return !submitted_.empty() || !committed_.empty(); }

  TimePoint boot_clock = TimePoint{} + std::chrono::hours(1000);
  TimePoint wakes_at = kNever;
  std::vector<std::string> forgotten;  // keys, since somebody has looked

 private:
  struct Image {
    std::optional<hub::store::Meta> meta;
    std::map<std::string, hub::ValueRow> rows;
  };

  // As hub/value_store.cpp.
  static uint64_t forgotten_rev(const std::vector<hub::store::Row>& rows, const hub::store::Start& start) {
    if (start.meta.floor == 0) return 0;
    auto first = std::find_if(rows.begin(), rows.end(), [](const auto& row) { return !row.value; });
    return first == rows.end() ? start.rev : first->rev - 1;
  }

  Image image_;                  // as a start finds it
  std::vector<Image> unsynced_;  // what it has been since the last sync, which is the first one
  std::optional<hub::store::RunRecord> run_;
  hub::store::Meta meta_;  // as it is submitted
  hub::store::BootId boot_{1};
  uint64_t last_epoch_ = 100;
  Duration offset_{};
  std::deque<Batch> submitted_;
  std::deque<std::pair<uint64_t, uint64_t>> committed_;  // and not told: number, and the highest rev in it
  uint64_t told_rev_ = 0;
  bool has_failed_ = false;
};

}  // namespace bus::test
