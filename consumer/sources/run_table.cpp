#include "consumer/sources/run_table.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <poll.h>
#include <set>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "consumer/sources/process_facts.h"
#include "consumer/sources/process_tree.h"

namespace bus::sources {

namespace {

// In one turn; the rest in the next one, so that a source whose processes end by the thousand does not keep others waiting.
constexpr int kMostReapsPerTurn = 1000;
constexpr int kMostReapsAtOnce = 10;
// Between looks that cannot be made.
constexpr Duration kLookAgain = milliseconds(50);
// What is killed and not gone by then hangs in the kernel.
constexpr Duration kLastPatience = seconds(2);

std::string not_in_force(const std::string& limit, const std::string& why_not) {
  return limit + " is not in force: " + why_not;
}

}  // namespace

RunTable::RunTable(Loop& loop, std::string trampoline, uint32_t instance)
    : loop_(loop),
      trampoline_(std::move(trampoline)),
      instance_(instance),
      timer_(loop, [this] { on_time(); }),
      child_watch_(loop, SIGCHLD, [this] { on_child(); }) {
  // Those of a shell that has become this program.
  if (auto foreign = children_of(::getpid())) {
    for (int64_t pid : *foreign) orphans_.emplace(pid, kForeign);
  }
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  ::sigprocmask(SIG_UNBLOCK, &child, nullptr);
}

RunTable::~RunTable() {
  TimePoint until = now() + kLastPatience;
  for (auto [serial, run] : std::map(runs_)) {
    run->disown();
    run->kill();
  }
  look();
  while ((kill_strays() || !runs_.empty()) && now() < until) {
    if (!reap()) ::poll(nullptr, 0, 1);
    settle_all();
  }
  if (runs_.empty() && record_) record_->remove();
}

void RunTable::use_cgroups(Result<CgroupParent> parent) {
  if (parent) {
    cgroups_ = std::move(*parent);
  } else {
    no_cgroups_ = parent.error().what;
  }
}

void RunTable::use_record(std::string path) {
  record_path_ = std::move(path);
  place_ = place_of_record(record_path_);
  auto record = Record::begin(record_path_, instance_);
  if (record) record_ = std::move(*record);
  note(record ? Result<void>() : record.error());
}

uint32_t RunTable::enter(Run& run) {
  runs_.emplace(++last_serial_, &run);
  return last_serial_;
}

void RunTable::leave(uint32_t serial) {
  runs_.erase(serial);
  if (record_) note(record_->end(serial));
}

// A disk that is full is said once, not with each run.
void RunTable::note(const Result<void>& recorded) {
  if (!recorded && !std::exchange(has_no_record_, true))
    complaints_.push_back("what runs is not recorded: " + recorded.error().what);
}

// The error says that there is no record at all; one that lacks a run is made up for by the marks.
Result<void> RunTable::record_run(uint32_t serial, RecordedRun run) {
  if (record_path_.empty()) return {};
  if (!record_) {
    auto record = Record::begin(record_path_, instance_);
    if (!record) return Error{record.error().code, "what runs cannot be recorded: " + record.error().what};
    record_ = std::move(*record);
  }
  note(record_->add(serial, std::move(run)));
  return {};
}

Result<SpawnPlan> RunTable::plan(uint32_t serial, const Launch& launch, std::unique_ptr<Cgroup>& cgroup,
                                 std::vector<std::string>& complaints) {
  SpawnPlan plan{trampoline_, make_mark(instance_, serial), ""};
  std::string why_not = no_cgroups_;
  std::string name =
      place_ + "-" + launch.source + "-" + std::to_string(instance_) + "-" + std::to_string(serial);
  // Before there is anything of it, so that nothing is left which the next bus-sources does not know.
  auto recorded = record_run(serial, {launch.source, cgroups_ ? cgroups_->directory_of(name) : "", 0, 0});
  if (cgroups_) {
    auto made = cgroups_->make(name);
    if (made) {
      cgroup = std::make_unique<Cgroup>(std::move(*made));
      plan.cgroup = cgroup->directory();
      limit(*cgroup, launch, complaints);
    } else {
      why_not = made.error().what;
    }
  }
  // A cgroup is found by its name.
  if (!recorded && !cgroup) return recorded.error();
  if (!cgroup && launch.memory_max) complaints.push_back(not_in_force("memory-max", why_not));
  if (!cgroup && launch.cpu_weight) complaints.push_back(not_in_force("cpu-weight", why_not));
  return plan;
}

void RunTable::limit(const Cgroup& cgroup, const Launch& launch, std::vector<std::string>& complaints) {
  if (!launch.memory_max && !launch.cpu_weight) return;
  if (!controllers_) controllers_ = cgroups_->enable_controllers();
  if (launch.memory_max) {
    auto done = cgroup.limit_memory(*launch.memory_max);
    if (!done) complaints.push_back(not_in_force("memory-max", done.error().what));
  }
  if (launch.cpu_weight) {
    auto done = cgroup.weigh_cpu(*launch.cpu_weight);
    if (!done) complaints.push_back(not_in_force("cpu-weight", done.error().what));
  }
}

uint64_t RunTable::set_first(uint32_t serial, pid_t pid) {
  first_.emplace(pid, serial);
  auto facts = facts_of(pid);
  if (!facts) return 0;
  if (record_) note(record_->set_process(serial, pid, facts->start_ticks));
  return facts->start_ticks;
}

std::vector<int64_t> RunTable::orphans_of(uint32_t serial) const {
  std::vector<int64_t> found;
  for (auto [pid, run] : orphans_) {
    if (run == serial) found.push_back(pid);
  }
  return found;
}

void RunTable::announce_later(uint32_t serial) {
  to_announce_.push_back(serial);
  timer_.set(now());
}

void RunTable::settle_in(Duration time) {
  settle_at_ = std::min(settle_at_, now() + time);
  if (settle_at_ < timer_.due()) timer_.set(settle_at_);
}

void RunTable::adopt(std::unique_ptr<Run> run) {
  run->disown();
  run->kill();
  if (!run->is_over()) nobodys_.push_back(std::move(run));
}

// What a process has left unreaped is ours with its end, and is not said to live on.
void RunTable::on_child() {
  bool any = false;
  for (int again = 0; again < kMostReapsAtOnce && reap(); ++again) {
    any = true;
    look();
  }
  if (any) settle_all();
}

void RunTable::on_time() {
  for (uint32_t serial : std::exchange(to_announce_, {})) {
    auto found = runs_.find(serial);
    if (found != runs_.end()) found->second->announce();
  }
  settle_at_ = kNever;
  reap();
  settle_all();
}

// Whether there was one.
bool RunTable::reap() {
  for (int reaped = 0; reaped < kMostReapsPerTurn;) {
    int status = 0;
    pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    if (pid <= 0) return reaped > 0;
    ++reaped;
    orphans_.erase(pid);
    auto first = first_.find(pid);
    if (first == first_.end()) continue;
    auto run = runs_.find(first->second);
    first_.erase(first);
    if (run != runs_.end()) run->second->first_ended(status);
  }
  timer_.set(now());
  return true;
}

bool RunTable::look() {
  auto found = find_orphans();
  claim_strays();
  if (found) {
    is_blind_ = false;
    return true;
  }
  if (!std::exchange(is_blind_, true)) {
    complaints_.push_back("processes cannot be seen, and no source is taken to have ended until they can: " +
                          found.error().what);
  }
  settle_in(kLookAgain);
  return false;
}

Result<void> RunTable::find_orphans() {
  BUSD_ASSIGN(std::vector<int64_t> children, children_of(::getpid()));
  for (int64_t pid : children) {
    if (first_.contains(static_cast<pid_t>(pid)) || orphans_.contains(pid)) continue;
    BUSD_ASSIGN(uint32_t serial, run_of_orphan(pid));
    orphans_.emplace(pid, serial);
    auto run = runs_.find(serial);
    if (run != runs_.end()) run->second->orphan_found(pid);
  }
  return {};
}

Result<uint32_t> RunTable::run_of_orphan(int64_t pid) const {
  BUSD_ASSIGN(uint64_t mark, mark_of(pid, instance_));
  if (mark != 0) return serial_of(mark);
  auto facts = facts_of(pid);
  BUSD_ASSIGN(std::string cgroups, cgroups_of(pid));
  for (auto [serial, run] : runs_) {
    if ((facts && run->pid() == facts->session) || run->has_in_cgroup(cgroups)) return serial;
  }
  return kStray;
}

void RunTable::claim_strays() {
  for (auto& [pid, of_run] : orphans_) {
    if (of_run != kStray) continue;
    auto facts = facts_of(pid);
    if (!facts || facts->state == 'Z') continue;
    for (auto [serial, run] : runs_) {
      if (!run->is_ending() || !run->may_have_started(*facts)) continue;
      of_run = serial;
      run->stray_found(pid);
      break;
    }
  }
}

// At our end, with which they would be nobody's. Whether there are any.
bool RunTable::kill_strays() {
  bool any = false;
  for (auto [pid, serial] : orphans_) {
    if (serial != kStray) continue;
    any = true;
    ::kill(static_cast<pid_t>(pid), SIGKILL);
  }
  return any;
}

void RunTable::settle_all() {
  bool is_all_seen = look();
  std::set<uint32_t> with_orphans;
  for (auto [pid, serial] : orphans_) with_orphans.insert(serial);
  // An owner that is told may start a new run.
  for (auto [serial, run] : std::map(runs_)) {
    if (is_all_seen) run->settle(with_orphans.contains(serial));
    if (run->is_being_killed()) run->pursue();
  }
  std::erase_if(nobodys_, [](const auto& run) { return run->is_over(); });
}

}  // namespace bus::sources
