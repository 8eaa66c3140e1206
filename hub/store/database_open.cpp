// How a database is opened: what is there, what has become of it, and how its run begins.
#include <algorithm>
#include <utility>

#include "hub/store/database.h"
#include "protocol/base/strings.h"

namespace bus::hub::store {

namespace {

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
  if (auto found = self.find(out); !found) return self.at_path(found.error());
  self.first_record_.epoch = out.start.meta.epoch;
  self.first_record_.boot = self.options_.boot;
  self.first_record_.rev = self.first_record_.stored_rev = out.start.rev;
  self.first_record_.version = out.start.version;
  bool has_failed = self.failed_ || (self.connection_ && !self.note(self.begin_run(out)));
  if (has_failed) {
    // What this run gives, the next one will not know.
    self.first_record_.epoch = out.start.meta.epoch = self.options_.fresh_epoch;
    out.start.is_new_epoch = true;
  }
  self.meta_ = out.start.meta;
  return database;
}

Result<void> Database::find(Opened& out) {
  BUSD_ASSIGN(Files files, look_at_files(options_.path));
  if (files.read_only) return find_read_only(files, out);
  if (files.database || files.log || files.page) BUSD_TRY(lock());
  std::optional<RunRecord> run;
  if (page_) run = page_->read();
  std::optional<Meta> meta;
  auto judge = [&] {
    out.start = decide(run, meta, out.rows, options_.boot, options_.fresh_epoch);
    return out.start.ending;
  };
  if (files.database) {
    auto done = connect_and_read(out);
    // SQLite takes a page that could not be read (EIO) for one that was damaged.
    if (!done && done.error().code == Errc::protocol) {
      finalize();
      connection_ = Connection();
      done = connect_and_read(out);
    }
    if (done) {
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

Result<void> Database::find_read_only(const Files& files, Opened& out) {
  const Error& why = *files.read_only;
  if (!files.database) return why;
  if (files.log) {
    return Error{why.code, "its log " + printable(options_.path + "-wal") +
                               " has changes that cannot be read where nothing can be written (" + why.what +
                               "): copy the files to another place, and name the copy (--values)"};
  }
  std::optional<RunRecord> run;
  if (files.page) {
    BUSD_ASSIGN(RunPage page, RunPage::lock_to_read(options_.path + "-run"));
    run = page.read();
    page_.emplace(std::move(page));
  }
  BUSD_TRY(connect_to_read());
  if (auto done = read(out); !done)
    return Error{done.error().code,
                 "it cannot be read, nor set aside (" + why.what + "): " + done.error().what};
  out.start = decide(run, meta_, out.rows, options_.boot, options_.fresh_epoch);
  static_cast<void>(
      note(Error{why.code, "what is stored can be read, and nothing can be written: " + why.what},
           "remove the cause"));
  return {};
}

Result<void> Database::lock() {
  BUSD_ASSIGN(RunPage page, RunPage::lock(options_.path + "-run"));
  page_.emplace(std::move(page));
  return {};
}

Result<void> Database::connect_and_read(Opened& out) {
  BUSD_TRY(connect());
  return read(out);
}

Result<void> Database::read(Opened& out) {
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
  return prepare();
}

// Immutable: nothing is locked, nothing looked for beside the file, and nothing written (sqlite.org/uri.html).
Result<void> Database::connect_to_read() {
  std::string uri = "file:";
  for (char c : options_.path) {
    if (c == '%' || c == '?' || c == '#') {
      uri += c == '%' ? "%25" : c == '?' ? "%3f" : "%23";
    } else {
      uri += c;
    }
  }
  uri += "?immutable=1";
  BUSD_ASSIGN(connection_, Connection::open(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, options_.vfs));
  BUSD_TRY(
      connection_.run("PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF;"));
  return prepare();
}

Result<void> Database::prepare() {
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

}  // namespace bus::hub::store
