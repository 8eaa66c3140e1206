#include "hub/store/run_page.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "hub/store/checksum.h"
#include "protocol/base/file.h"
#include "protocol/base/lock_holder.h"
#include "protocol/base/strings.h"

namespace bus::hub::store {

namespace {

constexpr size_t kPageBytes = 4096;
constexpr uint64_t kMagic = 0x6275'7364'7275'6e32;  // "busdrun2"

// Another thread, or the next process, sees it whole and after what was set before.
void set(uint64_t& word, uint64_t value) noexcept {
  std::atomic_ref<uint64_t>(word).store(value, std::memory_order_release);
}

uint64_t get(uint64_t& word) noexcept {
  return std::atomic_ref<uint64_t>(word).load(std::memory_order_acquire);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

Error held_by_other(const std::string& path) {
  int64_t pid = inspect_lock(path).pid;
  return {Errc::busy,
          "another hub keeps its values there: " +
              (pid > 0 ? "pid " + std::to_string(pid) + " holds" : std::string("somebody holds")) +
              " the lock on " + printable(path)};
}

}  // namespace

struct RunPage::Layout {
  enum Field { epoch, boot_0, boot_1, memory, rev, version, stored_rev, clean, fields };

  uint64_t magic;
  uint64_t current;        // the record that counts: 0 or 1
  uint64_t failed_epoch;   // of a run that has failed
  uint64_t committed_rev;  // never goes back
  uint64_t next_epoch;
  // `clean` is the checksum of all else when the run ended in good order, else 0: a page of which a loss of power has kept one half is
  // not taken for one.
  uint64_t records[2][fields];

  uint64_t& operator[](Field field) { return records[get(current) & 1U][field]; }

  uint64_t checksum() {
    Checksum sum;
    for (uint64_t* word : {&magic, &current, &failed_epoch, &committed_rev, &next_epoch}) sum.add(get(*word));
    for (auto& record : records) {
      for (uint64_t& word : record) sum.add(&word == &(*this)[clean] ? 0 : get(word));
    }
    return sum.value() | 1;
  }
};

Result<RunPage> RunPage::in_memory() {
  void* memory = ::mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return errno_error("map a page", errno);
  return RunPage(Fd(), static_cast<Layout*>(memory));
}

Result<RunPage> RunPage::lock(const std::string& path) {
  auto locked = try_lock_file(path);
  if (!locked) {
    // One that does not stay is nobody's.
    if (locked.error().code != Errc::busy || inspect_lock(path).state != LockState::held)
      return std::move(locked.error());
    return held_by_other(path);
  }
  Fd file = std::move(*locked);
  // A file with holes would have no place for what is written to it when the disk is full, and end the program for that.
  if (int failed = ::posix_fallocate(file.get(), 0, kPageBytes); failed != 0)
    return errno_error("make room in " + printable(path), failed);
  void* memory = ::mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return errno_error("map " + printable(path), errno);
  return RunPage(std::move(file), static_cast<Layout*>(memory));
}

Result<RunPage> RunPage::lock_to_read(const std::string& path) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) return errno_error("open " + printable(path), errno);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return errno_error("lock " + printable(path), errno);
    return held_by_other(path);
  }
  void* memory = ::mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.get(), 0);
  if (memory == MAP_FAILED) return errno_error("map " + printable(path), errno);
  return RunPage(std::move(file), static_cast<Layout*>(memory));
}

RunPage::RunPage(RunPage&& other) noexcept
    : file_(std::move(other.file_)), page_(std::exchange(other.page_, nullptr)) {}

RunPage::~RunPage() {
  if (page_ != nullptr) ::munmap(page_, kPageBytes);
}

std::optional<RunRecord> RunPage::read() const {
  Layout& page = *page_;
  if (get(page.magic) != kMagic) return std::nullopt;
  RunRecord out;
  out.epoch = get(page[Layout::epoch]);
  uint64_t boot[2] = {get(page[Layout::boot_0]), get(page[Layout::boot_1])};
  std::memcpy(out.boot.data(), boot, sizeof boot);
  out.clean = get(page[Layout::clean]) == page.checksum();
  out.memory = get(page[Layout::memory]) != 0;
  out.failed = get(page.failed_epoch) == out.epoch;
  out.rev = get(page[Layout::rev]);
  out.version = get(page[Layout::version]);
  out.stored_rev = get(page[Layout::stored_rev]);
  out.committed_rev = get(page.committed_rev);
  out.next_epoch = get(page.next_epoch);
  return out;
}

void RunPage::begin(const RunRecord& run) noexcept {
  Layout& page = *page_;
  bool is_new = get(page.magic) != kMagic;
  if (is_new) std::memset(page_, 0, sizeof *page_);
  uint64_t other = 1 - (get(page.current) & 1U);
  uint64_t boot[2];
  std::memcpy(boot, run.boot.data(), sizeof boot);
  const uint64_t record[Layout::fields] = {run.epoch, boot[0],     boot[1],        run.memory ? 1U : 0U,
                                           run.rev,   run.version, run.stored_rev, 0};
  for (size_t i = 0; i < Layout::fields; ++i) set(page.records[other][i], record[i]);
  set(page.current, other);
  set(page.magic, kMagic);
}

void RunPage::announce(uint64_t next_epoch) noexcept { set(page_->next_epoch, next_epoch); }

Result<void> RunPage::finish(bool memory) {
  set((*page_)[Layout::memory], memory ? 1 : 0);
  set((*page_)[Layout::clean], page_->checksum());
  return sync();
}

Result<void> RunPage::sync() {
  if (!file_) return {};
  // On Linux this is also for what was written through a mapping (fsync(2), msync(2)).
  if (::fsync(file_.get()) != 0) return errno_error("sync the record of the run", errno);
  return {};
}

void RunPage::give(uint64_t rev, uint64_t version) noexcept {
  set((*page_)[Layout::rev], rev);
  set((*page_)[Layout::version], version);
}

void RunPage::set_memory() noexcept { set((*page_)[Layout::memory], 1); }

void RunPage::set_stored(uint64_t rev) noexcept { set((*page_)[Layout::stored_rev], rev); }

void RunPage::set_failed() noexcept { set(page_->failed_epoch, get((*page_)[Layout::epoch])); }

void RunPage::set_committed(uint64_t rev) noexcept {
  if (rev > get(page_->committed_rev)) set(page_->committed_rev, rev);
}

Result<bool> is_run_page(const std::string& path) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) return errno_error("open " + printable(path), errno);
  uint64_t magic = 0;
  ssize_t got = ::pread(file.get(), &magic, sizeof magic, 0);
  if (got < 0) return errno_error("read " + printable(path), errno);
  return got == sizeof magic && magic == kMagic;
}

BootId this_boot() {
  BootId out{};
  auto text = read_file("/proc/sys/kernel/random/boot_id", 64);
  if (!text) return out;
  size_t digits = 0;
  for (char c : *text) {
    int digit = hex_digit(c);
    if (digit < 0 || digits == 2 * out.size()) continue;
    out[digits / 2] = static_cast<uint8_t>(out[digits / 2] * 16 + digit);
    ++digits;
  }
  return out;
}

}  // namespace bus::hub::store
