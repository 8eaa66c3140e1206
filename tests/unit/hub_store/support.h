// A few words for the tests of the store: rows, batches, and a store in a directory of the test's own.
#pragma once

#include <algorithm>
#include <fstream>
#include <map>
#include <poll.h>
#include <string>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include "hub/store/store.h"
#include "protocol/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace bus::test {

using namespace bus::hub::store;

inline constexpr BootId kBoot{1, 2, 3};
inline constexpr BootId kNextBoot{4, 5, 6};

inline Row row(const std::string& key, uint64_t version, uint64_t rev, const std::string& value = "1") {
  Row out;
  out.key = key;
  out.version = version;
  out.rev = rev;
  out.value = SharedText(value);
  return out;
}

inline Row tombstone(const std::string& key, uint64_t version, uint64_t rev) {
  Row out = row(key, version, rev);
  out.value = nullptr;
  return out;
}

inline Batch batch(uint64_t number, std::vector<Row> rows, bool sync = false) {
  Batch out;
  out.number = number;
  out.sync = sync;
  out.rows = std::move(rows);
  return out;
}

inline std::vector<Batch> one(Batch batch) {
  std::vector<Batch> out;
  out.push_back(std::move(batch));
  return out;
}

// "key=value@version/rev" of each row, "key-" for a tombstone; by key.
inline std::vector<std::string> texts(std::vector<Row> rows) {
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.key < b.key; });
  std::vector<std::string> out;
  for (const Row& row : rows)
    out.push_back(row.key + (row.value ? "=" + std::string(*row.value) : "-") + "@" +
                  std::to_string(row.version) + "/" + std::to_string(row.rev));
  return out;
}

using Texts = std::vector<std::string>;

// A database that must open.
struct OpenDatabase {
  Opened found;
  std::unique_ptr<Database> database;

  explicit OpenDatabase(const std::string& path, BootId boot = kBoot, uint64_t fresh_epoch = 77,
                        const char* vfs = nullptr, int max_log_pages = kMaxLogPages,
                        uint64_t spare_bytes = kSpareBytes) {
    auto opened = Database::open({path, boot, fresh_epoch, vfs, max_log_pages, spare_bytes, {11, 12}}, found);
    if (!opened) FAIL(opened.error().what);
    database = std::move(*opened);
  }
  Database* operator->() const { return database.get(); }
  // Gives the numbers of the rows, as the loop does once they are committed.
  void give(uint64_t rev, uint64_t version) const { database->page()->begin(record(rev, version)); }
  RunRecord record(uint64_t rev, uint64_t version) const {
    RunRecord out = database->first_record();
    out.rev = out.stored_rev = rev;
    out.version = version;
    return out;
  }
};

inline Errc error_of_open(const std::string& path, std::string* what = nullptr) {
  Opened found;
  auto opened = Database::open({path, kBoot, 77}, found);
  if (opened) FAIL("it opens");
  if (what != nullptr) *what = opened.error().what;
  return opened.error().code;
}

inline bool exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

inline std::string contents(const std::string& path) {
  auto text = read_file(path, 1'000'000'000);
  return text ? *text : "(" + text.error().what + ")";
}

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
}

// Takes from the store until `done(report so far)`; fails after ten seconds.
template <class Done>
Report take_until(Store& store, Done done) {
  Report all;
  TimePoint deadline = now() + seconds(10);
  for (;;) {
    Report next = store.take();
    all.completions.insert(all.completions.end(), next.completions.begin(), next.completions.end());
    if (next.failed) all.failed = next.failed;
    all.ended = next.ended;
    if (done(all)) return all;
    pollfd waiting{store.fd(), POLLIN, 0};
    auto left = to_ms(deadline - now());
    if (left <= 0) FAIL("after 10 s there are " << all.completions.size() << " completions");
    ::poll(&waiting, 1, static_cast<int>(left));
  }
}

inline Report take_completions(Store& store, size_t count) {
  return take_until(store, [count](const Report& all) { return all.completions.size() >= count; });
}

inline std::unique_ptr<Store> begin_store(OpenDatabase& opened) {
  auto store = Store::begin(std::move(opened.database));
  if (!store) FAIL(store.error().what);
  return std::move(*store);
}

inline void end_store(Store& store, bool memory = false) {
  store.close(memory);
  take_until(store, [](const Report& all) { return all.ended; });
}

}  // namespace bus::test
