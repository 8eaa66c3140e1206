// The database of values: one SQLite file with a write-ahead log, opened by one process at a time.
//
// Judges nothing: keeps the newest row of each key, and says what the last run has left. Made at the first batch that has a row, not
// before. Its functions take as long as the disk does; it belongs to one thread at a time (store.h).
//
// What fails while it writes is not tried again, for after an fsync that has failed the kernel forgets what it could not write, and
// the next one succeeds: from then on every batch fails with the same error. What was committed is there at the next start.
//
// The same holds when its files are no longer those at its path. They are looked at behind each commit: one that succeeded is in the
// files that the next hub opens. What somebody removes after that look is lost, and the next look says so.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hub/store/chunks.h"
#include "hub/store/files.h"
#include "hub/store/files_in_place.h"
#include "hub/store/row.h"
#include "hub/store/run_page.h"
#include "hub/store/sqlite.h"
#include "hub/store/start.h"
#include "hub/store/table.h"
#include "protocol/base/result.h"

namespace bus::hub::store {

// Pages of 4 KiB in the log, beyond which it is moved to the file; what is beyond is read again after a SIGKILL, in milliseconds.
inline constexpr int kMaxLogPages = 4096;

// What was replaced is removed once it is more than half of all that is stored, and more than this: else a few keys that change often
// would be moved at every turn.
inline constexpr uint64_t kSpareBytes = 4'194'304;

struct DatabaseOptions {
  std::string path;
  BootId boot{};              // this_boot()
  uint64_t fresh_epoch = 0;   // random, not 0
  const char* vfs = nullptr;  // SQLite's name of it; nullptr: the usual one
  int max_log_pages = kMaxLogPages;
  uint64_t spare_bytes = kSpareBytes;
  uint64_t hash_key[2] = {0, 0};  // random, so that nobody can make keys collide on purpose
};

// What was found.
struct Opened {
  std::vector<Row> rows;  // in the order of their revs
  Start start;
  std::string set_aside;  // where a damaged database is now; empty: none was
  std::string damage;     // what was wrong with it
};

// How the last run ended, where something may be lost, as a sentence; else empty.
std::string describe(Ending ending, const std::string& path);

class Database {
 public:
  // When the disk takes no writes any more, or its place is read-only, the database is open all the same, and failed(): its rows can be
  // read. Those of a place that is read-only only if there is no log, which SQLite does not read without a file or lock to write.
  //
  // Errors: busy     another hub, or another program, has it open
  //         denied, invalid  see look_at_files()
  //         io       it cannot be read
  static Result<std::unique_ptr<Database>> open(DatabaseOptions options, Opened& out);

  // Commits all batches together; synced when one of them wants that.
  Result<void> apply(const std::vector<Batch>& batches);

  // Whether its files are still in their place; if not, it has failed.
  Result<void> look();

  // Removes a part of what was replaced when it is much, and moves the log to the file when it is long: after apply(), so that nobody
  // waits for it.
  Result<void> tidy();

  // The run ends in good order: `run` is what it has given, `memory` whether something that no row shows is lost with it.
  Result<void> finish(const RunRecord& run, bool memory);

  // nullptr: this run is in no page, because there is no database yet, or it failed from the beginning.
  RunPage* page() { return is_running_ ? &*page_ : nullptr; }
  const std::optional<Error>& failed() const { return failed_; }
  // What the run begins with.
  const RunRecord& first_record() const { return first_record_; }

 private:
  explicit Database(DatabaseOptions options) : options_(std::move(options)) {}
  Error at_path(const Error& error) const;
  Result<void> find(Opened& out);
  Result<void> find_read_only(const Files& files, Opened& out);
  Result<void> connect_and_read(Opened& out);
  Result<void> read(Opened& out);
  Result<void> put_aside(Opened& out, const Error& damage);
  Result<void> lock();
  Result<void> connect();
  Result<void> connect_to_read();
  Result<void> prepare();
  void finalize();
  Result<void> begin_run(const Opened& opened);
  Result<void> begin_page(const RunRecord& run);
  Result<void> create();
  Result<void> fill_new_file(const std::string& path) const;
  Result<void> commit(const std::vector<Batch>& batches, bool sync);
  Result<void> compact();
  Result<void> begin_transaction(bool sync);
  // Remembers the error of `done`, if it has one, for good.
  Result<void> note(Result<void> done, const char* remedy = "remove the cause");

  DatabaseOptions options_;
  std::optional<RunPage> page_;
  FilesInPlace files_;
  Meta meta_;                   // as it is, or is to be, in the file
  uint64_t committed_rev_ = 0;  // the highest one that the database has
  RunRecord first_record_;
  bool is_running_ = false;  // the page has this run
  std::optional<Error> failed_;
  Connection connection_;
  Statement begin_;
  Statement commit_;
  MetaWriter meta_writer_;
  std::optional<Chunks> chunks_;
  bool syncs_commits_ = false;
  int log_pages_ = 0;
};

}  // namespace bus::hub::store
