// Lets the n-th call fail, for n = 1, 2, 3, … until none fails: every allocation, and every system call with
// every error that its manual page names (fault_calls.h), while a real busd starts, serves, stops, and is
// started in the background. A build with sanitizers tries fewer of them (next_to_fail).
//
// After each run: no crash, no hang, no spin, no torn or reordered frame, every gap in seq accounted for,
// descriptors as before, and service is back. Each entry prints how many runs it made and how long the
// slowest wait for service was.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "protocol/base/last_word.h"
#include "tests/faults/faulty_hub.h"
#include "tests/faults/scenario.h"
#include "tests/support/catch.h"
#include "tests/support/slow.h"

namespace bus::test {

namespace {

struct Tally {
  ~Tally() {
    std::printf("%s: %zu runs%s, %zu with a fault; service was back within %lld ms (the slowest: %s)\n", name,
                runs, kSlowBuild ? " (fewer, since this is a build with sanitizers)" : "", faults,
                to_ms(slowest) + 1, slowest_fault.c_str());
  }
  void add(const FaultyHub& hub, const Fault& fault) {
    ++runs;
    if (hub.failed() > 0) ++faults;
    if (hub.slowest_service() > slowest) slowest_fault = fault.text();
    slowest = std::max(slowest, hub.slowest_service());
  }
  const char* name;
  size_t runs = 0;
  size_t faults = 0;
  Duration slowest = Duration::zero();
  std::string slowest_fault{};
};

// EINTR and EAGAIN mean "again": a call that says so for ever is rightly tried for ever.
bool means_again(int error) { return error == EINTR || error == EAGAIN; }

// Which call is the next to fail: every one. Programs with sanitizers start slowly, so there it is the first
// and every third, which begin elsewhere for each error of a call.
size_t next_to_fail(size_t nth, size_t which_error) {
  constexpr size_t kStride = kSlowBuild ? 3 : 1;
  return nth == 1 ? 2 + which_error % kStride : nth + kStride;
}

// Runs `once` with each fault of `rows`, n = 1, 2, … until nothing failed: twice in a row, because how many
// reads and turns a play takes differs a little from one to the next.
void until_none_fails(const std::vector<FaultRow>& rows, bool all, FaultyHub& hub, Tally& tally,
                      const std::function<void(const Fault&)>& once) {
  for (const FaultRow& row : rows) {
    for (size_t i = 0; i < row.errors.size(); ++i) {
      if (all && means_again(row.errors[i])) continue;
      Fault fault{row.call, row.errors[i], 1, all};
      for (int without = 0; without < 2; fault.nth = next_to_fail(fault.nth, i)) {
        INFO(fault.text());
        once(fault);
        tally.add(hub, fault);
        without = hub.failed() > 0 ? 0 : without + 1;
        if (hub.calls(row.call) == 0) break;
      }
    }
  }
}

std::vector<FaultRow> rows_of(const std::vector<FaultCall>& calls) {
  std::vector<FaultRow> rows;
  for (const FaultRow& row : fault_rows()) {
    if (std::find(calls.begin(), calls.end(), row.call) != calls.end()) rows.push_back(row);
  }
  return rows;
}

std::vector<FaultRow> rows_without(const std::vector<FaultCall>& calls) {
  std::vector<FaultRow> rows;
  for (const FaultRow& row : fault_rows()) {
    if (std::find(calls.begin(), calls.end(), row.call) == calls.end()) rows.push_back(row);
  }
  return rows;
}

bool allocations_are_skipped() {
  if (can_fail_allocations()) return false;
  std::printf(
      "skipped: under a sanitizer, which brings its own allocator, only system calls can be made to fail\n");
  return true;
}

// Starts, and serves or ends; and whatever was left behind, the next one serves.
void start_under(FaultyHub& hub, const Fault& fault) {
  // Ready is told before the loop runs, and before a service manager is told.
  bool serves = hub.start(&fault) && hub.survived();
  // One that ends at once leaves its socket; one that gives up in order does not.
  // One whose every lstat says that there is nothing hands over, and cannot see whose socket it would remove.
  bool blind = hub.last_code() == 0 && fault.all;
  struct stat st {};
  if (!serves && hub.last_code() != kExitNoMemory && !blind) REQUIRE(::lstat(hub.socket().c_str(), &st) != 0);
  hub.expect_service();
  hub.stop();
  REQUIRE(::lstat(hub.socket().c_str(), &st) != 0);
}

using PlayIt = void (*)(FaultyHub& hub, const Fault& fault);

// Of a hub that has everything open that it opens when it is first needed.
size_t warm_descriptors(FaultyHub& hub, PlayIt play_it) {
  Fault none;
  none.nth = 0;
  play_it(hub, none);
  return hub.descriptors();
}

// What a hub that serves may end of: of a lack of memory, of a pipe of its own that cannot be read, though no
// kernel says so, and of a directory that lstat says is gone, since it then hands over.
bool may_end(FaultCall call) { return call == FAULT_alloc || call == FAULT_read || call == FAULT_lstat; }

void serve_under(FaultyHub& hub, const Fault& fault, PlayIt play_it, size_t baseline) {
  pid_t before = hub.running() ? hub.pid() : 0;
  play_it(hub, fault);
  bool ended = !hub.running();
  if (ended && !may_end(fault.call)) FAIL("busd may not end of this");
  hub.expect_service();
  if (ended || before == 0) return;
  // The clients have gone; the hub learns of them in its own time, and each look is a round trip.
  TimePoint deadline = now() + kPatience;
  while (hub.descriptors() > baseline) {
    if (now() >= deadline) FAIL("a descriptor leaks: " << hub.descriptors() << " instead of " << baseline);
    hub.expect_service();
  }
}

void serve(const char* name, const std::vector<FaultRow>& rows, PlayIt play_it = play) {
  FaultyHub hub;
  Tally tally{name};
  size_t baseline = warm_descriptors(hub, play_it);
  until_none_fails(rows, false, hub, tally,
                   [&](const Fault& fault) { serve_under(hub, fault, play_it, baseline); });
  hub.stop();
}

const std::vector<FaultCall> kInput = {FAULT_accept4,    FAULT_recv,       FAULT_read,      FAULT_poll,
                                       FAULT_epoll_wait, FAULT_getsockopt, FAULT_setsockopt};
const std::vector<FaultCall> kOutput = {FAULT_send, FAULT_vmsplice, FAULT_splice};

}  // namespace

TEST_CASE("busd starts or says why not, whichever allocation fails", "[start-memory]") {
  if (allocations_are_skipped()) return;
  FaultyHub hub;
  Tally tally{"start-memory"};
  until_none_fails(rows_of({FAULT_alloc}), false, hub, tally,
                   [&](const Fault& fault) { start_under(hub, fault); });
}

TEST_CASE("busd starts or says why not, whichever system call fails", "[start-calls]") {
  FaultyHub hub;
  Tally tally{"start-calls"};
  auto once = [&](const Fault& fault) { start_under(hub, fault); };
  until_none_fails(rows_without({FAULT_alloc}), false, hub, tally, once);
  until_none_fails(rows_without({FAULT_alloc}), true, hub, tally, once);
}

TEST_CASE("busd makes a place that a group can reach, or leaves none, whichever system call fails",
          "[start-open]") {
  FaultyHub hub;
  Tally tally{"start-open"};
  hub.open_to_group(::getegid());
  std::vector<FaultRow> rows = rows_of({FAULT_mkdir, FAULT_lchown, FAULT_fchmodat, FAULT_chmod, FAULT_lstat});
  until_none_fails(rows, false, hub, tally, [&](const Fault& fault) {
    hub.close_place();
    bool serves = hub.start(&fault) && hub.survived();
    struct stat st {};
    bool made = ::lstat(hub.file("open").c_str(), &st) == 0;
    // One that failed in between must not leave a directory that the next hub takes as it is, closed.
    bool open = made && (st.st_mode & 07777U) == 0750;
    if (made && !open) FAIL("the directory has mode " << std::oct << (st.st_mode & 07777U));
    if (serves) CHECK(open);
    hub.expect_service();
    hub.stop();
  });
}

TEST_CASE("busd ends at once when an allocation fails, and the next one serves", "[serve-memory]") {
  if (allocations_are_skipped()) return;
  serve("serve-memory", rows_of({FAULT_alloc}));
}

TEST_CASE("busd serves on when it cannot accept, read or wait", "[serve-input]") {
  serve("serve-input", rows_of(kInput));
}

TEST_CASE("busd serves on when it cannot write", "[serve-output]") {
  serve("serve-output", rows_of(kOutput));
}

TEST_CASE("busd serves on whatever else fails", "[serve-rest]") {
  std::vector<FaultCall> others = {FAULT_alloc};
  others.insert(others.end(), kInput.begin(), kInput.end());
  others.insert(others.end(), kOutput.begin(), kOutput.end());
  serve("serve-rest", rows_without(others));
}

TEST_CASE("busd ends each call once, whichever call of its own fails", "[serve-calls]") {
  std::vector<FaultCall> calls = kInput;
  calls.insert(calls.end(), kOutput.begin(), kOutput.end());
  if (can_fail_allocations()) calls.push_back(FAULT_alloc);
  serve("serve-calls", rows_of(calls), play_calls);
}

TEST_CASE("busd does not spin while a call keeps failing, and serves again when it does not", "[storm]") {
  FaultyHub hub;
  Tally tally{"storm"};
  hub.start_well();
  for (const FaultRow& row : rows_without({FAULT_alloc})) {
    for (int error : row.errors) {
      if (means_again(error)) continue;
      Fault fault{row.call, error, 1, true};
      INFO(fault.text());
      storm(hub, fault);
      if (!hub.survived() && !may_end(row.call)) FAIL("busd may not end of this");
      hub.expect_service();
      tally.add(hub, fault);
    }
  }
  hub.stop();
}

TEST_CASE("busd stops, whichever call fails meanwhile", "[stop]") {
  FaultyHub hub;
  Tally tally{"stop"};
  auto once = [&](const Fault& fault) {
    stop_under(hub, fault);
    hub.expect_end();
    hub.expect_service();
    hub.stop();
  };
  if (can_fail_allocations()) until_none_fails(rows_of({FAULT_alloc}), false, hub, tally, once);
  until_none_fails(rows_without({FAULT_alloc}), false, hub, tally, once);
}

TEST_CASE("busd with little memory ends at once with a message, or serves", "[limit]") {
  if (allocations_are_skipped()) return;
  constexpr size_t kStep = 128 * 1024;
  constexpr size_t kMost = 64 * 1024 * 1024;
  constexpr int kFloods = 40;
  FaultyHub hub(1024);
  // With less the kernel cannot even execute it.
  size_t limit = 4 * 1024 * 1024;
  size_t runs = 0;
  for (;; limit += kStep, ++runs) {
    INFO("address space of " << limit << " bytes");
    if (limit > kMost) FAIL("it never starts");
    hub.limit_memory(limit);
    if (hub.start()) break;
  }
  std::printf("limit: starts with an address space of %zu KiB\n", limit / 1024);
  size_t survived = 0;
  for (int i = 0; i < kFloods; ++i, limit += kStep * 4, ++runs) {
    INFO("address space of " << limit << " bytes");
    hub.limit_memory(limit);
    if (!hub.running()) static_cast<void>(hub.start());
    if (!hub.running()) continue;
    flood(hub);
    if (hub.survived()) {
      ++survived;
      hub.stop();
    }
  }
  hub.limit_memory(0);
  hub.expect_service();
  hub.stop();
  std::printf("limit: %zu runs, %zu of %d floods survived\n", runs, survived, kFloods);
}

TEST_CASE("busd --detach starts a hub or says why not, whichever call fails", "[detach]") {
  FaultyHub hub;
  Tally tally{"detach"};
  auto once = [&](const Fault& fault) {
    // One that has failed may have started a hub all the same, which is then the one that serves.
    if (!hub.detach(&fault)) REQUIRE(hub.detach());
    hub.stop_detached();
  };
  if (can_fail_allocations()) until_none_fails(rows_of({FAULT_alloc}), false, hub, tally, once);
  until_none_fails(rows_without({FAULT_alloc}), false, hub, tally, once);
}

}  // namespace bus::test
