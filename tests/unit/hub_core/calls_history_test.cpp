// Random histories of calls against a model that is small and obvious.
//
// The model knows who provides what, and which calls are open. Which provider a call is given to it takes from
// what the hub has written, and checks that this was allowed; which end a call has, it knows or checks. After
// each step no call may wait that somebody could take. BUSD_SEED=N runs the history of that seed alone,
// BUSD_CALL_STEPS=N makes each so long.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
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

constexpr uint64_t kSteps = kSlowBuild ? 4'000 : 20'000;
constexpr uint64_t kHistories = kSlowBuild ? 2 : 5;
constexpr size_t kOldIds = 256;

// Names and patterns that are provided, and tasks that are asked for.
const std::vector<std::string> kNames = {"a", "a.b", "a.*", "a.b.*", "*", "z"};
const std::vector<std::string> kTasks = {"a", "a.b", "a.b.c", "a.x", "z", "y"};

bool name_matches(const std::string& name, const std::string& task) {
  if (name == "*") return true;
  if (!name.ends_with(".*")) return name == task;
  std::string stem = name.substr(0, name.size() - 1);
  return task.size() > stem.size() && task.starts_with(stem);
}

struct ModelCall {
  PeerId caller = 0;  // 0: it has gone
  std::string id;
  std::string task;
  bool waits = false;
  bool streams = false;
  bool idempotent = false;
  TimePoint until = kNever;
  uint64_t parent = 0;  // a number
  PeerId provider = 0;  // 0: it waits
  std::string given_id;
  std::set<PeerId> declined_by;
  int handed_over = 0;
  bool had_unread = false;   // its provider may have been one that had not read it, and went
  uint64_t chunks = 0;       // sent by its provider
  uint64_t chunks_read = 0;  // by its caller
  bool ended_with_parent = false;
  bool ended = false;    // though its caller may not have read it
  std::string expected;  // codes that may be its end, or a result; empty: it is open
};

struct ModelPeer {
  std::set<std::string> names;
  size_t slots = 0;
  uint32_t uid = 0;
  bool silent = false;  // it has said nothing since a call of its own timed out, or may have
};

class History {
 public:
  explicit History(uint64_t seed) : random_(seed) {
    hub::HubConfig config = rig_config();
    config.allow_uids = {2000};
    rig_ = std::make_unique<CallRig>(config);
  }

  void run(uint64_t steps) {
    for (step_ = 0; step_ < steps; ++step_) {
      one_step();
      settle();
      check_nothing_waits_that_could_run();
    }
    finish();
  }

  std::map<std::string, uint64_t> ends;  // by code
  uint64_t late = 0;

 private:
  uint64_t below(uint64_t n) { return random_() % n; }
  bool one_in(uint64_t n) { return below(n) == 0; }
  template <class List>
  auto& any_of(List& list) {
    auto at = list.begin();
    std::advance(at, static_cast<ptrdiff_t>(below(list.size())));
    return *at;
  }

  void one_step() {
    switch (below(16)) {
      case 0:
        if (peers_.size() < 8) return connect();
        return hang_up(any_of(peers_).first);
      case 1:
        return provide();
      case 2:
        return unprovide();
      case 3:
        return advance();
      case 4:
        return cancel();
      case 5:
        return stop_or_continue();
      case 6:
      case 7:
        return chunk();
      case 8:
      case 9:
      case 10:
      case 11:
        return respond();
      default:
        return request();
    }
  }

  void connect() {
    uint32_t uid = one_in(3) ? 2000 : kOurUid;
    ModelPeer peer;
    peer.uid = uid;
    peers_[rig_->client(uid)] = peer;
  }

  void hang_up(PeerId id) {
    peers_.erase(id);
    for (auto& [number, call] : calls_)
      call.had_unread = call.had_unread || (id == stopped_ && call.provider == 0);
    if (id == stopped_) stopped_ = 0;
    provider_gone(id);
    for (auto& [number, call] : calls_) {
      if (call.caller != id) continue;
      call.caller = 0;
      if (!call.ended) end(call, "gone");
    }
    rig_->hang_up(id);
  }

  void provider_gone(PeerId id) {
    for (auto& [number, call] : calls_) {
      if (call.ended || call.provider != id) continue;
      if (call.idempotent && call.chunks == 0 && call.handed_over < 2) {
        ++call.handed_over;
        call.provider = 0;
      } else {
        end(call, "provider_gone");
      }
    }
  }

