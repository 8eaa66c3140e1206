// SQLite's view of the disk with the test in between: each call that changes a file can be told, held back or made to fail, and
// what was not synced can be forgotten.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <sqlite3.h>
#include <string>
#include <vector>

namespace bus::test {

class TestVfs {
 public:
  enum class Call { create, write, sync, truncate, shm, erase };
  // Before each call; what it returns is the call's answer unless it is SQLITE_OK. On the thread that calls.
  using Before = std::function<int(Call)>;

  explicit TestVfs(Before before = {});
  ~TestVfs();
  TestVfs(const TestVfs&) = delete;
  TestVfs& operator=(const TestVfs&) = delete;

  // Before each read; the same.
  void before_reads(std::function<int()> before) { before_read_ = std::move(before); }

  const char* name() const { return name_.c_str(); }

  // What the disk would hold of the file if the power went now: all that was synced, and of the writes after that some, by chance.
  std::string after_power_cut(const std::string& path, std::mt19937_64& chance);
  bool has(const std::string& path);

 private:
  friend struct TestVfsCalls;
  struct Change {
    bool truncates = false;
    size_t at = 0;
    std::string bytes;
    void apply(std::string& to) const;
  };
  struct Disk {
    std::string synced;
    std::vector<Change> waiting;
  };
  int before(Call call) { return before_ ? before_(call) : SQLITE_OK; }

  std::string name_;
  sqlite3_vfs vfs_{};
  sqlite3_vfs* real_;
  Before before_;
  std::function<int()> before_read_;
  std::mutex mutex_;
  std::map<std::string, Disk> disks_;
};

}  // namespace bus::test
