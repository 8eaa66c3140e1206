#include "consumer/sources/cgroup.h"

#include <filesystem>
#include <fstream>

#include "consumer/sources/record.h"
#include "consumer/sources/run_table.h"
#include "protocol/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace bus;
using namespace bus::sources;

TEST_CASE("Our cgroup is the line without controllers", "[cgroup]") {
  CHECK(own_cgroup("0::/user.slice/app.slice/x.service\n") == "/user.slice/app.slice/x.service");
  CHECK(own_cgroup("5:cpu:/a\n4:memory:/b\n0::/\n") == "/");
  CHECK(own_cgroup("0::/last") == "/last");
  CHECK_FALSE(own_cgroup("5:cpu:/a\n"));
  CHECK_FALSE(own_cgroup("10::/a\n"));
  CHECK_FALSE(own_cgroup(""));
}

TEST_CASE("Where cgroup2 is mounted is found, whatever else is", "[cgroup]") {
  CHECK(cgroup2_mount("29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n") ==
        "/sys/fs/cgroup");
  CHECK(cgroup2_mount("20 1 0:5 / /proc rw - proc proc rw\n"
                      "28 23 0:25 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
                      "29 23 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n") ==
        "/sys/fs/cgroup/unified");
  // Only a part of its tree: paths would mean something else.
  CHECK_FALSE(cgroup2_mount("29 23 0:26 /sub /mnt rw - cgroup2 cgroup2 rw\n"));
  CHECK_FALSE(cgroup2_mount("20 1 0:5 / /cgroup2 rw - tmpfs cgroup2 rw\n"));
  CHECK_FALSE(cgroup2_mount("29 23 0:26 / /mnt rw -\n"));
  CHECK_FALSE(cgroup2_mount("29 23\n\n - cgroup2\n"));
  CHECK_FALSE(cgroup2_mount(""));
}

TEST_CASE("A number is read behind its key", "[cgroup]") {
  CHECK(number_behind("low 0\noom 2\noom_kill 3\noom_group_kill 1\n", "oom_kill") == 3);
  CHECK(number_behind("oom_kill 3", "oom") == 0);
  CHECK(number_behind("oom_kill x\n", "oom_kill") == 0);
}

TEST_CASE("Only what an earlier one has made here is removed", "[cgroup]") {
  test::TempDir dir;
  CgroupParent parent(dir.path());
  auto made = parent.make("s-1-2");
  TimePoint at_once = now();
  REQUIRE(made);
  CHECK(*made == dir.path() + "/busd-source-s-1-2");
  CHECK_FALSE(parent.make("s-1-2"));
  std::filesystem::create_directory(dir.file("other"));
  std::filesystem::create_directory(*made + "/below");
  CHECK(parent.remove(dir.file("other"), at_once));
  CHECK(parent.remove(*made + "/below", at_once));
  CHECK(parent.remove(dir.path() + "x/busd-source-s", at_once));
  CHECK(std::filesystem::exists(dir.file("other")));
  CHECK(std::filesystem::exists(*made + "/below"));
  std::filesystem::remove(*made + "/below");
  CHECK(parent.remove(*made, at_once));
  CHECK_FALSE(std::filesystem::exists(*made));
}

TEST_CASE("The cgroup of a run is recorded before there is one", "[cgroup]") {
  test::TempDir dir;
  auto loop = Loop::create();
  REQUIRE(loop);
  RunTable table(**loop, "/bin/true", 77);
  table.use_record(dir.file("record"));
  // Where none can be made: so what is recorded was before that.
  table.use_cgroups(CgroupParent(dir.file("missing")));
  Launch launch;
  launch.source = "s";
  std::unique_ptr<Cgroup> cgroup;
  std::vector<std::string> complaints;
  CHECK(table.plan(5, launch, cgroup, complaints)->cgroup.empty());
  CHECK_FALSE(cgroup);
  auto recorded = read_record(dir.file("record"));
  REQUIRE(recorded);
  REQUIRE(recorded->runs.size() == 1);
  CHECK(recorded->runs.at(5).cgroup ==
        dir.file("missing") + "/busd-source-" + place_of_record(dir.file("record")) + "-s-77-5");
}

TEST_CASE("Limits are written to the files of the controllers, and a lacking one is named", "[cgroup]") {
  test::TempDir dir;
  std::string path = dir.file("g");
  std::filesystem::create_directory(path);
  Cgroup cgroup(path);
  auto lacking = cgroup.limit_memory(1000);
  REQUIRE_FALSE(lacking);
  CHECK(lacking.error().what == "\"" + path + "/memory.max\": No such file or directory");
  CHECK_FALSE(cgroup.kill());
  for (const char* file : {"memory.max", "memory.oom.group", "cpu.weight", "cgroup.kill"})
    std::ofstream(path + "/" + file);
  REQUIRE(cgroup.limit_memory(1000));
  REQUIRE(cgroup.weigh_cpu(50));
  CHECK(*read_file(path + "/memory.max", 99) == "1000");
  CHECK(*read_file(path + "/cpu.weight", 99) == "50");
  CHECK(cgroup.kill());
  CHECK(*read_file(path + "/cgroup.kill", 99) == "1");
  CHECK_FALSE(cgroup.has_run_out_of_memory());
  std::ofstream(path + "/memory.events") << "oom 1\noom_kill 1\n";
  CHECK(cgroup.has_run_out_of_memory());
}
