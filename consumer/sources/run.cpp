#include "consumer/sources/run.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "consumer/sources/process_tree.h"
#include "consumer/sources/run_table.h"

namespace bus::sources {

namespace {

// So often a run is looked at while it is killed before something is said about it: more often than any depth of a tree takes.
constexpr uint32_t kManyPursuits = 1000;
// On some kernels (Linux 6.19) a process leaves its cgroup a moment after we have reaped it: so often that is waited for.
constexpr uint32_t kQuickLooks = 10;
constexpr Duration kQuickLook = milliseconds(1);
constexpr Duration kSlowLook = milliseconds(50);

}  // namespace

Run::Run(RunTable& table, Process::Owner& owner, Launch launch)
    : table_(table), owner_(&owner), launch_(std::move(launch)), serial_(table.enter(*this)) {
  auto plan = table_.plan(serial_, launch_, cgroup_, complaints_);
  auto spawned = plan ? spawn(*plan, launch_) : Result<Spawned>(plan.error());
  launch_.environment.clear();
  if (!spawned) {
    failure_ = spawned.error().what;
    table_.announce_later(serial_);
    return;
  }
  pid_ = spawned->pid;
  pipes_ = std::move(spawned->pipes);
  report_ = std::move(spawned->report);
  first_lives_ = true;
  start_ticks_ = table_.set_first(serial_, pid_);
  FdWatch::Handler& handler = *this;
  report_watch_.emplace(table_.loop(), report_.get(), handler);
  if (report_watch_->set(FdWatch::Mode::reading, false)) return;
  failure_ = "the event loop has no room for it";
  kill();
  table_.announce_later(serial_);
}

Run::~Run() {
  if (!over_) table_.leave(serial_);
}

void Run::on_readable() {
  for (;;) {
    StartReport report{};
    ssize_t got = ::read(report_.get(), &report, sizeof report);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got != sizeof report) return reports_ended();
    take_report(report);
  }
}

void Run::take_report(const StartReport& report) {
  switch (report.step) {
    case StartStep::cgroup:
    case StartStep::nice:
      complaints_.push_back(explain(report, launch_));
      break;
    case StartStep::ready:
      is_ready_ = true;
      break;
    case StartStep::directory:
    case StartStep::program:
      failure_ = explain(report, launch_);
      break;
  }
}

void Run::reports_ended() {
  static_cast<void>(report_watch_->set(FdWatch::Mode::off, false));
  report_.reset();
  if (!is_ready_ && failure_.empty()) failure_ = "it ended before its program could be executed";
  if (!failure_.empty()) return announce();
  phase_ = Phase::running;
  started_at_ = now();
  if (owner_ != nullptr) owner_->on_started();
}

void Run::announce() {
  if (phase_ != Phase::starting) return;
  phase_ = Phase::failed;
  if (!first_lives_) finish();
  if (owner_ != nullptr) owner_->on_could_not_start(failure_);
}

void Run::first_ended(int status) {
  first_lives_ = false;
  // Nobody else has its other end: what there is is there.
  if (report_) on_readable();
  if (report_) reports_ended();
  if (phase_ == Phase::running) exit_ = exit_of(status);
}

void Run::settle(bool has_orphans) {
  if (over_ || first_lives_ || phase_ == Phase::starting) return;
  if (!has_orphans && has_others_in_cgroup()) {
    if (looks_at_cgroup_ <= kQuickLooks) return;
    has_orphans = true;
  }
  if (!has_orphans) finish();
  if (exit_) {
    waits_for_orphans_ = has_orphans;
    Exit exit = *std::exchange(exit_, std::nullopt);
    if (owner_ != nullptr) owner_->on_exited(std::move(exit), has_orphans);
  } else if (waits_for_orphans_ && !has_orphans) {
    waits_for_orphans_ = false;
    if (owner_ != nullptr) owner_->on_all_gone();
  }
}

// What lives in its cgroup is of it, even if it is no child of ours whose end we would be told of.
bool Run::has_others_in_cgroup() {
  if (!cgroup_) return false;
  auto populated = cgroup_->is_populated();
  if (populated && !*populated) return false;
  bool is_quick = ++looks_at_cgroup_ <= kQuickLooks;
  table_.settle_in(is_quick ? kQuickLook : kSlowLook);
  if (!is_quick && !populated)
    complain("whether something of it lives cannot be seen: " + populated.error().what);
  if (!is_quick && populated) complain("processes live on in its cgroup; they are ended with it");
  return true;
}

void Run::finish() {
  over_ = true;
  cgroup_.reset();
  table_.leave(serial_);
}

