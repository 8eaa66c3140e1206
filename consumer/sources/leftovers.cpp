#include "consumer/sources/leftovers.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <poll.h>
#include <set>
#include <sys/syscall.h>
#include <unistd.h>

#include "consumer/sources/process_facts.h"
#include "protocol/base/fd.h"

namespace bus::sources {

namespace {

// Between looks on kernels without pidfd_open(2), and at what was forked while its parent was killed.
constexpr Duration kLook = milliseconds(10);

struct Leftover {
  int64_t pid = 0;
  Fd process;  // invalid on kernels without
};

bool is_first_process(const ProcessFacts& facts, const RecordedRun& run) {
  return run.pid != 0 && facts.pid == run.pid && facts.start_ticks == run.start_ticks;
}

// In the session of a first process that still lives: as long as it does, the session's number is nobody else's.
bool is_in_session(const ProcessFacts& facts, const RecordedRun& run) {
  if (run.pid == 0 || facts.session != run.pid) return false;
  auto leader = facts_of(run.pid);
  return leader && is_first_process(*leader, run);
}

Result<bool> belongs(const ProcessFacts& facts, const RecordedRuns& recorded) {
  if (facts.pid == ::getpid()) return false;
  for (const auto& [serial, run] : recorded.runs) {
    if (is_first_process(facts, run) || is_in_session(facts, run)) return true;
  }
  BUSD_ASSIGN(uint64_t mark, mark_of(facts.pid, recorded.instance));
  return mark != 0;
}

// Looks for all that belongs to a record.
class Search {
 public:
  Search(const RecordedRuns& recorded, TimePoint until) : recorded_(recorded), until_(until) {}

  // Before `until` nothing found is believed only when it is certain: one that has died between the listing of all
  // processes and the look at it may have been one of ours, and have forked after the listing.
  std::vector<Leftover> find() {
    std::vector<Leftover> found;
    bool is_certain = false;
    do {
      auto seen = look(is_certain);
      trouble_ = seen ? "" : seen.error().what;
      found = seen ? std::move(*seen) : std::vector<Leftover>();
    } while (found.empty() && !is_certain && now() < until_);
    return found;
  }
  // Why nothing could be seen the last time.
  const std::string& trouble() const { return trouble_; }

 private:
  Result<std::vector<Leftover>> look(bool& is_certain) {
    is_certain = false;
    BUSD_ASSIGN(std::vector<int64_t> all, all_processes());
    is_certain = true;
    std::vector<Leftover> found;
    for (int64_t pid : all) {
      auto facts = facts_of(pid);
      if (facts && facts->state == 'Z' && dead_.contains(pid)) continue;
      auto belonging = facts ? belongs(*facts, recorded_) : Result<bool>(false);
      // For want of descriptors: those that have taken them are ended first.
      if (!belonging && !found.empty()) break;
      if (!belonging) return belonging.error();
      bool is_ours = *belonging;
      Fd process;
      if (is_ours) process = Fd(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0U)));
      // What was read of one that died meanwhile says nothing.
      auto again = facts_of(pid);
      bool lives = facts && again && again->start_ticks == facts->start_ticks && again->state != 'Z';
      if (again && again->state == 'Z') dead_.insert(pid);
      if (!lives) {
        is_certain = false;
      } else if (is_ours) {
        found.push_back({pid, std::move(process)});
      }
    }
    return found;
  }

  const RecordedRuns& recorded_;
  TimePoint until_;
  std::set<int64_t> dead_;  // and not reaped: they fork no more
  std::string trouble_;
};

// One that may not be signalled is found again, and said to live.
void send(const Leftover& leftover, int signal) {
  if (leftover.process) {
    ::syscall(SYS_pidfd_send_signal, leftover.process.get(), signal, nullptr, 0U);
  } else {
    ::kill(static_cast<pid_t>(leftover.pid), signal);
  }
}

// Returns when the last one has ended, or `until` has come.
void wait_for_ends(std::vector<Leftover>& leftovers, TimePoint until) {
  for (Leftover& leftover : leftovers) {
    if (!leftover.process) {
      ::poll(nullptr, 0, static_cast<int>(to_ms(kLook)));
      return;
    }
    TimePoint time = now();
    pollfd ended{leftover.process.get(), POLLIN, 0};
    auto wait_ms = static_cast<int>(std::max<long long>(to_ms(until - time), 0));
    while (::poll(&ended, 1, wait_ms) < 0 && errno == EINTR) {
    }
  }
}

// Until none is found, or `until` has come.
std::vector<Leftover> pursue(Search& search, int signal, bool again, TimePoint until) {
  std::vector<Leftover> left = search.find();
  bool told = false;
  while (!left.empty() && now() < until) {
    for (const Leftover& leftover : left) {
      if (told && !again) break;
      send(leftover, signal);
      // What is stopped would never see it.
      send(leftover, SIGCONT);
    }
    told = true;
    wait_for_ends(left, again ? std::min(until, now() + kLook) : until);
    left = search.find();
  }
  return left;
}

}  // namespace

std::vector<std::string> end_leftovers(const RecordedRuns& recorded, Patience patience) {
  std::vector<std::string> complaints;
  if (recorded.boot_id != boot_id() || recorded.boot_id.empty()) return complaints;
  TimePoint begun = now();
  Search search(recorded, begun + patience.until_end);
  std::vector<Leftover> left = pursue(search, SIGTERM, false, begun + patience.until_kill);
  if (!left.empty()) left = pursue(search, SIGKILL, true, begun + patience.until_end);
  if (!search.trouble().empty())
    complaints.push_back("what an earlier bus-sources has left cannot be seen: " + search.trouble());
  for (const Leftover& leftover : left) {
    complaints.push_back("process " + std::to_string(leftover.pid) +
                         ", which an earlier bus-sources has left, could not be ended");
  }
  return complaints;
}

}  // namespace bus::sources
