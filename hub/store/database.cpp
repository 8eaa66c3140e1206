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

Error at_path(const std::string& path, const Error& error) {
  return {error.code, "values in " + printable(path) + ": " + error.what};
}

bool has_rows(const std::vector<Batch>& batches) {
  return std::any_of(batches.begin(), batches.end(),
                     [](const Batch& b) { return !b.rows.empty() || !b.forgotten.empty(); });
}

// A ceiling that is raised must be on the disk before a number below it is given.
bool wants_sync(const Batch& batch, const Meta& before) {
  return batch.sync || (batch.meta && (batch.meta->rev_ceiling > before.rev_ceiling ||
                                       batch.meta->version_ceiling > before.version_ceiling));
}

int keep_log_pages(void* to, sqlite3* /*database*/, const char* /*name*/, int pages) {
  *static_cast<int*>(to) = pages;
  return SQLITE_OK;
}

}  // namespace

std::string describe(Ending ending, const std::string& path) {
  const std::string file = printable(path);
  const std::string page = printable(path + "-run");
  switch (ending) {
    case Ending::in_order:
    case Ending::none:
    case Ending::memory:
    case Ending::interrupted:
      return {};
    case Ending::power:
      return "the machine has restarted before the last hub ended: of " + file +
             " the last changes without durable power may be lost";
    case Ending::failure:
      return "the store of the last hub had failed: what " + file +
             " has is what was committed before, or more";
    case Ending::no_record:
      return page + ", the record of the last hub, is missing or damaged: the last changes may be lost";
    case Ending::no_database:
      return file + " is missing, though the last hub had stored values in it: they are lost";
    case Ending::other_record:
      return file + " and " + page + " do not belong together, as if one was replaced: values may be old";
    case Ending::older:
      return file +
             " lacks changes that the last hub had stored, as if it was replaced by an older copy, or " +
             printable(path + "-wal") + " was removed: values may be old";
    case Ending::newer:
      return file + " is not what the last hub had left, as if it was replaced: values may be others";
  }
  return {};
}

// ---- opening

Result<std::unique_ptr<Database>> Database::open(DatabaseOptions options, Opened& out) {
  std::unique_ptr<Database> database(new Database(std::move(options)));
  Database& self = *database;
  if (auto found = self.find(out); !found) return at_path(self.options_.path, found.error());
  self.first_record_.epoch = out.start.meta.epoch;
  self.first_record_.boot = self.options_.boot;
  self.first_record_.rev = self.first_record_.stored_rev = out.start.rev;
  self.first_record_.version = out.start.version;
  if (self.connection_ && !self.note(self.begin_run(out))) {
    // What this run gives, the next one will not know.
    self.first_record_.epoch = out.start.meta.epoch = self.options_.fresh_epoch;
    out.start.is_new_epoch = true;
  }
  self.meta_ = out.start.meta;
  return database;
}

Result<void> Database::find(Opened& out) {
  BUSD_ASSIGN(Files files, look_at_files(options_.path));
  if (files.database || files.log || files.page) BUSD_TRY(lock());
  std::optional<RunRecord> run;
  if (page_) run = page_->read();
  std::optional<Meta> meta;
  auto judge = [&] {
    out.start = decide(run, meta, out.rows, options_.boot, options_.fresh_epoch);
    return out.start.ending;
  };
  if (files.database) {
    if (auto done = read(out); done) {
      meta = meta_;
      // What was committed is not all there, although there is a log: it is damaged, or another one's. A frame that was torn when the
      // hub or the machine died is behind all that was committed.
      if (judge() != Ending::older || !files.log) return {};
      BUSD_TRY(put_aside(out, {Errc::protocol, "its log is damaged, or belongs to another copy of it"}));
      meta.reset();
    } else if (done.error().code == Errc::protocol) {
      BUSD_TRY(put_aside(out, done.error()));
    } else {
      return done;
    }
  } else if (files.log) {
    BUSD_TRY(put_aside(out, {Errc::protocol, "its file is missing or empty, and its log is there"}));
  }
  judge();
  return {};
}

Result<void> Database::lock() {
  BUSD_ASSIGN(RunPage page, RunPage::lock(options_.path + "-run"));
  page_.emplace(std::move(page));
  return {};
}

