#include "hub/store/database.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "hub/store/files.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::hub::store {

namespace {

bool has_rows(const std::vector<Batch>& batches) {
  return std::any_of(batches.begin(), batches.end(),
                     [](const Batch& b) { return !b.rows.empty() || !b.forgotten.empty(); });
}

// A ceiling that is raised must be on the disk before a number below it is given.
bool wants_sync(const Batch& batch, const Meta& before) {
  return batch.sync || (batch.meta && (batch.meta->rev_ceiling > before.rev_ceiling ||
                                       batch.meta->version_ceiling > before.version_ceiling));
}

}  // namespace

Error Database::at_path(const Error& error) const {
  return {error.code, "values in " + printable(options_.path) + ": " + error.what};
}

// ---- making it

// First beside its place and then renamed, so that what is at its place is whole, and never another program's.
Result<void> Database::create() {
  std::string directory = parent_dir(options_.path);
  BUSD_TRY(ensure_own_dir(directory));
  if (!page_) BUSD_TRY(lock());
  BUSD_ASSIGN(Files files, look_at_files(options_.path));
  if (files.read_only) return *files.read_only;
  if (files.database || files.log)
    return Error{Errc::busy, "another hub has made a database there; restart this one to use it"};
  // Not of this boot until the loop has it: it gives numbers that it writes into another page until then (store.h).
  RunRecord run = first_record_;
  run.boot = {};
  BUSD_TRY(begin_page(run));
  std::string fresh = options_.path + "-new";
  BUSD_TRY(make_empty_file(fresh));
  BUSD_TRY(fill_new_file(fresh));
  if (::rename(fresh.c_str(), options_.path.c_str()) != 0)
    return errno_error("rename " + printable(fresh), errno);
  BUSD_TRY(sync_directory(directory));
  BUSD_TRY(connect());
  // SQLite makes the log when it is first needed.
  BUSD_TRY(begin_transaction(false));
  BUSD_TRY(commit_.run());
  BUSD_TRY(files_.note(options_.path));
  is_running_ = true;
  return {};
}

Result<void> Database::fill_new_file(const std::string& path) const {
  BUSD_ASSIGN(Connection connection, Connection::open(path, SQLITE_OPEN_READWRITE, options_.vfs));
  std::string header = "PRAGMA application_id=" + std::to_string(kApplicationId) +
                       "; PRAGMA user_version=" + std::to_string(kSchemaVersion) + ";";
  BUSD_TRY(connection.run("PRAGMA auto_vacuum=NONE; PRAGMA synchronous=FULL; BEGIN;"));
  BUSD_TRY(connection.run(header.c_str()));
  BUSD_TRY(connection.run(kCreateTables));
  {
    BUSD_ASSIGN(MetaWriter writer, MetaWriter::prepare(connection));
    BUSD_TRY(writer.put(meta_));
  }
  BUSD_TRY(connection.run("COMMIT"));
  return connection.close();
}

// ---- writing

Result<void> Database::note(Result<void> done, const char* remedy) {
  if (done) return done;
  if (!failed_) {
    failed_ = at_path(done.error());
    failed_->what += std::string("; nothing more is stored by this hub: ") + remedy + ", then restart it";
  }
  if (is_running_) page_->set_failed();
  return *failed_;
}

Result<void> Database::apply(const std::vector<Batch>& batches) {
  if (failed_) return *failed_;
  bool sync = false;
  for (const Batch& batch : batches) {
    sync = sync || wants_sync(batch, meta_);
    if (batch.meta) meta_ = *batch.meta;
  }
  if (!connection_) {
    if (!has_rows(batches)) return {};
    BUSD_TRY(note(create()));
  }
  // Before, so that what is refused is not in files that are put back; and behind it, so that what is answered is in those at the path.
  BUSD_TRY(look());
  BUSD_TRY(note(commit(batches, sync)));
  return look();
}

Result<void> Database::look() {
  if (failed_ || !is_running_) return {};
  return note(files_.look(), "put it back, or save what is still here (bus-value list)");
}

Result<void> Database::begin_transaction(bool sync) {
  if (sync != syncs_commits_) {
    BUSD_TRY(connection_.run(sync ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
    syncs_commits_ = sync;
  }
  return begin_.run();
}

// What has failed is left as it is: closing takes back what was not committed.
Result<void> Database::commit(const std::vector<Batch>& batches, bool sync) {
  BUSD_TRY(begin_transaction(sync));
  Chunks& chunks = *chunks_;
  BUSD_TRY(chunks.append(batches));
  auto meta =
      std::find_if(batches.rbegin(), batches.rend(), [](const Batch& b) { return b.meta.has_value(); });
  if (meta != batches.rend()) BUSD_TRY(meta_writer_.put(*meta->meta));
  BUSD_TRY(commit_.run());
  for (const Batch& batch : batches) {
    for (const Row& row : batch.rows) committed_rev_ = std::max(committed_rev_, row.rev);
    if (batch.meta) committed_rev_ = std::max(committed_rev_, batch.meta->rev);
  }
  if (is_running_) page_->set_committed(committed_rev_);
  return {};
}

Result<void> Database::compact() {
  Chunks& chunks = *chunks_;
  while (chunks.wants_compaction(options_.spare_bytes)) {
    BUSD_TRY(begin_transaction(false));
    BUSD_TRY(chunks.compact());
    BUSD_TRY(commit_.run());
  }
  return {};
}

Result<void> Database::tidy() {
  if (failed_ || !connection_) return {};
  BUSD_TRY(note(compact()));
  if (log_pages_ < options_.max_log_pages) return {};
  log_pages_ = 0;
  if (sqlite3_wal_checkpoint_v2(connection_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr) ==
      SQLITE_OK)
    return {};
  return note(connection_.error());
}

Result<void> Database::finish(const RunRecord& run, bool memory) {
  BUSD_TRY(look());
  if (failed_ || !connection_) return {};
  if (meta_.rev != run.rev) {
    std::vector<Batch> last(1);
    meta_.rev = run.rev;
    last.front().meta = meta_;
    BUSD_TRY(note(commit(last, true)));
  }
  if (sqlite3_wal_checkpoint_v2(connection_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr) !=
      SQLITE_OK)
    return note(connection_.error());
  finalize();
  // The log is empty; now it may be removed, too.
  sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  BUSD_TRY(note(connection_.close()));
  page_->begin(run);
  return note(page_->finish(memory));
}

}  // namespace bus::hub::store