Exit Run::exit_of(int status) const {
  Exit exit;
  exit.lasted = now() - started_at_;
  if (WIFEXITED(status)) {
    exit.code = WEXITSTATUS(status);
    if (exit.code != 0) exit.reason = "exit status " + std::to_string(*exit.code);
    return exit;
  }
  exit.signal = WTERMSIG(status);
  const char* name = ::sigabbrev_np(*exit.signal);
  exit.reason = name != nullptr ? std::string("killed by SIG") + name
                                : "killed by signal " + std::to_string(*exit.signal);
  if (exit.signal == SIGKILL && cgroup_ && cgroup_->has_run_out_of_memory())
    exit.reason += ", for want of memory: see memory-max";
  return exit;
}

// --- signals ---

// Then the group is there, and its number nobody else's.
bool Run::is_in_group(int64_t orphan) const {
  auto facts = facts_of(orphan);
  return facts && facts->group == pid_;
}

void Run::terminate() {
  if (over_ || pid_ < 0) return;
  ending_ = true;
  table_.look();
  // After the look: all orphans are told below.
  terminating_ = true;
  std::vector<int64_t> orphans = table_.orphans_of(serial_);
  auto outside =
      std::partition(orphans.begin(), orphans.end(), [&](int64_t pid) { return is_in_group(pid); });
  for (int signal : {SIGTERM, SIGCONT}) {
    if (first_lives_ || outside != orphans.begin()) ::kill(-pid_, signal);
    // Nobody else tells those that have got away from the group.
    for (auto orphan = outside; orphan != orphans.end(); ++orphan)
      ::kill(static_cast<pid_t>(*orphan), signal);
  }
}

void Run::orphan_found(int64_t pid) {
  if (!terminating_ || killing_ || is_in_group(pid)) return;
  ::kill(static_cast<pid_t>(pid), SIGTERM);
  ::kill(static_cast<pid_t>(pid), SIGCONT);
}

void Run::stray_found(int64_t pid) {
  complain("process " + std::to_string(pid) +
           ", which bears no mark of a run, is taken for one of its own, and ended");
  orphan_found(pid);
}

void Run::kill() {
  if (over_ || pid_ < 0) return;
  ending_ = killing_ = true;
  table_.look();
  pursue();
}

// The group at once, since none of it can fork any more then; after that each by itself, those first that others would be
// orphans of. What is forked meanwhile is found when its parent's end is announced.
void Run::pursue() {
  if (cgroup_) cgroup_->kill();
  std::vector<int64_t> orphans = table_.orphans_of(serial_);
  bool has_group = first_lives_ ||
                   std::any_of(orphans.begin(), orphans.end(), [&](int64_t pid) { return is_in_group(pid); });
  if (has_group) ::kill(-pid_, SIGKILL);
  for (int64_t orphan : orphans) {
    if (::kill(static_cast<pid_t>(orphan), SIGKILL) != 0)
      complain("process " + std::to_string(orphan) + " cannot be ended: " + std::strerror(errno));
    kill_below(orphan);
  }
  if (first_lives_) kill_below(pid_);
  if (++pursuits_ == kManyPursuits) complain("its processes fork faster than they can be ended");
  table_.settle_in(kSlowLook);
}

void Run::kill_below(int64_t top) {
  auto found = descendants_of(top);
  if (!found) return;  // the next pursuit sees more
  for (const TreeNode& node : *found) {
    if (!signal_descendant(node, SIGKILL))
      complain("process " + std::to_string(node.pid) + " cannot be ended: " + std::strerror(errno));
  }
}

void Run::complain(const std::string& what) {
  if (std::exchange(complained_, true)) return;
  if (owner_ != nullptr) return owner_->on_complaint(what);
  table_.complain(launch_.source + ": " + what);
}

Process::Use Run::use() {
  Process::Use use;
  if (!table_.look()) return use;
  std::vector<int64_t> tops = table_.orphans_of(serial_);
  if (first_lives_) tops.push_back(pid_);
  std::vector<int64_t> all = tops;
  for (int64_t top : tops) {
    auto below = descendants_of(top);
    if (!below) return use;
    for (const TreeNode& node : *below) all.push_back(node.pid);
  }
  auto ticks_per_second = static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
  for (int64_t pid : all) {
    auto facts = facts_of(pid);
    if (!facts) continue;
    ++use.processes;
    use.rss_bytes += resident_bytes_of(pid);
    use.cpu_ms += facts->cpu_ticks * 1000 / ticks_per_second;
  }
  return use;
}

}  // namespace bus::sources
