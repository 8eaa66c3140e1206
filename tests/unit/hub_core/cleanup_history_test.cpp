// Random histories of scopes whose consumers name a clean-up task, against a model that is small and obvious.
//
// Consumers join, ask, say bye and are killed; providers come, answer, fail and go; time passes. After each step it is
// compared who is let in and who is told first, which scopes are locked by whom, and how many clean-ups were called:
// exactly one for each scope whose last member went without a word. BUSD_SEED=N runs the history of that seed alone.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "protocol/base/strings.h"
#include "tests/support/catch.h"
#include "tests/support/slow.h"
#include "tests/unit/hub_core/call_rig.h"

using namespace bus;
using namespace bus::test;
using bus::hub::PeerId;

namespace {

constexpr uint64_t kSteps = kSlowBuild ? 3'000 : 15'000;
constexpr uint64_t kHistories = kSlowBuild ? 2 : 4;
const std::vector<std::string> kScopes = {"a", "b", "c"};
const std::string kTold = R"({"type":"pre_shutdown_ack","last_for_key":true})";

struct Member {
  bool asked = false;
  bool names_task = false;
};

struct ModelScope {
  std::map<PeerId, Member> members;
  std::vector<std::pair<PeerId, bool>> waiters;  // whether it names a task
  PeerId holder = 0;
  std::string call;  // the id of the hub's call
  PeerId provider = 0;
  TimePoint until = kNever;

  bool is_locked() const { return holder != 0 || !call.empty(); }
  bool all_asked() const {
    return std::all_of(members.begin(), members.end(), [](const auto& each) { return each.second.asked; });
  }
};

class History {
 public:
  explicit History(uint64_t seed) : random_(seed) {
    hub::HubConfig config = rig_config();
    config.cleanup_timeout = seconds(10);
    rig_ = std::make_unique<CallRig>(config);
  }

  void run() {
    for (uint64_t step = 0; step < kSteps; ++step) {
      INFO("step " << step);
      one_step();
      compare();
    }
    CHECK(called_ > kSteps / 200);
    CHECK(without_provider_ > kSteps / 200);
    CHECK(let_in_ > kSteps / 100);
  }

 private:
  // What the consumer was told, beside what sources come and go.
  std::string answer_to(PeerId id) {
    std::vector<std::string> lines = rig_->lines(id);
    std::erase_if(lines, [](const std::string& line) { return text_of(line, "type") == "source_status"; });
    return lines.size() == 1 ? lines.front() : std::to_string(lines.size()) + " lines";
  }

  uint64_t below(uint64_t bound) { return random_() % bound; }

  void one_step() {
    ModelScope& scope = scopes_[kScopes[below(kScopes.size())]];
    const std::string& name = name_of(scope);
    switch (below(10)) {
      case 0:
      case 1:
      case 2:
        return join(name, scope);
      case 3:
        return ask(name, scope);
      case 4:
        return leave(name, scope, true);
      case 5:
      case 6:
        return leave(name, scope, false);
      case 7:
        return end_call(name, scope);
      case 8:
        return come_or_go();
      default:
        return pass_time();
    }
  }

  const std::string& name_of(const ModelScope& scope) const {
    return std::find_if(scopes_.begin(), scopes_.end(),
                        [&](const auto& each) { return &each.second == &scope; })
        ->first;
  }

  void join(const std::string& name, ModelScope& scope) {
    if (scope.members.size() + scope.waiters.size() > 5) return;
    bool names_task = below(4) > 0;
    PeerId id = rig_->consumer(name, "", names_task ? R"(,"cleanup_task":"sweep")" : "");
    if (scope.is_locked()) {
      CHECK(rig_->last_ack.empty());
      scope.waiters.emplace_back(id, names_task);
      return;
    }
    CHECK(rig_->last_ack == (scope.all_asked() ? kFirst : kNotFirst));
    scope.members[id] = {false, names_task};
  }

  void ask(const std::string& name, ModelScope& scope) {
    if (scope.members.empty()) return;
    auto& [id, member] = *std::next(scope.members.begin(), static_cast<long>(below(scope.members.size())));
    rig_->send_line(id, R"({"type":"pre_shutdown_check","event_key":")" + name + "\"}");
    member.asked = true;
    bool last = scope.holder == id || (scope.all_asked() && !scope.is_locked());
    CHECK((answer_to(id) == kTold) == last);
    if (!last || scope.holder == id) return;
    scope.holder = id;
    scope.until = rig_->clock + seconds(10);
  }

