// The tables of the database: chunk, a log of rows (chunks.h), and meta, one row of numbers.
#pragma once

#include "hub/store/row.h"
#include "hub/store/sqlite.h"

namespace bus::hub::store {

// In the file's header, for file(1): "busd".
inline constexpr uint64_t kApplicationId = 0x62757364;
inline constexpr uint64_t kSchemaVersion = 1;

extern const char* const kCreateTables;

// Errors: as of sqlite.h; protocol also for numbers that are not what was written.
Result<Meta> read_meta(Connection& connection);

class MetaWriter {
 public:
  static Result<MetaWriter> prepare(Connection& connection);
  Result<void> put(const Meta& meta);

 private:
  Statement put_;
};

}  // namespace bus::hub::store
