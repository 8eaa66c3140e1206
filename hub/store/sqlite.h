// SQLite's handles, each closed by its owner, and its errors as ours.
//
// Errors of all functions: busy      another process has the file open
//                          denied    permission, or a read-only file system
//                          protocol  what is in the file is no database, or a damaged one
//                          io        any other, such as a full disk; `what` says which
#pragma once

#include <memory>
#include <sqlite3.h>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace bus::hub::store {

class Statement {
 public:
  Statement() = default;

  // Places count from 1. Text and bytes must stay as they are until reset().
  void bind(int at, uint64_t number) {
    keep(sqlite3_bind_int64(get(), at, static_cast<sqlite3_int64>(number)));
  }
  void bind_text(int at, std::string_view text) {
    keep(sqlite3_bind_text64(get(), at, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8));
  }
  void bind_bytes(int at, const void* bytes, size_t size) {
    keep(sqlite3_bind_blob64(get(), at, bytes, size, SQLITE_STATIC));
  }
  void bind_null(int at) { keep(sqlite3_bind_null(get(), at)); }

  // Whether there is a row; if not, the statement has done its work.
  Result<bool> step();
  // To its end, and ready for the next time.
  Result<void> run();
  void reset() { sqlite3_reset(get()); }

  // Of the row that is there; columns count from 0.
  uint64_t number(int column) const { return static_cast<uint64_t>(sqlite3_column_int64(get(), column)); }
  bool is_null(int column) const { return sqlite3_column_type(get(), column) == SQLITE_NULL; }
  // Until the next step.
  std::string_view bytes(int column) const;

 private:
  friend class Connection;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  sqlite3_stmt* get() const { return statement_.get(); }
  void keep(int code) {
    if (code != SQLITE_OK) bind_code_ = code;
  }

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bind_code_ = SQLITE_OK;
};

class Connection {
 public:
  Connection() = default;

  // `vfs`: nullptr for the usual one. The path's directory must contain no symlink.
  static Result<Connection> open(const std::string& path, int flags, const char* vfs);

  explicit operator bool() const { return database_ != nullptr; }
  sqlite3* get() const { return database_.get(); }
  Result<void> run(const char* sql);
  Result<Statement> prepare(const char* sql);
  // The number that a statement such as "PRAGMA user_version" answers.
  Result<uint64_t> number(const char* sql);
  Error error() const;
  // Says so when closing failed: then it was left open for good.
  Result<void> close();

 private:
  // Closes as soon as its statements are finalized.
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace bus::hub::store
