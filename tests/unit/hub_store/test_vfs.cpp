#include "tests/unit/hub_store/test_vfs.h"

#include <atomic>
#include <new>
#include <unistd.h>

#include "protocol/base/file.h"

namespace bus::test {

namespace {

std::string unused_name() {
  static std::atomic<int> number{0};
  return "busd-test-" + std::to_string(++number);
}

}  // namespace

void TestVfs::Change::apply(std::string& to) const {
  if (truncates) {
    to.resize(at);
    return;
  }
  if (to.size() < at + bytes.size()) to.resize(at + bytes.size());
  to.replace(at, bytes.size(), bytes);
}

struct TestVfsFile : sqlite3_file {
  TestVfs* owner;
  std::string* path;
  sqlite3_file* real;  // behind this
};

// The functions that SQLite calls.
struct TestVfsCalls {
  using Call = TestVfs::Call;

  static TestVfsFile& of(sqlite3_file* file) { return *static_cast<TestVfsFile*>(file); }
  static sqlite3_file* real(sqlite3_file* file) { return of(file).real; }
  static TestVfs& of(sqlite3_vfs* vfs) { return *static_cast<TestVfs*>(vfs->pAppData); }

  static void remember(sqlite3_file* file, TestVfs::Change change) {
    TestVfs& owner = *of(file).owner;
    std::lock_guard lock(owner.mutex_);
    owner.disks_[*of(file).path].waiting.push_back(std::move(change));
  }

  static int close(sqlite3_file* file) {
    int code = real(file)->pMethods->xClose(real(file));
    delete of(file).path;
    return code;
  }
  static int read(sqlite3_file* file, void* to, int bytes, sqlite3_int64 at) {
    TestVfs& owner = *of(file).owner;
    if (int code = owner.before_read_ ? owner.before_read_() : SQLITE_OK; code != SQLITE_OK) return code;
    return real(file)->pMethods->xRead(real(file), to, bytes, at);
  }
  static int write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 at) {
    if (int code = of(file).owner->before(Call::write); code != SQLITE_OK) return code;
    int code = real(file)->pMethods->xWrite(real(file), from, bytes, at);
    if (code == SQLITE_OK)
      remember(file, {false, static_cast<size_t>(at),
                      std::string(static_cast<const char*>(from), static_cast<size_t>(bytes))});
    return code;
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    if (int code = of(file).owner->before(Call::truncate); code != SQLITE_OK) return code;
    int code = real(file)->pMethods->xTruncate(real(file), size);
    if (code == SQLITE_OK) remember(file, {true, static_cast<size_t>(size), {}});
    return code;
  }
  static int sync(sqlite3_file* file, int flags) {
    TestVfs& owner = *of(file).owner;
    if (int code = owner.before(Call::sync); code != SQLITE_OK) return code;
    // The real one is left out: this machine keeps its power.
    static_cast<void>(flags);
    std::lock_guard lock(owner.mutex_);
    TestVfs::Disk& disk = owner.disks_[*of(file).path];
    for (const TestVfs::Change& change : disk.waiting) change.apply(disk.synced);
    disk.waiting.clear();
    return SQLITE_OK;
  }
  static int size(sqlite3_file* file, sqlite3_int64* out) {
    return real(file)->pMethods->xFileSize(real(file), out);
  }
  static int lock(sqlite3_file* file, int how) { return real(file)->pMethods->xLock(real(file), how); }
  static int unlock(sqlite3_file* file, int how) { return real(file)->pMethods->xUnlock(real(file), how); }
  static int reserved(sqlite3_file* file, int* out) {
    return real(file)->pMethods->xCheckReservedLock(real(file), out);
  }
  static int control(sqlite3_file* file, int what, void* argument) {
    return real(file)->pMethods->xFileControl(real(file), what, argument);
  }
  static int sector(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
  static int characteristics(sqlite3_file* file) {
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
  }
  static int shm_map(sqlite3_file* file, int region, int bytes, int extend, void volatile** out) {
    if (int code = of(file).owner->before(Call::shm); code != SQLITE_OK) return code;
    return real(file)->pMethods->xShmMap(real(file), region, bytes, extend, out);
  }
  static int shm_lock(sqlite3_file* file, int offset, int n, int flags) {
    return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
  }
  static void shm_barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
  static int shm_unmap(sqlite3_file* file, int erase) {
    return real(file)->pMethods->xShmUnmap(real(file), erase);
  }

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
    static const sqlite3_io_methods methods = {
        2,         close,    read,    write,  truncate,        sync,    size,     lock,
        unlock,    reserved, control, sector, characteristics, shm_map, shm_lock, shm_barrier,
        shm_unmap, nullptr,  nullptr};
    TestVfs& owner = of(vfs);
    auto* ours = new (file) TestVfsFile;
    ours->pMethods = nullptr;
    if ((flags & SQLITE_OPEN_CREATE) != 0 && path != nullptr && ::access(path, F_OK) != 0) {
      if (int code = owner.before(Call::create); code != SQLITE_OK) return code;
    }
    ours->owner = &owner;
    ours->real = reinterpret_cast<sqlite3_file*>(ours + 1);
    int code = owner.real_->xOpen(owner.real_, path, ours->real, flags, out_flags);
    if (code != SQLITE_OK) return code;
    ours->path = new std::string(path != nullptr ? path : "");
    ours->pMethods = &methods;
    std::lock_guard lock(owner.mutex_);
    auto [disk, is_new] = owner.disks_.try_emplace(*ours->path);
    if (is_new && path != nullptr) {
      // It was there before: then it is on the disk.
      if (auto text = read_file(path, 1'000'000'000)) disk->second.synced = *text;
    }
    return SQLITE_OK;
  }
  static int erase(sqlite3_vfs* vfs, const char* path, int sync) {
    TestVfs& owner = of(vfs);
    if (int code = owner.before(Call::erase); code != SQLITE_OK) return code;
    std::lock_guard lock(owner.mutex_);
    owner.disks_.erase(path);
    return owner.real_->xDelete(owner.real_, path, sync);
  }
};

TestVfs::TestVfs(Before before)
    : name_(unused_name()), real_(sqlite3_vfs_find(nullptr)), before_(std::move(before)) {
  vfs_ = *real_;
  vfs_.pNext = nullptr;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.szOsFile = static_cast<int>(sizeof(TestVfsFile)) + real_->szOsFile;
  vfs_.xOpen = &TestVfsCalls::open;
  vfs_.xDelete = &TestVfsCalls::erase;
  // The others look only at their arguments, but for the one that is the last error of a system call.
  sqlite3_vfs_register(&vfs_, 0);
}

TestVfs::~TestVfs() { sqlite3_vfs_unregister(&vfs_); }

std::string TestVfs::after_power_cut(const std::string& path, std::mt19937_64& chance) {
  std::lock_guard lock(mutex_);
  auto found = disks_.find(path);
  if (found == disks_.end()) return {};
  std::string out = found->second.synced;
  for (const Change& change : found->second.waiting) {
    if (chance() % 2 == 0) change.apply(out);
  }
  return out;
}

bool TestVfs::has(const std::string& path) {
  std::lock_guard lock(mutex_);
  return disks_.count(path) != 0;
}

}  // namespace bus::test
