#include "consumer/gocache/place.h"

#include "tests/unit/gocache/support.h"

using namespace bus;
using namespace bus::gocache;

namespace {

Errc fault_of(const std::string& path, bool read_only = false) {
  auto place = Place::open(path, read_only);
  REQUIRE_FALSE(place);
  return place.error().code;
}

unsigned mode_of(const std::string& path) {
  struct stat st {};
  REQUIRE(::lstat(path.c_str(), &st) == 0);
  return st.st_mode & 07777U;
}

bool can_give_away(const std::string& path) {
  return ::geteuid() == 0 && ::lchown(path.c_str(), 12345, 12345) == 0;
}

}  // namespace

TEST_CASE("A place makes its directories, for us alone") {
  TempDir temp;
  std::string path = temp.file("a/b/cache");
  Place place = Rig::opened(path);
  CHECK(place.path() == path);
  CHECK(place.is_local());
  CHECK(names_in(path) == std::vector<std::string>{"bus-gocache"});
  CHECK(names_in(path + "/bus-gocache") == std::vector<std::string>{"outputs", "run", "tmp"});
  for (const char* each : {"", "/bus-gocache", "/bus-gocache/run", "/bus-gocache/tmp"})
    CHECK(mode_of(path + each) == 0700);
  // Once more, with all of it there.
  Rig::opened(path);
}

TEST_CASE("The path of a place is absolute, without a slash at its end") {
  TempDir temp;
  CHECK(Rig::opened(temp.file("cache") + "///").path() == temp.file("cache"));
  std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(temp.path());
  std::string path = Rig::opened("relative").path();
  std::filesystem::current_path(before);
  CHECK(path == temp.file("relative"));
}

TEST_CASE("A directory that others may write to, or that is none, is refused") {
  TempDir temp;
  std::string path = temp.file("cache");
  for (unsigned mode : {0777U, 0770U, 0702U, 01777U}) {
    std::filesystem::create_directory(path);
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    CHECK(fault_of(path) == Errc::denied);
    CHECK(fault_of(path, true) == Errc::denied);
    CHECK(names_in(path).empty());
    std::filesystem::remove(path);
  }
  write_file(path, "");
  CHECK(fault_of(path) == Errc::denied);
  CHECK(fault_of(path, true) == Errc::denied);
}

TEST_CASE("A directory that others may only read is taken as it is") {
  Rig rig;
  REQUIRE(::chmod(rig.directory.c_str(), 0755) == 0);
  Rig::opened(rig.directory);
  CHECK(mode_of(rig.directory) == 0755);
}

TEST_CASE("A symlink in the place of the directory is refused") {
  Rig rig;
  std::string link = rig.temp.file("link");
  std::filesystem::create_symlink(rig.directory, link);
  CHECK(fault_of(link) == Errc::denied);
  CHECK(fault_of(link, true) == Errc::denied);
}

TEST_CASE("A directory of another user is refused") {
  Rig rig;
  if (!can_give_away(rig.directory)) {
    WARN("skipped: giving a directory away needs root");
    return;
  }
  CHECK(fault_of(rig.directory) == Errc::denied);
  CHECK(fault_of(rig.directory, true) == Errc::denied);
}

TEST_CASE("Our own files are refused where others may write to their directory, or it is a symlink") {
  Rig rig;
  std::string own = rig.own("");
  own.pop_back();
  REQUIRE(::chmod(own.c_str(), 0777) == 0);
  CHECK(fault_of(rig.directory) == Errc::denied);
  std::filesystem::rename(own, rig.temp.file("moved"));
  REQUIRE(::chmod(rig.temp.file("moved").c_str(), 0700) == 0);
  std::filesystem::create_symlink(rig.temp.file("moved"), own);
  CHECK(fault_of(rig.directory) == Errc::denied);
}

TEST_CASE("A place that is only read makes nothing") {
  TempDir temp;
  CHECK(fault_of(temp.file("cache"), true) == Errc::unavailable);
  CHECK(names_in(temp.path()).empty());
  std::filesystem::create_directory(temp.file("cache"));
  REQUIRE(::chmod(temp.file("cache").c_str(), 0700) == 0);
  Place place = Rig::opened(temp.file("cache"), true);
  CHECK(place.own() == -1);
  CHECK_FALSE(place.trusts(an_id(1)));
  CHECK(names_in(temp.file("cache")).empty());
  Rig::opened(temp.file("cache"));
  CHECK(Rig::opened(temp.file("cache"), true).own() >= 0);
}

