// What stands where a store is to be: refused by name and left untouched, or set aside and never deleted.
#include "hub/store/files.h"

#include <unistd.h>

#include "tests/unit/hub_store/support.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr int kRows = 200;

// A database with a few pages, and what is not moved from its log yet.
void make_database(const std::string& path) {
  OpenDatabase database(path);
  std::vector<Row> rows;
  for (int i = 0; i < kRows; ++i)
    rows.push_back(row("key" + std::to_string(i), 1, static_cast<uint64_t>(i) + 1, std::string(100, 'v')));
  REQUIRE(database->apply(one(batch(1, std::move(rows)))));
  REQUIRE(database->finish(database.record(kRows, 1), false));
}

void sql(const std::string& path, const char* text) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &database) == SQLITE_OK);
  char* error = nullptr;
  int code = sqlite3_exec(database, text, nullptr, nullptr, &error);
  INFO(text << ": " << (error != nullptr ? error : ""));
  CHECK(code == SQLITE_OK);
  sqlite3_free(error);
  sqlite3_close(database);
}

void overwrite(const std::string& path, size_t at, const std::string& text) {
  std::string all = contents(path);
  REQUIRE(at + text.size() <= all.size());
  all.replace(at, text.size(), text);
  write_file(path, all);
}

// It is set aside as it was, and a new one is begun.
void check_set_aside(const std::string& path, const std::string& before, int number = 1) {
  std::string aside = path + ".corrupt-" + std::to_string(number);
  {
    OpenDatabase database(path, kBoot, 78);
    CHECK(database.found.set_aside == aside);
    CHECK_FALSE(database.found.damage.empty());
    CHECK(database.found.rows.empty());
    CHECK(database.found.start.is_new_epoch);
    // The page is good still: no number is given again.
    CHECK(database.found.start.rev >= kRows);
    CHECK(contents(aside) == before);
    CHECK(exists(aside + "-run"));
    CHECK_FALSE(exists(path));
    REQUIRE(database->apply(one(batch(1, {row("new", 3'000'000, kRows + 1)}))));
  }
  OpenDatabase again(path, kBoot, 79);
  CHECK(again.found.set_aside.empty());
  CHECK(again.found.rows.size() == 1);
}

}  // namespace

TEST_CASE("A link is followed to none of the files") {
  for (const char* ending : {"", "-wal", "-shm", "-journal", "-run"}) {
    INFO(ending);
    TempDir dir;
    if (*ending != '\0') make_database(dir.file("v"));
    ::unlink((dir.file("v") + ending).c_str());
    write_file(dir.file("elsewhere"), "text");
    REQUIRE(::symlink(dir.file("elsewhere").c_str(), (dir.file("v") + ending).c_str()) == 0);
    std::string what;
    CHECK(error_of_open(dir.file("v"), &what) == Errc::denied);
    CHECK(what.find("is a symlink") != std::string::npos);
    CHECK(contents(dir.file("elsewhere")) == "text");
  }
}

TEST_CASE("A directory that is a link, or that others can write to, is refused; what is no file, too") {
  TempDir dir;
  REQUIRE(::mkdir(dir.file("real").c_str(), 0700) == 0);
  REQUIRE(::symlink(dir.file("real").c_str(), dir.file("link").c_str()) == 0);
  CHECK(error_of_open(dir.file("link/v")) == Errc::denied);
  REQUIRE(::chmod(dir.file("real").c_str(), 0770) == 0);
  CHECK(error_of_open(dir.file("real/v")) == Errc::denied);
  REQUIRE(::mkdir(dir.file("v").c_str(), 0700) == 0);
  CHECK(error_of_open(dir.file("v")) == Errc::denied);
}

TEST_CASE("A directory that leads through a link further up is used") {
  TempDir dir;
  REQUIRE(::mkdir(dir.file("real").c_str(), 0700) == 0);
  REQUIRE(::mkdir(dir.file("real/in").c_str(), 0700) == 0);
  REQUIRE(::symlink(dir.file("real").c_str(), dir.file("link").c_str()) == 0);
  make_database(dir.file("link/in/v"));
  CHECK(exists(dir.file("real/in/v")));
}

