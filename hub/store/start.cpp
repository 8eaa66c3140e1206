#include "hub/store/start.h"

#include <algorithm>

namespace bus::hub::store {

namespace {

Ending how_it_ended(const RunRecord& run, const Meta& meta, uint64_t rows_rev, const BootId& boot) {
  if (run.epoch != meta.epoch)
    return run.next_epoch == meta.epoch ? Ending::interrupted : Ending::other_record;
  bool same_boot = run.boot != BootId{} && run.boot == boot;
  uint64_t known_rev = std::max(meta.rev, rows_rev);
  if (run.clean && known_rev > run.rev) return Ending::newer;
  if (run.clean && known_rev < run.rev) return Ending::older;
  // The pages of a mapping and of files are the kernel's: a SIGKILL takes back neither.
  if (same_boot && known_rev < run.committed_rev) return Ending::older;
  if (run.failed) return Ending::failure;
  if (!run.clean && !same_boot) return run.boot == BootId{} ? Ending::interrupted : Ending::power;
  return run.memory ? Ending::memory : Ending::in_order;
}

Ending how_it_ended(const std::optional<RunRecord>& run, const std::optional<Meta>& meta, uint64_t rows_rev,
                    const BootId& boot) {
  if (run && meta) return how_it_ended(*run, *meta, rows_rev, boot);
  if (meta) return Ending::no_record;
  if (!run) return Ending::none;
  return run->boot == BootId{} ? Ending::interrupted : Ending::no_database;
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
  start.rev = std::max({start.meta.rev, rows_rev, run ? std::max(run->rev, run->committed_rev) : 0});
  start.version = std::max(start.meta.floor, run ? run->version : 0);
  for (const Row& row : rows) start.version = std::max(start.version, row.version);
  start.ending = how_it_ended(run, meta, rows_rev, boot);
  start.is_new_epoch = start.ending != Ending::in_order;
  switch (start.ending) {
    case Ending::in_order:
      // A key of the hub's own, of which there is no row, may have taken the rev that a row was expected to get.
      if (!run->clean && run->stored_rev < run->rev) give_new_revs(rows, run->stored_rev, start);
      break;
    case Ending::none:
      // Where there was nothing before, versions begin with 1.
      break;
    case Ending::memory:
      after_lost_memory(*run, rows, start);
      break;
    default:
      after_unknown_loss(rows, start);
  }
  if (start.is_new_epoch) {
    start.meta.epoch = fresh_epoch;
    start.meta.rev = start.rev;
  }
  start.meta.rev_ceiling = next_ceiling(start.rev, start.meta.rev_ceiling);
  start.meta.version_ceiling = next_ceiling(start.version, start.meta.version_ceiling);
  return start;
}

}  // namespace bus::hub::store