  void provide() {
    if (peers_.empty()) return;
    auto& [id, peer] = any_of(peers_);
    std::string name = any_of(kNames);
    peer.names.insert(name);
    peer.silent = false;
    peer.slots = 1 + below(3);
    rig_->provide(id, "\"" + name + "\"",
                  R"(,"slots":)" + std::to_string(peer.slots) + R"(,"priority":)" + std::to_string(below(3)));
  }

  void unprovide() {
    if (peers_.empty()) return;
    auto& [id, peer] = any_of(peers_);
    if (peer.names.empty()) return;
    std::string name = any_of(peer.names);
    peer.names.erase(name);
    peer.silent = false;
    rig_->send_line(id, R"({"type":"unprovide","tasks":[")" + name + R"("]})");
  }

  void advance() {
    rig_->clock += milliseconds(below(40));
    for (auto& [number, call] : calls_) {
      if (call.ended || call.until > rig_->clock) continue;
      end(call, "timeout");
    }
    rig_->advance(Duration::zero());
  }

  void request() {
    if (peers_.empty()) return;
    PeerId caller = any_of(peers_).first;
    ModelCall call;
    call.caller = caller;
    call.id = std::to_string(next_number_);
    bool is_open = stopped_ == 0 && one_in(8) && take_open_id(caller, call.id);
    peers_.at(caller).silent = false;
    call.task = any_of(kTasks);
    call.waits = one_in(3);
    call.streams = one_in(3);
    call.idempotent = one_in(3);
    uint64_t timeout = one_in(4) ? 0 : 1 + below(200);
    if (timeout > 0) call.until = rig_->clock + milliseconds(timeout);
    std::string more = R"(,"timeout_ms":)" + std::to_string(timeout);
    if (call.waits) more += R"(,"wait":true)";
    if (call.streams) more += R"(,"stream":true)";
    if (call.idempotent) more += R"(,"idempotent":true)";
    for (auto& [number, above] : calls_) {
      if (above.ended || above.provider != caller || !one_in(2)) continue;
      more += R"(,"parent":")" + above.given_id + "\"";
      call.parent = number;
      call.until = std::min(call.until, above.until);
      break;
    }
    more += R"(,"args":)" + std::to_string(next_number_);
    if (is_open) {
      ++refusals_[caller];
    } else {
      calls_[next_number_] = call;
    }
    ++next_number_;
    rig_->request(caller, call.id, call.task, more);
  }

  // The id of an open call of the same caller.
  bool take_open_id(PeerId caller, std::string& id) const {
    for (const auto& [number, call] : calls_) {
      if (call.caller != caller || call.ended || call.provider == 0) continue;
      id = call.id;
      return true;
    }
    return false;
  }

  void cancel() {
    if (calls_.empty()) return;
    auto& [number, call] = any_of(calls_);
    if (call.caller == 0) return;
    if (!call.ended) end(call, "canceled");
    peers_.at(call.caller).silent = false;
    rig_->cancel(call.caller, call.id);
  }

  // A call that a provider was given; nullptr when that was not to be found.
  ModelCall* any_given() {
    for (int tries = 0; tries < 8 && !calls_.empty(); ++tries) {
      ModelCall& call = any_of(calls_).second;
      if (!call.ended && call.provider != 0) return &call;
    }
    return nullptr;
  }

  void respond() {
    if (!old_ids_.empty() && one_in(10)) {
      auto& [id, provider] = any_of(old_ids_);
      if (peers_.count(provider) != 0) {
        peers_.at(provider).silent = false;
        rig_->result(provider, id, "\"late\"");
        ++late;
      }
      return;
    }
    ModelCall* call = any_given();
    if (call == nullptr) return;
    PeerId provider = call->provider;
    std::string id = call->given_id;
    peers_.at(provider).silent = false;
    if (one_in(5)) {
      if (call->chunks > 0) {
        end(*call, "declined");
      } else {
        call->declined_by.insert(provider);
        call->provider = 0;
      }
      rig_->error(provider, id, "declined");
    } else {
      end(*call, "result");
      rig_->result(provider, id, "\"in time\"");
    }
  }

  void chunk() {
    ModelCall* call = any_given();
    if (call == nullptr || !call->streams) return;
    ++call->chunks;
    peers_.at(call->provider).silent = false;
    rig_->chunk(call->provider, call->given_id, std::to_string(call->chunks));
  }

  void stop_or_continue() {
    if (peers_.empty()) return;
    if (stopped_ != 0) {
      reads_old_ = std::exchange(stopped_, 0);
      return rig_->set_room(reads_old_, SIZE_MAX);
    }
    stopped_ = any_of(peers_).first;
    rig_->set_room(stopped_, 0);
  }

  void end(ModelCall& call, const std::string& how) {
    call.ended = true;
    call.expected = how;
    for (PeerId id : {call.provider, stopped_}) {
      if (auto peer = peers_.find(id); how == "timeout" && peer != peers_.end()) peer->second.silent = true;
    }
    if (call.provider != 0 && !call.given_id.empty()) add_old(call.given_id, call.provider);
    for (auto& [number, child] : calls_) {
      if (child.ended || child.parent == 0 || &calls_.at(child.parent) != &call) continue;
      end(child, child.until <= rig_->clock ? "timeout" : "canceled");
      child.ended_with_parent = true;
    }
  }

  void add_old(const std::string& id, PeerId provider) {
    old_ids_.emplace_back(id, provider);
    if (old_ids_.size() > kOldIds) old_ids_.pop_front();
  }

  // ---- what the hub has written

  void settle() {
    // Ends first: they make room for what is given in the same step.
    std::map<PeerId, std::vector<std::string>> lines;
    for (const auto& [id, peer] : peers_) lines[id] = rig_->lines(id);
    for (bool requests : {false, true}) {
      for (const auto& [id, theirs] : lines) {
        for (const std::string& line : theirs) {
          if ((text_of(line, "type") == "request") == requests) read(id, line);
        }
      }
    }
    reads_old_ = 0;
    std::erase_if(calls_, [](const auto& entry) { return entry.second.ended && entry.second.caller == 0; });
  }

  void read(PeerId id, const std::string& line) {
    INFO("step " << step_ << ", peer " << id << ": " << line);
    std::string type = text_of(line, "type");
    if (type == "request") return read_request(id, line);
    if (type == "response") return read_response(id, line);
    if (type == "chunk") {
      ModelCall* call = call_of(id, text_of(line, "id"));
      REQUIRE(call != nullptr);
      CHECK(token_of(line, "seq") == std::to_string(++call->chunks_read));
      CHECK(token_of(line, "data") == std::to_string(call->chunks_read));
      return;
    }
    if (type == "error") {
      CHECK(text_of(line, "code") == "bad_frame");
      REQUIRE(refusals_[id]-- > 0);
      return;
    }
    REQUIRE((type == "cancel" || type == "pause" || type == "resume"));
  }

  ModelCall* call_of(PeerId caller, const std::string& id) {
    for (auto& [number, call] : calls_) {
      if (call.caller == caller && call.id == id) return &call;
    }
    return nullptr;
  }

  void read_request(PeerId provider, const std::string& line) {
    auto number = parse_u64(token_of(line, "args"));
    REQUIRE(number);
    auto at = calls_.find(*number);
    // It may have ended before its provider read that it was given it.
    if (at == calls_.end() || at->second.ended) {
      add_old(text_of(line, "id"), provider);
      return;
    }
    ModelCall& call = at->second;
    CHECK(call.declined_by.count(provider) == 0);
    if (provider != reads_old_) CHECK(can_take(provider, call, true));
    call.provider = provider;
    call.given_id = text_of(line, "id");
  }

  bool provides(const ModelPeer& peer, const std::string& task) const {
    return std::any_of(peer.names.begin(), peer.names.end(),
                       [&](const std::string& name) { return name_matches(name, task); });
  }
  size_t serves(PeerId id, const ModelCall* without = nullptr) const {
    size_t count = 0;
    for (const auto& [number, call] : calls_)
      count += !call.ended && call.provider == id && &call != without ? 1U : 0U;
    return count;
  }
  bool can_take(PeerId id, const ModelCall& call, bool has_taken) const {
    const ModelPeer& peer = peers_.at(id);
    return provides(peer, call.task) && call.declined_by.count(id) == 0 &&
           serves(id, &call) < std::max<size_t>(peer.slots, has_taken ? 3 : 0);
  }

  void read_response(PeerId caller, const std::string& line) {
    ModelCall* call = call_of(caller, text_of(line, "id"));
    REQUIRE(call != nullptr);
    std::string code = code_of(line).empty() ? "result" : code_of(line);
    ++ends[code];
    // What was written while it read nothing was true then.
    if (caller != reads_old_) {
      if (!call->ended) check_own_end(*call, code);
      // What ended its parent may have ended it by itself just before.
      if (call->ended && !call->expected.empty() && !call->ended_with_parent) CHECK(code == call->expected);
    }
    if (code == "result") CHECK(token_of(line, "result") == "\"in time\"");
    // Its provider may have gone on after an end that its caller, who read nothing, had not seen.
    if (caller == reads_old_ && code != "result") {
      CHECK(call->chunks_read <= call->chunks);
    } else {
      CHECK(call->chunks_read == call->chunks);
    }
    if (!call->ended) end(*call, "");
    call->caller = 0;
  }

  // An end that the hub has found itself.
  void check_own_end(const ModelCall& call, const std::string& code) {
    bool provided = false;
    bool wanted = false;
    for (const auto& [id, peer] : peers_) {
      if (!provides(peer, call.task)) continue;
      provided = true;
      wanted = wanted || call.declined_by.count(id) == 0;
    }
    if (code == "no_provider") {
      CHECK((!provided && !call.waits));
    } else if (code == "declined") {
      CHECK((!call.declined_by.empty() && !wanted));
    } else if (code == "provider_gone") {
      CHECK((call.had_unread || (call.handed_over > 0 && !wanted && !call.waits)));
    } else if (code == "deadlock") {
      CHECK(call.parent != 0);
    } else if (code == "canceled") {
      // The call that it was made for had ended, and its caller had not read that yet.
      CHECK(call.parent != 0);
    } else {
      FAIL("an end that nothing has brought about: " << code);
    }
  }

  void check_nothing_waits_that_could_run() {
    for (const auto& [number, call] : calls_) {
      if (call.ended || call.provider != 0) continue;
      const std::string& task = call.task;
      INFO("step " << step_ << ", call " << number << " of " << call.task);
      // One that is stopped may have been given it.
      if (stopped_ != 0 || call.caller == 0) return;
      for (const auto& [id, peer] : peers_) {
        if (!peer.silent) CHECK_FALSE(can_take(id, call, false));
      }
      bool provided = std::any_of(peers_.begin(), peers_.end(),
                                  [&](const auto& each) { return provides(each.second, task); });
      CHECK((provided || call.waits));
    }
  }

  void finish() {
    if (stopped_ != 0) stop_or_continue();
    settle();
    while (!peers_.empty()) hang_up(peers_.begin()->first);
    settle();
    rig_->advance(seconds(1));
    for (const auto& pool : rig_->status().memory.pools) {
      INFO(pool.pool);
      CHECK(pool.used_bytes == 0);
    }
  }

  std::mt19937_64 random_;
  std::unique_ptr<CallRig> rig_;
  uint64_t step_ = 0;
  uint64_t next_number_ = 1;
  std::map<PeerId, ModelPeer> peers_;
  std::map<uint64_t, ModelCall> calls_;
  PeerId reads_old_ = 0;            // whose socket has room again, in this step
  PeerId stopped_ = 0;              // whose socket takes nothing; 0: nobody's
  std::map<PeerId, int> refusals_;  // errors that are to come
  // Of calls that have ended, the newest, and who had them.
  std::deque<std::pair<std::string, PeerId>> old_ids_;
};

uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : parse_u64(text).value_or(otherwise);
}

}  // namespace

TEST_CASE("In random histories each call ends once, as it should, and no slot is lost") {
  uint64_t steps = number_from("BUSD_CALL_STEPS", kSteps);
  uint64_t only = number_from("BUSD_SEED", 0);
  std::map<std::string, uint64_t> ends;
  for (uint64_t seed = only == 0 ? 1 : only; seed <= (only == 0 ? kHistories : only); ++seed) {
    INFO("BUSD_SEED=" << seed);
    History history(seed);
    history.run(steps);
    for (const auto& [code, count] : history.ends) ends[code] += count;
    CHECK(history.late > 0);
  }
  for (const auto& [code, count] : ends)
    std::printf("%s %llu\n", code.c_str(), static_cast<unsigned long long>(count));
  if (only != 0) return;
  for (const char* code :
       {"result", "timeout", "canceled", "provider_gone", "no_provider", "declined", "deadlock"}) {
    INFO(code);
    CHECK(ends[code] > 0);
  }
}
