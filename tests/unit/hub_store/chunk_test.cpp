#include "hub/store/chunk.h"

#include "tests/unit/hub_store/support.h"

using namespace bus;
using namespace bus::test;

namespace {

std::vector<Row> rows_of_every_kind() {
  Row full = row("k.\u00e9", 3, 2, std::string(1000, 'v'));
  full.uid = 4'000'000'000;
  full.changed_ms = -5;
  full.expires = Expiry{kNextBoot, 1234, -99};
  Row gone = tombstone("gone", uint64_t{1} << 63, ~uint64_t{0});
  gone.expired = true;
  return {full, gone, row("empty", 1, 1, ""), row("", 1, 3)};
}

void check_same(const Row& a, const Row& b) {
  CHECK(texts({a}) == texts({b}));
  CHECK(a.expired == b.expired);
  CHECK(a.uid == b.uid);
  CHECK(a.changed_ms == b.changed_ms);
  CHECK(a.expires == b.expires);
}

}  // namespace

TEST_CASE("A chunk gives the rows that were appended, in their order, and which keys were forgotten") {
  std::string chunk;
  std::vector<Row> rows = rows_of_every_kind();
  for (const Row& row : rows) append_row(chunk, row);
  append_forgotten(chunk, "old");
  ChunkReader reader(chunk);
  Entry entry;
  size_t bytes = 0;
  for (const Row& row : rows) {
    REQUIRE(*reader.next(entry));
    CHECK_FALSE(entry.is_forgotten);
    CHECK(entry.key == row.key);
    check_same(entry.row(), row);
    bytes += entry.bytes.size();
  }
  REQUIRE(*reader.next(entry));
  CHECK(entry.is_forgotten);
  CHECK(entry.key == "old");
  CHECK(bytes + entry.bytes.size() == chunk.size());
  CHECK_FALSE(*reader.next(entry));
}

TEST_CASE("An entry that was cut, or of which a bit has changed, is not what was written") {
  std::string whole;
  append_row(whole, rows_of_every_kind().front());
  for (size_t size = 1; size < whole.size(); ++size) {
    std::string cut = whole.substr(0, size);
    Entry entry;
    auto more = ChunkReader(cut).next(entry);
    REQUIRE_FALSE(more);
    CHECK(more.error().code == Errc::protocol);
  }
  for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string changed = whole;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    Entry entry;
    CHECK_FALSE(ChunkReader(changed).next(entry));
  }
}
