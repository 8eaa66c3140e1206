#include "hub/store/start.h"

#include <algorithm>

namespace bus::hub::store {

namespace {

enum class Ending {
  nothing_lost,
  memory_lost,   // what no row shows, and perhaps that a row's rev is a wrong one
  unknown_loss,  // any change of the end may be lost, or be there although it was said to have failed
};

Ending how_it_ended(const RunRecord& run, const Meta& meta, uint64_t rows_rev, const BootId& boot) {
  bool same_boot = boot != BootId{} && run.boot == boot;
  if (run.epoch != meta.epoch || run.failed || !(run.clean || same_boot)) return Ending::unknown_loss;
  // The page cannot be behind or ahead of its database, unless somebody has put another copy of one of them there.
  uint64_t known_rev = std::max(meta.rev, rows_rev);
  if (run.clean && known_rev != run.rev) return Ending::unknown_loss;
  if (known_rev < (run.memory ? run.stored_rev : run.rev)) return Ending::unknown_loss;
  return run.memory ? Ending::memory_lost : Ending::nothing_lost;
}

// Revs above start.rev for the rows that have one above `right_rev`; they keep their order.
void give_new_revs(std::vector<Row>& rows, uint64_t right_rev, Start& start) {
  for (size_t at = 0; at < rows.size(); ++at) {
    if (rows[at].rev <= right_rev) continue;
    rows[at].rev = ++start.rev;
    start.changed.push_back(at);
  }
}

// The next version of a client that holds the highest one of a key that was lost must not fit: hence one more than was given.
void after_lost_memory(const RunRecord& run, std::vector<Row>& rows, Start& start) {
  start.meta.floor = std::max(start.meta.floor, run.version + 1);
  start.version = std::max(start.version, start.meta.floor);
  give_new_revs(rows, run.stored_rev, start);
  for (size_t at = 0; at < rows.size(); ++at) {
    if (rows[at].value || rows[at].version >= start.meta.floor) continue;
    rows[at].version = start.meta.floor;
    start.changed.push_back(at);
  }
  std::sort(start.changed.begin(), start.changed.end());
  start.changed.erase(std::unique(start.changed.begin(), start.changed.end()), start.changed.end());
}

void after_unknown_loss(std::vector<Row>& rows, Start& start) {
  start.rev = std::max(start.rev, start.meta.rev_ceiling);
  start.version = std::max(start.version, start.meta.version_ceiling) + 1;
  start.meta.floor = start.version;
  for (Row& row : rows) row.version = start.version;
  give_new_revs(rows, 0, start);
}

}  // namespace

Start decide(const std::optional<RunRecord>& run, const std::optional<Meta>& meta, std::vector<Row>& rows,
             const BootId& boot, uint64_t fresh_epoch) {
  auto is_older = [](const Row& a, const Row& b) { return a.rev < b.rev; };
  if (!std::is_sorted(rows.begin(), rows.end(), is_older)) std::sort(rows.begin(), rows.end(), is_older);
  uint64_t rows_rev = rows.empty() ? 0 : rows.back().rev;
  Start start;
  if (meta) start.meta = *meta;
  start.rev = std::max({start.meta.rev, rows_rev, run ? run->rev : 0});
  start.version = std::max(start.meta.floor, run ? run->version : 0);
  for (const Row& row : rows) start.version = std::max(start.version, row.version);
  Ending ending = run && meta ? how_it_ended(*run, *meta, rows_rev, boot) : Ending::unknown_loss;
  // A key of the hub's own, of which there is no row, may have taken the rev that a row was expected to get.
  if (ending == Ending::nothing_lost && !run->clean && run->stored_rev < run->rev)
    give_new_revs(rows, run->stored_rev, start);
  if (ending == Ending::memory_lost) after_lost_memory(*run, rows, start);
  // Where there was nothing before, versions begin with 1.
  if (ending == Ending::unknown_loss && (run || meta)) after_unknown_loss(rows, start);
  start.is_new_epoch = ending != Ending::nothing_lost;
  if (start.is_new_epoch) {
    start.meta.epoch = fresh_epoch;
    start.meta.rev = start.rev;
  }
  start.meta.rev_ceiling = next_ceiling(start.rev, start.meta.rev_ceiling);
  start.meta.version_ceiling = next_ceiling(start.version, start.meta.version_ceiling);
  return start;
}

}  // namespace bus::hub::store