Result<void> Database::read(Opened& out) {
  BUSD_TRY(connect());
  BUSD_ASSIGN(uint64_t application, connection_.number("PRAGMA application_id"));
  BUSD_ASSIGN(uint64_t schema, connection_.number("PRAGMA user_version"));
  if (application != kApplicationId || schema != kSchemaVersion)
    return Error{Errc::protocol, "its header and its log do not belong together"};
  BUSD_ASSIGN(meta_, read_meta(connection_));
  Chunks& chunks = *chunks_;
  BUSD_ASSIGN(out.rows, chunks.read(connection_));
  committed_rev_ = meta_.rev;
  for (const Row& row : out.rows) committed_rev_ = std::max(committed_rev_, row.rev);
  BUSD_ASSIGN(Statement check, connection_.prepare("PRAGMA quick_check(1)"));
  BUSD_ASSIGN(bool said, check.step());
  if (!said || check.bytes(0) != "ok")
    return Error{Errc::protocol, "quick_check: " + printable(said ? check.bytes(0) : "")};
  return {};
}

Result<void> Database::put_aside(Opened& out, const Error& damage) {
  out.damage = damage.what;
  out.rows.clear();
  finalize();
  connection_ = Connection();
  BUSD_ASSIGN(out.set_aside, set_aside(options_.path));
  // Its lock is on a file that has another name now.
  page_.reset();
  return {};
}

Result<void> Database::connect() {
  BUSD_ASSIGN(connection_, Connection::open(options_.path, SQLITE_OPEN_READWRITE, options_.vfs));
  // Nothing is written when it is closed, but by finish(): what is refused stays as it is, and what failed is not tried again.
  sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  // Exclusive: the index of the log is then in our memory, and there is no file that is shared, which may fail to grow.
  BUSD_TRY(
      connection_.run("PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON;"
                      "PRAGMA trusted_schema=OFF; PRAGMA secure_delete=FAST;"));
  BUSD_ASSIGN(Statement mode, connection_.prepare("PRAGMA journal_mode=WAL"));
  BUSD_ASSIGN(bool said, mode.step());
  if (!said || mode.bytes(0) != "wal") return Error{Errc::io, "no write-ahead log can be had there"};
  mode.reset();
  // A log that one large commit has made long is cut.
  BUSD_TRY(connection_.run("PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=33554432;"));
  syncs_commits_ = false;
  // Instead of SQLite's own, which tries again after each commit, and tells nobody that it failed.
  sqlite3_wal_hook(connection_.get(), &keep_log_pages, &log_pages_);
  BUSD_ASSIGN(begin_, connection_.prepare("BEGIN IMMEDIATE"));
  BUSD_ASSIGN(commit_, connection_.prepare("COMMIT"));
  BUSD_ASSIGN(meta_writer_, MetaWriter::prepare(connection_));
  BUSD_ASSIGN(Chunks chunks, Chunks::prepare(connection_, options_.hash_key));
  chunks_.emplace(std::move(chunks));
  return {};
}

// A connection cannot be closed before its statements.
void Database::finalize() {
  begin_ = Statement();
  commit_ = Statement();
  meta_writer_ = MetaWriter();
  chunks_.reset();
}

// The disk knows of it before anything is given.
Result<void> Database::begin_run(const Opened& opened) {
  Batch first;
  for (size_t at : opened.start.changed) first.rows.push_back(opened.rows[at]);
  if (opened.start.meta != meta_) first.meta = opened.start.meta;
  if (first.meta || !first.rows.empty()) {
    page_->announce(opened.start.meta.epoch);
    std::vector<Batch> batches;
    batches.push_back(std::move(first));
    BUSD_TRY(commit(batches, true));
  }
  BUSD_TRY(begin_page(first_record_));
  BUSD_TRY(files_.note(options_.path));
  is_running_ = true;
  return {};
}

Result<void> Database::begin_page(const RunRecord& run) {
  page_->begin(run);
  page_->set_committed(committed_rev_);
  return page_->sync();
}

// ---- making it

// First beside its place and then renamed, so that what is at its place is whole, and never another program's.
Result<void> Database::create() {
  std::string directory = parent_dir(options_.path);
  BUSD_TRY(ensure_own_dir(directory));
  if (!page_) BUSD_TRY(lock());
  BUSD_ASSIGN(Files files, look_at_files(options_.path));
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
    failed_ = at_path(options_.path, done.error());
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
