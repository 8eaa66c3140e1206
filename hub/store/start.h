// How numbers go on after a restart: which epoch, which revs and versions, by what the last run has left.
//
// A number that was given must not be given again, and the epoch changes only if something may be lost. Three things tell:
//   the rows                what was committed
//   the record of the run   in a mapped page (run_page.h), which a SIGKILL does not take back, but a loss of power does
//   the ceilings            in the database, synced before a number above the old one is given; good for every end
// After a SIGKILL something is lost if there were changes in memory, or if the database has less than was committed. A rev that was
// given and that no row has is no sign of a loss: keys of the hub's own have such ones.
// A function of these; reads and writes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "hub/store/row.h"

namespace bus::hub::store {

// Ceilings are raised by this many. Changes that are not stored go on while a disk hangs, so that half of the block lasts for minutes
// of the fastest ones; and 2^53, up to which every reader of JSON counts, is as many as 33 million losses of power take.
inline constexpr uint64_t kCeilingBlock = uint64_t{1} << 28U;

// What a ceiling is to be when `given` was given: another one once half of the block is used.
constexpr uint64_t next_ceiling(uint64_t given, uint64_t ceiling) {
  return given + kCeilingBlock / 2 > ceiling ? given + kCeilingBlock : ceiling;
}

struct RunRecord {
  uint64_t epoch = 0;
  BootId boot{};        // all zeros while the database is made
  bool clean = false;   // it ended in good order, and all that was committed is on the disk
  bool memory = false;  // there were changes that no row shows, nor what has become of them since
  bool failed = false;  // a commit failed, and may have reached the disk all the same
  uint64_t rev = 0;     // the highest ones that were given
  uint64_t version = 0;
  uint64_t stored_rev = 0;     // up to this one every row has the rev that its change was given
  uint64_t committed_rev = 0;  // the database has this one, in a row or in its numbers
  uint64_t next_epoch = 0;     // the one that a later start was about to put into the database
  bool operator==(const RunRecord&) const = default;
};

// How the last run ended, by what it has left.
enum class Ending {
  in_order,  // nothing is lost, be it by a SIGKILL
  none,      // there was none
  memory,    // lost is what no row shows
  // Any change of the end may be lost, or be there although it was said to have failed.
  power,
  failure,
  interrupted,  // it had not begun
  // The same; and the files are not those that it left.
  no_record,
  no_database,
  other_record,
  older,
  newer,
};
// Whether somebody, or a disk, has changed the files.
constexpr bool is_unexpected(Ending ending) { return ending >= Ending::no_record; }

struct Start {
  Ending ending = Ending::in_order;
  Meta meta;  // as it must be in the database before anything is given
  bool is_new_epoch = false;
  uint64_t rev = 0;  // the highest ones that were given
  uint64_t version = 0;
  std::vector<size_t> changed;  // which rows got other numbers, and must be written
};

// Without a `meta` there is no database, and no rows. Leaves the rows in the order of their revs, with the numbers that they have
// from now on.
Start decide(const std::optional<RunRecord>& run, const std::optional<Meta>& meta, std::vector<Row>& rows,
             const BootId& boot, uint64_t fresh_epoch);

}  // namespace bus::hub::store
