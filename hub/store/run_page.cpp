#include "hub/store/run_page.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <utility>

#include "hub/store/checksum.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::hub::store {

namespace {

constexpr size_t kPageBytes = 4096;
constexpr uint64_t kMagic = 0x6275'7364'7275'6e31;  // "busdrun1"

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

}  // namespace

struct RunPage::Layout {
  uint64_t magic;
  uint64_t epoch;
  uint64_t boot[2];
  uint64_t memory;
  uint64_t failed;
  uint64_t rev;
  uint64_t version;
  uint64_t stored_rev;
  // The checksum of the others when the run ended in good order, else 0: a page of which a loss of power has kept one half is not
  // taken for one.
  uint64_t clean;

  uint64_t checksum() {
    Checksum sum;
    for (uint64_t* word : {&magic, &epoch, &boot[0], &boot[1], &memory, &failed, &rev, &version, &stored_rev})
      sum.add(get(*word));
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
    if (locked.error().code != Errc::busy) return std::move(locked.error());
    return Error{Errc::busy, "another hub keeps its values there: " + locked.error().what};
  }
  Fd file = std::move(*locked);
  // A file with holes would have no place for what is written to it when the disk is full, and end the program for that.
  if (int failed = ::posix_fallocate(file.get(), 0, kPageBytes); failed != 0)
    return errno_error("make room in " + printable(path), failed);
  void* memory = ::mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return errno_error("map " + printable(path), errno);
  return RunPage(std::move(file), static_cast<Layout*>(memory));
}

RunPage::RunPage(RunPage&& other) noexcept
    : file_(std::move(other.file_)), page_(std::exchange(other.page_, nullptr)) {}

RunPage::~RunPage() {
  if (page_ != nullptr) ::munmap(page_, kPageBytes);
}

std::optional<RunRecord> RunPage::read() const {
  if (get(page_->magic) != kMagic) return std::nullopt;
  RunRecord out;
  out.epoch = get(page_->epoch);
  uint64_t boot[2] = {get(page_->boot[0]), get(page_->boot[1])};
  std::memcpy(out.boot.data(), boot, sizeof boot);
  out.clean = get(page_->clean) == page_->checksum();
  out.memory = get(page_->memory) != 0;
  out.failed = get(page_->failed) != 0;
  out.rev = get(page_->rev);
  out.version = get(page_->version);
  out.stored_rev = get(page_->stored_rev);
  return out;
}

void RunPage::clear() noexcept {
  set(page_->magic, 0);
  set(page_->clean, 0);
  set(page_->failed, 0);
}

void RunPage::begin(const RunRecord& run) noexcept {
  uint64_t boot[2];
  std::memcpy(boot, run.boot.data(), sizeof boot);
  // A page of no known boot, until all else is written.
  set(page_->boot[0], 0);
  set(page_->boot[1], 0);
  set(page_->epoch, run.epoch);
  set(page_->rev, run.rev);
  set(page_->version, run.version);
  set(page_->stored_rev, run.stored_rev);
  set(page_->memory, run.memory ? 1 : 0);
  set(page_->magic, kMagic);
  set(page_->boot[0], boot[0]);
  set(page_->boot[1], boot[1]);
}

Result<void> RunPage::finish(bool memory) {
  set(page_->memory, memory ? 1 : 0);
  set(page_->clean, page_->checksum());
  return sync();
}

Result<void> RunPage::sync() {
  if (!file_) return {};
  // On Linux this is also for what was written through a mapping (fsync(2), msync(2)).
  if (::fsync(file_.get()) != 0) return errno_error("sync the record of the run", errno);
  return {};
}

void RunPage::give(uint64_t rev, uint64_t version) noexcept {
  set(page_->rev, rev);
  set(page_->version, version);
}

void RunPage::set_memory() noexcept { set(page_->memory, 1); }

void RunPage::set_stored(uint64_t rev) noexcept { set(page_->stored_rev, rev); }

void RunPage::set_failed() noexcept { set(page_->failed, 1); }

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