  void leave(const std::string& name, ModelScope& scope, bool bye) {
    if (!scope.waiters.empty() && below(4) == 0) {
      PeerId id = scope.waiters.back().first;
      scope.waiters.pop_back();
      rig_->hang_up(id);
      return;
    }
    if (scope.members.empty()) return;
    auto at = std::next(scope.members.begin(), static_cast<long>(below(scope.members.size())));
    PeerId id = at->first;
    Member member = at->second;
    scope.members.erase(at);
    bool was_holder = scope.holder == id;
    bye ? rig_->send_line(id, R"({"type":"bye"})") : rig_->hang_up(id);
    CHECK_FALSE(rig_->is_open(id));
    if (was_holder) return unlock(scope);
    if (bye || member.asked || !scope.all_asked()) return;
    ++uncleaned_;
    if (member.names_task) expect_call(name, scope);
  }

  void expect_call(const std::string& name, ModelScope& scope) {
    if (providers_.empty()) {
      ++without_provider_;
      return;
    }
    for (PeerId provider : providers_) {
      for (const std::string& line : rig_->lines(provider)) {
        if (text_of(line, "type") != "request") continue;
        CHECK(scope.call.empty());
        CHECK(token_of(line, "args") == R"({"scope":")" + name + R"(","reason":"gone"})");
        scope.call = text_of(line, "id");
        scope.provider = provider;
        scope.until = rig_->clock + seconds(10);
        ++called_;
      }
    }
    CHECK_FALSE(scope.call.empty());
  }

  void end_call(const std::string& name, ModelScope& scope) {
    if (scope.call.empty()) return;
    INFO("the clean-up of " << name);
    below(3) == 0 ? rig_->error(scope.provider, scope.call, "E") : rig_->result(scope.provider, scope.call);
    unlock(scope);
  }

  // All that wait come in, the first of them as the first.
  void unlock(ModelScope& scope) {
    scope.holder = 0;
    scope.call.clear();
    scope.provider = 0;
    scope.until = kNever;
    bool first = true;
    for (const auto& [id, names_task] : std::exchange(scope.waiters, {})) {
      CHECK(answer_to(id) == (first ? kFirst : kNotFirst));
      first = false;
      scope.members[id] = {false, names_task};
      ++let_in_;
    }
  }

  void come_or_go() {
    if (providers_.size() < 2 && below(2) == 0) {
      providers_.push_back(rig_->provider("\"sweep\""));
      return;
    }
    if (providers_.empty()) return;
    PeerId gone = providers_.back();
    providers_.pop_back();
    rig_->hang_up(gone);
    for (auto& [name, scope] : scopes_) {
      if (scope.provider == gone) unlock(scope);
    }
  }

  void pass_time() {
    Duration passed = milliseconds(below(3) == 0 ? below(9000) : below(300));
    rig_->advance(passed);
    for (auto& [name, scope] : scopes_) {
      if (scope.until > rig_->clock) continue;
      if (scope.holder != 0) {
        CHECK_FALSE(rig_->is_open(scope.holder));
        scope.members.erase(scope.holder);
      }
      unlock(scope);
    }
  }

  void compare() {
    for (PeerId provider : providers_) {
      for (const std::string& line : rig_->lines(provider)) CHECK(text_of(line, "type") != "request");
    }
    StatusResponse status = rig_->status();
    CHECK(status.connections.uncleaned == uncleaned_);
    CHECK(status.calls.no_provider == without_provider_);
    size_t locked = 0;
    size_t calls = 0;
    for (const auto& [name, scope] : scopes_) {
      locked += scope.is_locked() ? 1U : 0U;
      calls += scope.call.empty() ? 0U : 1U;
      for (const StatusResponse::CleanupLock& lock : status.cleanup_locks) {
        if (lock.scope != name) continue;
        CHECK(lock.waiting == scope.waiters.size());
        CHECK((lock.task == "sweep") == !scope.call.empty());
      }
    }
    CHECK(status.cleanup_locks.size() == locked);
    CHECK(status.calls.open == calls);
    static_cast<void>(rig_->core.take_notices());
  }

  std::mt19937_64 random_;
  std::unique_ptr<CallRig> rig_;
  std::map<std::string, ModelScope> scopes_;
  std::vector<PeerId> providers_;
  uint64_t uncleaned_ = 0;
  uint64_t called_ = 0;
  uint64_t without_provider_ = 0;
  uint64_t let_in_ = 0;
};

}  // namespace

TEST_CASE("In random histories each scope that nobody cleaned up is, by one call, and locked meanwhile",
          "[long]") {
  const char* given = std::getenv("BUSD_SEED");
  uint64_t first = given == nullptr ? 1 : parse_u64(given).value_or(1);
  uint64_t last = given == nullptr ? kHistories : first;
  for (uint64_t seed = first; seed <= last; ++seed) {
    INFO("BUSD_SEED=" << seed);
    History(seed).run();
  }
}