TEST_CASE("A file of another user, or one that others can write to, is refused") {
  TempDir dir;
  make_database(dir.file("v"));
  REQUIRE(::chmod(dir.file("v").c_str(), 0660) == 0);
  CHECK(error_of_open(dir.file("v")) == Errc::denied);
  REQUIRE(::chmod(dir.file("v").c_str(), 0600) == 0);
  // What others can only read is used, and closed to them.
  REQUIRE(::chmod(dir.file("v").c_str(), 0644) == 0);
  OpenDatabase(dir.file("v"));
  struct stat st {};
  REQUIRE(::stat(dir.file("v").c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0600);
  if (::geteuid() != 0) return;
  std::string before = contents(dir.file("v"));
  for (const char* ending : {"", "-run"}) {
    REQUIRE(::chown((dir.file("v") + ending).c_str(), 12345, 0) == 0);
    std::string what;
    CHECK(error_of_open(dir.file("v"), &what) == Errc::denied);
    CHECK(what.find("belongs to uid 12345") != std::string::npos);
    REQUIRE(::chown((dir.file("v") + ending).c_str(), 0, 0) == 0);
  }
  CHECK(contents(dir.file("v")) == before);
}

TEST_CASE("Another program's database, and a newer one, are refused and left untouched") {
  for (const char* change :
       {"CREATE TABLE t (x); INSERT INTO t VALUES (1)", "PRAGMA application_id = 5; CREATE TABLE t (x)",
        "PRAGMA application_id = 1651864420; PRAGMA user_version = 2; PRAGMA journal_mode = WAL"}) {
    INFO(change);
    TempDir dir;
    sql(dir.file("v"), change);
    REQUIRE(::chmod(dir.file("v").c_str(), 0600) == 0);
    std::string before = contents(dir.file("v"));
    CHECK(error_of_open(dir.file("v")) == Errc::invalid);
    CHECK(contents(dir.file("v")) == before);
    CHECK_FALSE(exists(dir.file("v.corrupt-1")));
  }
}

TEST_CASE("An empty file is no database, and becomes one at the first batch") {
  TempDir dir;
  write_file(dir.file("v"), "");
  OpenDatabase database(dir.file("v"));
  CHECK(database.found.set_aside.empty());
  REQUIRE(database->apply(one(batch(1, {row("a", 1, 1)}))));
  database.database.reset();
  CHECK(OpenDatabase(dir.file("v")).found.rows.size() == 1);
}

TEST_CASE("A damaged header is set aside") {
  TempDir dir;
  make_database(dir.file("v"));
  overwrite(dir.file("v"), 0, "no database here");
  std::string before = contents(dir.file("v"));
  check_set_aside(dir.file("v"), before);
}

TEST_CASE("A row that is not what was written is set aside, whichever byte of it has changed") {
  TempDir dir;
  make_database(dir.file("whole"));
  std::string whole = contents(dir.file("whole"));
  std::string page = contents(dir.file("whole-run"));
  size_t key_at = whole.find("key7" + std::string(100, 'v'));
  REQUIRE(key_at != std::string::npos);
  // From the header to the last byte of the checksum.
  for (size_t at = key_at - 40; at < key_at + 4 + 100 + 8; ++at) {
    INFO(at - key_at);
    TempDir damaged;
    std::string text = whole;
    text[at] = static_cast<char>(text[at] ^ 1);
    write_file(damaged.file("v"), text);
    write_file(damaged.file("v-run"), page);
    OpenDatabase database(damaged.file("v"), kBoot, 78);
    CHECK(database.found.set_aside == damaged.file("v.corrupt-1"));
    CHECK(database.found.damage.find("not what was written") != std::string::npos);
    CHECK(contents(damaged.file("v.corrupt-1")) == text);
  }
}

TEST_CASE("A database without its numbers is set aside, and so is one whose chunks are not all there") {
  for (const char* damage :
       {"UPDATE meta SET floor = 9", "DELETE FROM meta", "DROP TABLE meta", "DROP TABLE chunk",
        "DELETE FROM chunk WHERE id = 2", "UPDATE chunk SET id = 4 WHERE id = 3",
        "UPDATE chunk SET id = 0 WHERE id = 1", "UPDATE chunk SET id = id - 4",
        "UPDATE chunk SET entries = x'' WHERE id = 2", "UPDATE chunk SET entries = x'00' WHERE id = 2",
        "UPDATE chunk SET entries = zeroblob(100) WHERE id = 2",
        "UPDATE chunk SET entries = 7 WHERE id = 3"}) {
    INFO(damage);
    TempDir dir;
    make_database(dir.file("v"));
    {
      OpenDatabase database(dir.file("v"));
      for (uint64_t i = 1; i <= 2; ++i) REQUIRE(database->apply(one(batch(i, {row("a", i, kRows + i)}))));
      REQUIRE(database->finish(database.record(kRows + 2, 2), false));
    }
    sql(dir.file("v"), damage);
    std::string before = contents(dir.file("v"));
    check_set_aside(dir.file("v"), before);
  }
}

TEST_CASE("Damage where no row is read is found, too, before it is written over what is good") {
  TempDir dir;
  make_database(dir.file("v"));
  {
    OpenDatabase database(dir.file("v"), kBoot, 77, nullptr, kMaxLogPages, 0);
    // All that there was is moved, so that there are free pages.
    for (uint64_t i = 1; i <= 300; ++i) {
      REQUIRE(database->apply(one(batch(i, {row("key" + std::to_string(i % kRows), i, kRows + i)}))));
      REQUIRE(database->tidy());
    }
    REQUIRE(database->finish(database.record(kRows + 300, 300), false));
  }
  std::string whole = contents(dir.file("v"));
  // The first page of the list of free pages, and how many there are (sqlite.org/fileformat.html, 1.3).
  auto number = [&](size_t at) { return static_cast<size_t>(static_cast<unsigned char>(whole[at])); };
  size_t first_free = number(34) << 8U | number(35);
  REQUIRE(first_free != 0);
  REQUIRE(number(39) > 1);
  for (size_t at : {size_t{39}, (first_free - 1) * 4096 + 7}) {
    INFO(at);
    TempDir damaged;
    std::string text = whole;
    text[at] = static_cast<char>(text[at] ^ 1);
    write_file(damaged.file("v"), text);
    write_file(damaged.file("v-run"), contents(dir.file("v-run")));
    OpenDatabase database(damaged.file("v"), kBoot, 78);
    CHECK(database.found.set_aside == damaged.file("v.corrupt-1"));
    CHECK(database.found.damage.find("quick_check") == 0);
  }
}

TEST_CASE("A page of zeros anywhere is set aside, and a file that was cut") {
  TempDir dir;
  make_database(dir.file("whole"));
  std::string whole = contents(dir.file("whole"));
  std::string page = contents(dir.file("whole-run"));
  REQUIRE(whole.size() >= 8 * 4096);
  for (size_t at = 4096; at < whole.size(); at += 4096) {
    INFO(at);
    TempDir damaged;
    std::string text = whole;
    text.replace(at, 4096, std::string(4096, '\0'));
    write_file(damaged.file("v"), text);
    write_file(damaged.file("v-run"), page);
    check_set_aside(damaged.file("v"), text);
  }
  TempDir cut;
  write_file(cut.file("v"), whole.substr(0, whole.size() / 2));
  write_file(cut.file("v-run"), page);
  check_set_aside(cut.file("v"), whole.substr(0, whole.size() / 2));
}

TEST_CASE("A log without its database is set aside, for it would be read as part of the next one") {
  TempDir dir;
  make_database(dir.file("v"));
  {
    OpenDatabase database(dir.file("v"));
    REQUIRE(database->apply(one(batch(1, {row("a", 1, kRows + 1)}))));
  }
  REQUIRE(::unlink(dir.file("v").c_str()) == 0);
  std::string log = contents(dir.file("v-wal"));
  REQUIRE(log.size() > 4096);
  OpenDatabase database(dir.file("v"));
  CHECK(database.found.set_aside == dir.file("v.corrupt-1"));
  CHECK(contents(dir.file("v.corrupt-1-wal")) == log);
  REQUIRE(database->apply(one(batch(1, {row("b", 1, kRows + 2)}))));
  database.database.reset();
  CHECK(texts(OpenDatabase(dir.file("v")).found.rows).size() == 1);
}

TEST_CASE("What is set aside gets a number that is free, and travels with its log") {
  TempDir dir;
  make_database(dir.file("v"));
  write_file(dir.file("v.corrupt-1"), "first");
  write_file(dir.file("v.corrupt-2-wal"), "second");
  {
    OpenDatabase database(dir.file("v"));
    REQUIRE(database->apply(one(batch(1, {row("a", 1, kRows + 1)}))));
  }
  std::string log = contents(dir.file("v-wal"));
  overwrite(dir.file("v"), 0, "no database here");
  std::string before = contents(dir.file("v"));
  check_set_aside(dir.file("v"), before, 3);
  CHECK(contents(dir.file("v.corrupt-3-wal")) == log);
  CHECK(contents(dir.file("v.corrupt-1")) == "first");
  CHECK(contents(dir.file("v.corrupt-2-wal")) == "second");
}

namespace {

// What a hub that died has left of a database with a few changes in its log.
struct Left {
  std::string file;
  std::string log;
  std::string page;

  Left() {
    TempDir dir;
    make_database(dir.file("v"));
    {
      OpenDatabase database(dir.file("v"));
      for (uint64_t i = 1; i <= 5; ++i)
        REQUIRE(database->apply(one(batch(i, {row("n" + std::to_string(i), 1, kRows + i)}))));
      database.give(kRows + 5, 1);
    }
    file = contents(dir.file("v"));
    log = contents(dir.file("v-wal"));
    page = contents(dir.file("v-run"));
  }
  void write_to(const std::string& path) const {
    write_file(path, file);
    write_file(path + "-wal", log);
    write_file(path + "-run", page);
  }
};

}  // namespace

TEST_CASE(
    "A log that lacks what was committed is damaged after a SIGKILL, and set aside with all that it belongs "
    "to") {
  const Left left;
  for (size_t cut : {size_t{20}, left.log.size() / 2, left.log.size() - 4096, left.log.size() - 1}) {
    INFO(cut << " of " << left.log.size());
    TempDir dir;
    Left torn = left;
    torn.log.resize(cut);
    torn.write_to(dir.file("v"));
    check_set_aside(dir.file("v"), left.file);
    CHECK(contents(dir.file("v.corrupt-1-wal")) == torn.log);
  }
  for (size_t at = 40; at < left.log.size(); at += 1000) {
    INFO("byte " << at << " of " << left.log.size());
    TempDir dir;
    Left changed = left;
    changed.log[at] = static_cast<char>(changed.log[at] ^ 1);
    changed.write_to(dir.file("v"));
    OpenDatabase database(dir.file("v"), kBoot, 78);
    CHECK(database.found.set_aside == dir.file("v.corrupt-1"));
    CHECK(database.found.damage.find("log") != std::string::npos);
    CHECK(database.found.start.is_new_epoch);
    CHECK(database.found.start.rev >= kRows + 5);
  }
}

TEST_CASE("After a loss of power a log may have lost its end, which is no damage") {
  const Left left;
  for (size_t cut : {size_t{0}, size_t{20}, left.log.size() / 2, left.log.size() - 1, left.log.size()}) {
    INFO(cut << " of " << left.log.size());
    TempDir dir;
    Left torn = left;
    torn.log.resize(cut);
    torn.write_to(dir.file("v"));
    OpenDatabase database(dir.file("v"), kNextBoot, 78);
    CHECK(database.found.set_aside.empty());
    CHECK(database.found.start.ending == Ending::power);
    CHECK_FALSE(is_unexpected(database.found.start.ending));
    CHECK((database.found.rows.size() == kRows + 5) == (cut == left.log.size()));
    CHECK(database.found.rows.size() >= kRows);
  }
}

TEST_CASE("What is torn behind the last commit of a log is nobody's loss, and is not mentioned") {
  const Left left;
  for (size_t more : {size_t{1}, size_t{24}, size_t{2000}, size_t{4120}, size_t{5000}}) {
    INFO(more << " bytes more");
    TempDir dir;
    Left torn = left;
    // The beginning of what is there once more: a frame without a commit.
    torn.log += left.log.substr(32, more);
    torn.write_to(dir.file("v"));
    OpenDatabase database(dir.file("v"), kBoot, 78);
    CHECK(database.found.set_aside.empty());
    CHECK(database.found.start.ending == Ending::in_order);
    CHECK_FALSE(database.found.start.is_new_epoch);
    CHECK(database.found.rows.size() == kRows + 5);
  }
}

TEST_CASE(
    "A file that was removed or replaced while no hub ran is missed, and what is there is gone on with") {
  const Left left;
  struct Case {
    const char* what;
    void (*harm)(const std::string& path);
    Ending ending;
    size_t rows;
  };
  auto remove = [](const std::string& path) { REQUIRE(::unlink(path.c_str()) == 0); };
  static const auto remove_file = remove;
  for (const Case& c :
       {Case{"the log is removed", [](const std::string& path) { remove_file(path + "-wal"); }, Ending::older,
             kRows},
        Case{"the log is emptied", [](const std::string& path) { write_file(path + "-wal", ""); },
             Ending::older, kRows},
        Case{"the page is removed", [](const std::string& path) { remove_file(path + "-run"); },
             Ending::no_record, kRows + 5},
        Case{"the page is another file",
             [](const std::string& path) { write_file(path + "-run", std::string(4096, 'x')); },
             Ending::no_record, kRows + 5},
        Case{"the page is another store's",
             [](const std::string& path) {
               remove_file(path + "-run");
               auto page = RunPage::lock(path + "-run");
               RunRecord other;
               other.epoch = 5;
               other.boot = kBoot;
               page->begin(other);
             },
             Ending::other_record, kRows + 5},
        Case{"only the page is left",
             [](const std::string& path) {
               remove_file(path);
               remove_file(path + "-wal");
             },
             Ending::no_database, 0}}) {
    INFO(c.what);
    TempDir dir;
    left.write_to(dir.file("v"));
    c.harm(dir.file("v"));
    OpenDatabase database(dir.file("v"), kBoot, 78);
    CHECK(database.found.start.ending == c.ending);
    CHECK(is_unexpected(database.found.start.ending));
    CHECK(describe(c.ending, dir.file("v")).find(dir.file("v")) != std::string::npos);
    CHECK(database.found.set_aside.empty());
    CHECK(database.found.rows.size() == c.rows);
    CHECK(database.found.start.is_new_epoch);
    // It is said once.
    REQUIRE(database->apply(one(batch(1, {row("z", 3'000'000'000, 3'000'000'000)}))));
    database.give(3'000'000'000, 3'000'000'000);
    database.database.reset();
    CHECK(OpenDatabase(dir.file("v"), kBoot, 79).found.start.ending == Ending::in_order);
  }
}

TEST_CASE(
    "A file that is no database, and that no hub has kept values in, is somebody's: refused and left "
    "untouched") {
  for (bool has_page : {false, true}) {
    TempDir dir;
    write_file(dir.file("v"), "my notes\n");
    if (has_page) write_file(dir.file("v-run"), std::string(4096, 'n'));
    std::string what;
    CHECK(error_of_open(dir.file("v"), &what) == Errc::invalid);
    CHECK(what.find("is no database") != std::string::npos);
    CHECK(what.find("left untouched") != std::string::npos);
    CHECK(contents(dir.file("v")) == "my notes\n");
    CHECK_FALSE(exists(dir.file("v.corrupt-1")));
    CHECK(exists(dir.file("v-run")) == has_page);
    if (has_page) CHECK(contents(dir.file("v-run")) == std::string(4096, 'n'));
  }
}

TEST_CASE("A directory of the kernel's own is refused, and so is one that would be made there") {
  for (const std::string& directory : {"/proc/" + std::to_string(::getpid()), std::string("/proc/new/er")}) {
    INFO(directory);
    std::string path = directory + "/v";
    auto files = look_at_files(path);
    REQUIRE_FALSE(files);
    CHECK(files.error().code == Errc::invalid);
    CHECK(files.error().what.find("belongs to the kernel") != std::string::npos);
  }
}
