#include "consumer/sources/record.h"

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

#include "protocol/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace bus;
using namespace bus::sources;

namespace {

const std::string kHead = "busd-sources 1 some-boot 77\n";

std::map<uint32_t, RecordedRun> runs_in(const std::string& lines) {
  auto recorded = parse_record(kHead + lines);
  REQUIRE(recorded);
  return recorded->runs;
}

// What a record keeps: its file, and the runs that the file says.
struct Rig {
  Rig() : record(std::move(*Record::begin(path, 77))) {}
  std::map<uint32_t, RecordedRun> runs() const {
    auto recorded = read_record(path);
    REQUIRE(recorded);
    CHECK(recorded->instance == 77);
    CHECK(recorded->boot_id == boot_id());
    return recorded->runs;
  }
  test::TempDir dir;
  std::string path = dir.file("record");
  Record record;
};

}  // namespace

TEST_CASE("A record says which runs have not ended", "[record]") {
  auto runs =
      runs_in("run 1 a -\npid 1 100 5000\nrun 2 b /sys/fs/cgroup/x y\nrun 3 c -\npid 3 300 6000\nend 1\n");
  REQUIRE(runs.size() == 2);
  CHECK(runs[2] == RecordedRun{"b", "/sys/fs/cgroup/x y", 0, 0});
  CHECK(runs[3] == RecordedRun{"c", "", 300, 6000});
}

TEST_CASE("What is no record, or of another version, is none", "[record]") {
  for (const char* text :
       {"", "\n", "busd-sources 1 boot 77", "busd-sources 2 boot 77\n", "busd-sources 1 boot\n",
        "busd-sources 1 boot x\n", "busd-sources 1 boot 4294967296\n", "{}\n",
        "\x7f"
        "ELF\n"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_record(text));
  }
  CHECK(parse_record(kHead));
}

TEST_CASE("Lines that make no sense are passed over, and so is one that was not finished", "[record]") {
  CHECK(runs_in("run x a -\nrun\n\nrub 4 a -\npid 9 1 1\nend 9\nend\n").empty());
  CHECK(runs_in("run 1 a -\npid 1 100 50").at(1).pid == 0);
  CHECK(runs_in("run 1 a -\npid 1 100\n").at(1).pid == 0);
  CHECK(runs_in("run 1 a -\npid 1 -100 5\n").at(1).pid == 0);
  CHECK(runs_in("run 1 a -\npid 1 99999999999 5\n").at(1).pid == 0);
  CHECK(runs_in("run 1 a -\nen").contains(1));
  CHECK(runs_in("run 1 a -\nend 1").contains(1));
}

TEST_CASE("A record cut at any byte is read, and knows no run that was not there", "[record]") {
  std::string text = kHead + "run 1 a -\npid 1 100 5000\nrun 2 b -\nend 1\npid 2 200 6000\n";
  for (size_t length = 0; length <= text.size(); ++length) {
    auto recorded = parse_record(text.substr(0, length));
    CHECK(recorded.has_value() == (length >= kHead.size()));
    if (!recorded) continue;
    for (const auto& [serial, run] : recorded->runs) {
      CHECK((serial == 1 || serial == 2));
      CHECK((run.pid == 0 || run.pid == serial * 100));
    }
  }
}

TEST_CASE("A record is written as runs come and go", "[record]") {
  Rig rig;
  CHECK(rig.runs().empty());
  REQUIRE(rig.record.add(1, {"a", "", 0, 0}));
  REQUIRE(rig.record.add(2, {"b", "/c g", 0, 0}));
  REQUIRE(rig.record.set_process(2, 200, 6000));
  REQUIRE(rig.record.set_process(9, 900, 6000));
  CHECK(rig.runs() == std::map<uint32_t, RecordedRun>{{1, {"a", "", 0, 0}}, {2, {"b", "/c g", 200, 6000}}});
  REQUIRE(rig.record.end(1));
  REQUIRE(rig.record.end(2));
  CHECK(rig.runs().empty());
  struct stat st {};
  REQUIRE(::stat(rig.path.c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0600);
}

TEST_CASE("A record does not grow with the number of runs that have ended", "[record]") {
  Rig rig;
  REQUIRE(rig.record.add(1, {"long", "", 0, 0}));
  REQUIRE(rig.record.set_process(1, 100, 5000));
  for (uint32_t serial = 2; serial < 20'000; ++serial) {
    REQUIRE(rig.record.add(serial, {"short", "", 0, 0}));
    REQUIRE(rig.record.set_process(serial, serial, serial));
    REQUIRE(rig.record.end(serial));
    CHECK(std::filesystem::file_size(rig.path) <= 65'536);
  }
  CHECK(rig.runs() == std::map<uint32_t, RecordedRun>{{1, {"long", "", 100, 5000}}});
  // Nothing is left beside it.
  CHECK(std::distance(std::filesystem::directory_iterator(rig.dir.path()), {}) == 1);
}

TEST_CASE("A record that was left is replaced, and what is foreign is not read", "[record]") {
  test::TempDir dir;
  std::string path = dir.file("record");
  CHECK_FALSE(read_record(path));
  std::ofstream(path) << kHead << "run 1 a -\n";
  CHECK(read_record(path));
  std::ofstream(path + ".new") << "left in the middle";
  REQUIRE(Record::begin(path, 5));
  CHECK(read_record(path)->runs.empty());

  std::filesystem::remove(path);
  std::ofstream(dir.file("elsewhere")) << kHead;
  std::filesystem::create_symlink(dir.file("elsewhere"), path);
  CHECK_FALSE(read_record(path));
  std::filesystem::remove(path);
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK_FALSE(read_record(path));
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  CHECK_FALSE(read_record(path));
  auto record = Record::begin(path, 5);
  REQUIRE_FALSE(record);
  CHECK(record.error().what.find("rename") == 0);
}
