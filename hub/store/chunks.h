// The table of chunks: a log of rows, to which a commit appends one chunk of all that it has, and little more than that is written.
//
// A table with a row for each key would have a page to write for nearly each put. So what a commit replaces stays where it is, until
// compact() reads the oldest chunk, appends what is still the newest of its key, and removes it. Of the entries of a key the one
// in the highest chunk counts; a chunk has at most one. A key that was forgotten has an entry that says so, for as long as older
// chunks may have rows of it: until it is in the oldest chunk itself.
//
// The numbers of the chunks have no gaps: a tree that has lost a page or leads to one twice is noticed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hub/store/chunk.h"
#include "hub/store/key_index.h"
#include "hub/store/row.h"
#include "hub/store/sqlite.h"

namespace bus::hub::store {

class Chunks {
 public:
  // Of an empty table, until it is read.
  static Result<Chunks> prepare(Connection& connection, const uint64_t hash_key[2]);

  // Every row that is stored, in any order; once, before anything else. Errors: as of sqlite.h; protocol also for a row that is not
  // what was written.
  Result<std::vector<Row>> read(Connection& connection);

  // These two inside of a transaction of the caller's; where they or it fail, nothing more may be done.
  Result<void> append(const std::vector<Batch>& batches);
  // One step: reads the oldest 256 KiB.
  Result<void> compact();
  // Whether compact() is worth it: more than half of the table, and more than `spare_bytes`, has been replaced. It says so only for
  // four times as much as was appended, so that nobody waits long; that is enough to keep up.
  bool wants_compaction(uint64_t spare_bytes) const;

 private:
  explicit Chunks(const uint64_t hash_key[2]) : index_(hash_key) {}
  void put(const Row& row, uint64_t this_commit);
  void forget(const std::string& key, uint64_t this_commit);
  void keep_newest(const Entry& entry);
  Result<void> write_chunk();

  KeyIndex index_;
  uint64_t first_ = 1;                  // chunks that there are: from this one on
  uint64_t next_ = 1;                   // up to before this one
  uint64_t live_units_ = 0;             // of the entries that are the newest of their keys
  uint64_t total_units_ = 0;            // of all
  uint64_t owed_units_ = 0;             // that may still be read for what was appended
  std::string chunk_;                   // the next one, as far as it goes
  std::vector<std::string> forgotten_;  // in this commit
  Statement put_;
  Statement oldest_;
  Statement remove_;
};

}  // namespace bus::hub::store
