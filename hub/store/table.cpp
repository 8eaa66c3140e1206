#include "hub/store/table.h"

#include "hub/store/checksum.h"

namespace bus::hub::store {

namespace {

// The columns behind the id in their order, from 0; as places of a statement they count from 1.
namespace column {
enum { epoch, floor, rev, rev_ceiling, version_ceiling, sum };
}

uint64_t checksum(const Meta& meta) {
  Checksum out;
  for (uint64_t word : {meta.epoch, meta.floor, meta.rev, meta.rev_ceiling, meta.version_ceiling})
    out.add(word);
  return out.value();
}

}  // namespace

const char* const kCreateTables = R"(
CREATE TABLE chunk (id INTEGER PRIMARY KEY, entries BLOB NOT NULL);
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL, floor INTEGER NOT NULL, rev INTEGER NOT NULL,
  rev_ceiling INTEGER NOT NULL, version_ceiling INTEGER NOT NULL, checksum INTEGER NOT NULL
);
)";

Result<MetaWriter> MetaWriter::prepare(Connection& connection) {
  MetaWriter out;
  BUSD_ASSIGN(out.put_, connection.prepare("REPLACE INTO meta VALUES (1,?,?,?,?,?,?)"));
  return out;
}

Result<void> MetaWriter::put(const Meta& meta) {
  put_.bind(column::epoch + 1, meta.epoch);
  put_.bind(column::floor + 1, meta.floor);
  put_.bind(column::rev + 1, meta.rev);
  put_.bind(column::rev_ceiling + 1, meta.rev_ceiling);
  put_.bind(column::version_ceiling + 1, meta.version_ceiling);
  put_.bind(column::sum + 1, checksum(meta));
  return put_.run();
}

Result<Meta> read_meta(Connection& connection) {
  BUSD_ASSIGN(
      Statement one,
      connection.prepare("SELECT epoch, floor, rev, rev_ceiling, version_ceiling, checksum FROM meta"));
  BUSD_ASSIGN(bool found, one.step());
  if (!found) return Error{Errc::protocol, "its numbers are missing"};
  Meta meta{one.number(column::epoch), one.number(column::floor), one.number(column::rev),
            one.number(column::rev_ceiling), one.number(column::version_ceiling)};
  if (one.number(column::sum) != checksum(meta))
    return Error{Errc::protocol, "its numbers are not what was written"};
  return meta;
}

}  // namespace bus::hub::store
