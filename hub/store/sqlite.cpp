#include "hub/store/sqlite.h"

#include <system_error>

#include "protocol/base/strings.h"

namespace bus::hub::store {

namespace {

Errc code_of(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Errc::busy;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
      return Errc::denied;
    // Of statements that do not change: the tables are not those that they were written for.
    case SQLITE_ERROR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_MISMATCH:
      return Errc::protocol;
    default:
      return Errc::io;
  }
}

Error error_of(sqlite3* database) {
  int code = sqlite3_extended_errcode(database);
  std::string what = sqlite3_errmsg(database);
  if (int number = sqlite3_system_errno(database); number != 0 && code_of(code) == Errc::io)
    what += ": " + std::generic_category().message(number);
  return {code_of(code), what};
}

}  // namespace

Result<bool> Statement::step() {
  if (bind_code_ != SQLITE_OK) {
    Error out{Errc::io, sqlite3_errstr(bind_code_)};
    bind_code_ = SQLITE_OK;
    return out;
  }
  int code = sqlite3_step(get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return error_of(sqlite3_db_handle(get()));
}

Result<void> Statement::run() {
  for (;;) {
    auto more = step();
    if (more && *more) continue;
    reset();
    if (!more) return std::move(more.error());
    return {};
  }
}

std::string_view Statement::bytes(int column) const {
  // The pointer first: asking for it may convert the column.
  const void* bytes = sqlite3_column_blob(get(), column);
  int size = sqlite3_column_bytes(get(), column);
  return bytes == nullptr ? std::string_view()
                          : std::string_view(static_cast<const char*>(bytes), static_cast<size_t>(size));
}

Result<Connection> Connection::open(const std::string& path, int flags, const char* vfs) {
  Connection out;
  sqlite3* database = nullptr;
  // One thread at a time uses it.
  int code =
      sqlite3_open_v2(path.c_str(), &database, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, vfs);
  out.database_.reset(database);
  if (database == nullptr) return Error{Errc::io, sqlite3_errstr(code)};
  if (code != SQLITE_OK) return out.error();
  sqlite3_extended_result_codes(database, 1);
  return out;
}

Result<void> Connection::run(const char* sql) {
  if (sqlite3_exec(get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return error();
  return {};
}

Result<Statement> Connection::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
    return error();
  return Statement(statement);
}

Result<uint64_t> Connection::number(const char* sql) {
  BUSD_ASSIGN(Statement statement, prepare(sql));
  BUSD_ASSIGN(bool found, statement.step());
  return found ? statement.number(0) : 0;
}

Error Connection::error() const { return error_of(get()); }

Result<void> Connection::close() {
  if (!database_) return {};
  if (sqlite3_close(get()) != SQLITE_OK) return error();
  static_cast<void>(database_.release());
  return {};
}

}  // namespace bus::hub::store