TEST_CASE("A directory of entries is made when it is needed, for us alone") {
  Rig rig;
  CHECK(rig.place.trusts(an_id(0xab)));
  CHECK(mode_of(rig.directory + "/ab") == 0700);
  CHECK(names_in(rig.directory) == std::vector<std::string>{"ab", "bus-gocache"});
}

TEST_CASE("A directory of entries that others may write to is not trusted, and others are") {
  Rig rig;
  for (const char* name : {"01", "02", "03", "04", "05"})
    std::filesystem::create_directory(rig.directory + "/" + name);
  REQUIRE(::chmod((rig.directory + "/01").c_str(), 0777) == 0);
  REQUIRE(::chmod((rig.directory + "/02").c_str(), 0770) == 0);
  REQUIRE(::chmod((rig.directory + "/03").c_str(), 0755) == 0);
  REQUIRE(::chmod((rig.directory + "/04").c_str(), 0700) == 0);
  std::filesystem::create_symlink(rig.directory + "/04", rig.directory + "/06");
  write_file(rig.directory + "/07", "");
  for (bool read_only : {false, true}) {
    Place place = Rig::opened(rig.directory, read_only);
    CHECK_FALSE(place.trusts(an_id(1)));
    CHECK_FALSE(place.trusts(an_id(1)));
    CHECK_FALSE(place.trusts(an_id(2)));
    CHECK(place.trusts(an_id(3)));
    CHECK(place.trusts(an_id(4)));
    CHECK_FALSE(place.trusts(an_id(6)));
    CHECK_FALSE(place.trusts(an_id(7)));
  }
  if (!can_give_away(rig.directory + "/05")) return;
  CHECK_FALSE(Rig::opened(rig.directory).trusts(an_id(5)));
}

TEST_CASE("A directory of entries that comes later is trusted by a run that only reads") {
  Rig rig;
  Place reader = Rig::opened(rig.directory, true);
  CHECK_FALSE(reader.trusts(an_id(9)));
  CHECK(rig.place.trusts(an_id(9)));
  CHECK(reader.trusts(an_id(9)));
}

TEST_CASE("Only regular files of ours that nobody else can write are served") {
  Rig rig;
  struct stat st {};
  st.st_uid = ::geteuid();
  st.st_mode = S_IFREG | 0644;
  CHECK(rig.place.may_serve(st));
  for (mode_t mode : {S_IFREG | 0664U, S_IFREG | 0646U, S_IFDIR | 0700U, S_IFLNK | 0700U, S_IFIFO | 0600U}) {
    st.st_mode = mode;
    CHECK_FALSE(rig.place.may_serve(st));
  }
  st.st_mode = S_IFREG | 0644;
  st.st_uid = ::geteuid() + 1;
  CHECK_FALSE(rig.place.may_serve(st));
  CHECK_FALSE(Rig::opened(rig.directory, true).may_serve(st));
  st.st_uid = 0;
  CHECK(Rig::opened(rig.directory, true).may_serve(st));
}

TEST_CASE("Files have the names of the go command's own cache") {
  Id id = an_id(0xab, 0xcd);
  std::string name = "ab";
  for (int i = 0; i < 31; ++i) name += "cd";
  CHECK(name_of(id, Kind::action) == "ab/" + name + "-a");
  CHECK(name_of(id, Kind::output) == "ab/" + name + "-d");
  auto known = named(name + "-d");
  REQUIRE(known);
  CHECK(known->id == id);
  CHECK(known->kind == Kind::output);
  CHECK(named(name + "-a")->kind == Kind::action);
  for (const std::string& wrong : {name + "-x", name + "_a", name + "-a.tmp", name.substr(1) + "-a",
                                   "A" + name.substr(1) + "-a", std::string("README"), std::string()}) {
    CHECK_FALSE(named(wrong));
  }
}

TEST_CASE("Sizes are told in their largest unit") {
  CHECK(bytes_text(0) == "0 B");
  CHECK(bytes_text(1023) == "1023 B");
  CHECK(bytes_text(1024) == "1.0 KiB");
  CHECK(bytes_text(uint64_t{16} << 20U) == "16 MiB");
  CHECK(bytes_text(uint64_t{10} << 30U) == "10 GiB");
  CHECK(bytes_text(uint64_t{5} << 50U) == "5120 TiB");
}
