#include "hub/store/table.h"

#include <cstring>
#include <utility>

#include "hub/store/checksum.h"
#include "protocol/base/strings.h"

namespace bus::hub::store {

namespace {

// The columns in their order, from 0; as places of a statement they count from 1.
namespace column {
enum { key, version, rev, expired, uid, changed_ms, boot, boot_ms, wall_ms, value, sum };
}
namespace meta_column {
enum { epoch, floor, rev, rev_ceiling, version_ceiling, sum };
}

uint64_t bits(int64_t number) { return static_cast<uint64_t>(number); }

uint64_t checksum(const Row& row) {
  Checksum out;
  out.add(row.key);
  for (uint64_t word : {row.version, row.rev, uint64_t{row.expired}, uint64_t{row.uid}, bits(row.changed_ms)})
    out.add(word);
  out.add(row.expires ? 1 : 0);
  if (row.expires) {
    out.add(
        std::string_view(reinterpret_cast<const char*>(row.expires->boot.data()), row.expires->boot.size()));
    out.add(bits(row.expires->boot_ms));
    out.add(bits(row.expires->wall_ms));
  }
  out.add(row.value ? 1 : 0);
  if (row.value) out.add(*row.value);
  return out.value();
}

uint64_t checksum(const Meta& meta) {
  Checksum out;
  for (uint64_t word : {meta.epoch, meta.floor, meta.rev, meta.rev_ceiling, meta.version_ceiling})
    out.add(word);
  return out.value();
}

Row row_of(const Statement& from) {
  Row row;
  row.key = from.bytes(column::key);
  row.version = from.number(column::version);
  row.rev = from.number(column::rev);
  row.expired = from.number(column::expired) != 0;
  row.uid = static_cast<uint32_t>(from.number(column::uid));
  row.changed_ms = static_cast<int64_t>(from.number(column::changed_ms));
  if (std::string_view id = from.bytes(column::boot); id.size() == BootId{}.size()) {
    row.expires.emplace();
    std::memcpy(row.expires->boot.data(), id.data(), id.size());
    row.expires->boot_ms = static_cast<int64_t>(from.number(column::boot_ms));
    row.expires->wall_ms = static_cast<int64_t>(from.number(column::wall_ms));
  }
  if (!from.is_null(column::value))
    row.value = std::make_shared<const std::string>(from.bytes(column::value));
  return row;
}

}  // namespace

// Without a rowid there is one tree, which reading all rows walks through as a whole.
const char* const kCreateTables = R"(
CREATE TABLE value (
  key TEXT PRIMARY KEY, version INTEGER NOT NULL, rev INTEGER NOT NULL, expired INTEGER NOT NULL,
  uid INTEGER NOT NULL, changed_ms INTEGER NOT NULL, boot BLOB, boot_ms INTEGER, wall_ms INTEGER,
  value BLOB, checksum INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL, floor INTEGER NOT NULL, rev INTEGER NOT NULL,
  rev_ceiling INTEGER NOT NULL, version_ceiling INTEGER NOT NULL, checksum INTEGER NOT NULL
);
)";

Result<Writer> Writer::prepare(Connection& connection) {
  Writer out;
  BUSD_ASSIGN(out.row_put_, connection.prepare("REPLACE INTO value VALUES (?,?,?,?,?,?,?,?,?,?,?)"));
  BUSD_ASSIGN(out.row_forget_, connection.prepare("DELETE FROM value WHERE key = ?"));
  BUSD_ASSIGN(out.meta_put_, connection.prepare("REPLACE INTO meta VALUES (1,?,?,?,?,?,?)"));
  return out;
}

Result<void> Writer::write(const Batch& batch) {
  for (const std::string& key : batch.forgotten) BUSD_TRY(forget(key));
  for (const Row& row : batch.rows) BUSD_TRY(put_row(row));
  if (batch.meta) BUSD_TRY(put_meta(*batch.meta));
  return {};
}

Result<void> Writer::put_row(const Row& row) {
  Statement& to = row_put_;
  to.bind_text(column::key + 1, row.key);
  to.bind(column::version + 1, row.version);
  to.bind(column::rev + 1, row.rev);
  to.bind(column::expired + 1, row.expired ? 1 : 0);
  to.bind(column::uid + 1, row.uid);
  to.bind(column::changed_ms + 1, bits(row.changed_ms));
  if (row.expires) {
    to.bind_bytes(column::boot + 1, row.expires->boot.data(), row.expires->boot.size());
    to.bind(column::boot_ms + 1, bits(row.expires->boot_ms));
    to.bind(column::wall_ms + 1, bits(row.expires->wall_ms));
  } else {
    for (int at : {column::boot, column::boot_ms, column::wall_ms}) to.bind_null(at + 1);
  }
  if (row.value) {
    to.bind_bytes(column::value + 1, row.value->data(), row.value->size());
  } else {
    to.bind_null(column::value + 1);
  }
  to.bind(column::sum + 1, checksum(row));
  return to.run();
}

Result<void> Writer::forget(const std::string& key) {
  row_forget_.bind_text(1, key);
  return row_forget_.run();
}

Result<void> Writer::put_meta(const Meta& meta) {
  meta_put_.bind(meta_column::epoch + 1, meta.epoch);
  meta_put_.bind(meta_column::floor + 1, meta.floor);
  meta_put_.bind(meta_column::rev + 1, meta.rev);
  meta_put_.bind(meta_column::rev_ceiling + 1, meta.rev_ceiling);
  meta_put_.bind(meta_column::version_ceiling + 1, meta.version_ceiling);
  meta_put_.bind(meta_column::sum + 1, checksum(meta));
  return meta_put_.run();
}

Result<std::vector<Row>> read_rows(Connection& connection) {
  BUSD_ASSIGN(Statement all, connection.prepare("SELECT * FROM value ORDER BY key"));
  std::vector<Row> rows;
  for (;;) {
    BUSD_ASSIGN(bool found, all.step());
    if (!found) return rows;
    Row row = row_of(all);
    if (all.number(column::sum) != checksum(row))
      return Error{Errc::protocol, "the value of " + printable(row.key) + " is not what was written"};
    // A tree that leads to a page twice, or past one.
    if (!rows.empty() && row.key <= rows.back().key)
      return Error{Errc::protocol, "the keys are out of order at " + printable(row.key)};
    rows.push_back(std::move(row));
  }
}

Result<Meta> read_meta(Connection& connection) {
  BUSD_ASSIGN(
      Statement one,
      connection.prepare("SELECT epoch, floor, rev, rev_ceiling, version_ceiling, checksum FROM meta"));
  BUSD_ASSIGN(bool found, one.step());
  if (!found) return Error{Errc::protocol, "its numbers are missing"};
  Meta meta{one.number(meta_column::epoch), one.number(meta_column::floor), one.number(meta_column::rev),
            one.number(meta_column::rev_ceiling), one.number(meta_column::version_ceiling)};
  if (one.number(meta_column::sum) != checksum(meta))
    return Error{Errc::protocol, "its numbers are not what was written"};
  return meta;
}

}  // namespace bus::hub::store
