// The tables of the database, and what a row looks like in them: one row of values for each key, one row of meta.
#pragma once

#include <optional>

#include "hub/store/row.h"
#include "hub/store/sqlite.h"

namespace bus::hub::store {

// In the file's header, for file(1): "busd".
inline constexpr uint64_t kApplicationId = 0x62757364;
inline constexpr uint64_t kSchemaVersion = 1;

extern const char* const kCreateTables;

// The statements that change the tables; prepared once.
class Writer {
 public:
  static Result<Writer> prepare(Connection& connection);

  // Inside of a transaction of the caller's.
  Result<void> write(const Batch& batch);
  Result<void> put_meta(const Meta& meta);

 private:
  Result<void> put_row(const Row& row);
  Result<void> forget(const std::string& key);

  Statement row_put_;
  Statement row_forget_;
  Statement meta_put_;
};

// Everything that is stored, the rows in any order. Errors: as of sqlite.h; protocol also for a row that is not what was written.
Result<std::vector<Row>> read_rows(Connection& connection);
Result<Meta> read_meta(Connection& connection);

}  // namespace bus::hub::store
