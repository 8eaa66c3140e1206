// Random histories of calls against a model that is small and obvious.
//
// The model knows who provides what, and which calls are open. Which provider a call is given to it takes from
// what the hub has written, and checks that this was allowed and that it was the call's turn; which end a call
// has, it knows or checks. After each step no call may wait that somebody could take.
//
// One peer at a time may have stopped reading. It may have been given calls, and its own calls may have ended, without
// the model's knowing. So for a call of this peer the model puts down, step by step, which ends the hub may have
// found; and what its provider sent behind such an end must have been counted as late.
//
// BUSD_SEED=N runs the history of that seed alone, BUSD_CALL_STEPS=N makes each so long.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/base/strings.h"
#include "tests/support/catch.h"
#include "tests/support/slow.h"
#include "tests/unit/hub_core/call_model.h"
#include "tests/unit/hub_core/call_rig.h"
#include "tests/unit/hub_core/call_turns.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr uint64_t kSteps = kSlowBuild ? 4'000 : 20'000;
constexpr uint64_t kHistories = kSlowBuild ? 2 : 5;
constexpr size_t kOldIds = 256;
constexpr const char* kAnyReason = "any";

// Names and patterns that are provided, and tasks that are asked for.
const std::vector<std::string> kNames = {"a", "a.b", "a.*", "a.b.*", "*", "z"};
const std::vector<std::string> kTasks = {"a", "a.b", "a.b.c", "a.x", "z", "y"};

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
      note_possible_ends();
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
        return tell_progress();
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
    ModelPeer peer;
    peer.uid = one_in(3) ? 2000 : kOurUid;
    peer.name = "p" + std::to_string(++last_name_);
    peers_[rig_->client(peer.uid, peer.name)] = peer;
  }

  void hang_up(PeerId id) {
    peers_.erase(id);
    for (auto& [number, call] : calls_)
      call.had_unread = call.had_unread || (id == stopped_ && call.provider == 0);
    if (id == stopped_) {
      stopped_ = 0;
      turns_.forget();
    }
    provider_gone(id);
    for (auto& [number, call] : calls_) {
      if (call.caller != id) continue;
      call.caller = 0;
      if (call.ended) continue;
      end(call, "gone");
      // What it was made for may have ended just before.
      if (call.parent != 0) tell_any_reason(call);
    }
    rig_->hang_up(id);
  }

  void provider_gone(PeerId id) {
    std::map<uint64_t, ModelCall*> handed_over;  // by the numbers that it knew them by
    for (auto& [number, call] : calls_) {
      if (call.ended || call.provider != id) continue;
      if (call.idempotent && call.chunks == 0 && call.handed_over < 2) {
        ++call.handed_over;
        handed_over[parse_u64(call.given_id.substr(call.given_id.rfind('.') + 1)).value()] = &call;
      } else {
        end(call, "provider_gone");
      }
    }
    // The oldest comes to stand in front.
    for (auto at = handed_over.rbegin(); at != handed_over.rend(); ++at) {
      if (!at->second->ended) give_back(*at->second);
    }
  }

  // It waits again, in front of the others.
  void give_back(ModelCall& call) {
    call.provider = 0;
    call.progress_due = 0;
    call.waits_since = step_;
    call.place = -static_cast<int64_t>(++given_back_);
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
    call.number = next_number_;
    call.caller = caller;
    call.uid = peers_.at(caller).uid;
    call.waits_since = step_;
    call.place = static_cast<int64_t>(next_number_);
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
      if (peers_.count(provider) != 0) say_late(provider, id);
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
        give_back(*call);
      }
      rig_->error(provider, id, "declined");
    } else {
      end(*call, "result");
      rig_->result(provider, id, "\"in time\"");
    }
  }

  // Something of a call that has ended.
  void say_late(PeerId provider, const std::string& id) {
    peers_.at(provider).silent = false;
    ++peers_.at(provider).late;
    ++late;
    switch (below(4)) {
      case 0:
        return rig_->result(provider, id, "\"late\"");
      case 1:
        return rig_->error(provider, id, "declined");
      case 2:
        return rig_->progress(provider, id, 1);
      default:
        return rig_->chunk(provider, id, "\"late\"");
    }
  }

  void chunk() {
    ModelCall* call = any_given();
    if (call == nullptr || !call->streams) return;
    ++call->chunks;
    peers_.at(call->provider).silent = false;
    rig_->chunk(call->provider, call->given_id, std::to_string(call->chunks));
  }

  void tell_progress() {
    ModelCall* call = any_given();
    // Rather of one whose caller does not read.
    for (int tries = 0; tries < 4 && stopped_ != 0 && call != nullptr && call->caller != stopped_; ++tries)
      call = any_given();
    if (call == nullptr) return;
    call->progress_due = ++call->progress;
    peers_.at(call->provider).silent = false;
    // The hub may have ended it, and then counts this.
    if (call->caller == call->provider && call->caller == stopped_) ++peers_.at(call->provider).maybe_late;
    rig_->progress(call->provider, call->given_id, call->progress);
  }

  void stop_or_continue() {
    if (peers_.empty()) return;
    if (stopped_ != 0) {
      reads_old_ = std::exchange(stopped_, 0);
      turns_.forget();
      return rig_->set_room(reads_old_, SIZE_MAX);
    }
    stopped_ = any_of(peers_).first;
    rig_->set_room(stopped_, 0);
  }

  void end(ModelCall& call, const std::string& how) {
    call.ended = true;
    call.expected = how;
    if (call.provider == 0) turns_.add_unseen(call.uid);
    for (PeerId id : {call.provider, stopped_}) {
      if (auto peer = peers_.find(id); how == "timeout" && peer != peers_.end()) peer->second.silent = true;
    }
    if (call.provider != 0) {
      add_old(call.given_id, call.provider);
      auto peer = peers_.find(call.provider);
      bool is_told = how == "timeout" || how == "canceled" || how == "gone";
      if (is_told && peer != peers_.end()) peer->second.to_be_canceled[call.given_id] = how;
    }
    for (auto& [number, child] : calls_) {
      if (child.ended || child.parent == 0 || &calls_.at(child.parent) != &call) continue;
      end(child, child.until <= rig_->clock ? "timeout" : "canceled");
      child.ended_with_parent = true;
      tell_any_reason(child);
    }
  }

  void tell_any_reason(const ModelCall& call) {
    if (auto peer = peers_.find(call.provider); peer != peers_.end())
      peer->second.to_be_canceled[call.given_id] = kAnyReason;
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
    for (const auto& [id, peer] : peers_) {
      if (id != stopped_) CHECK(peer.to_be_canceled.empty());
    }
    check_progress();
    turns_.check(step_, stopped_ == 0 && reads_old_ == 0);
    if (reads_old_ != 0) check_late();
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
    if (type == "progress") {
      ModelCall* call = call_of(id, text_of(line, "id"));
      REQUIRE(call != nullptr);
      auto done = parse_u64(token_of(line, "done"));
      REQUIRE(done);
      CHECK(*done > call->progress_read);
      CHECK(*done <= call->progress);
      call->progress_read = *done;
      return;
    }
    if (type == "error") {
      CHECK(text_of(line, "code") == "bad_frame");
      REQUIRE(refusals_[id]-- > 0);
      return;
    }
    if (type == "cancel") return read_cancel(id, line);
    REQUIRE((type == "pause" || type == "resume"));
  }

  void read_cancel(PeerId provider, const std::string& line) {
    std::string id = text_of(line, "id");
    std::string reason = text_of(line, "reason");
    auto& expected = peers_.at(provider).to_be_canceled;
    if (auto at = expected.find(id); at != expected.end()) {
      if (provider != reads_old_ && at->second != kAnyReason) CHECK(reason == at->second);
      expected.erase(at);
      return;
    }
    // With its parent, of which the model learns later.
    auto at = std::find_if(calls_.begin(), calls_.end(), [&](const auto& each) {
      return each.second.provider == provider && each.second.given_id == id && !each.second.ended;
    });
    if (at == calls_.end()) {
      CHECK(provider == reads_old_);
      return;
    }
    CHECK(at->second.parent != 0);
    CHECK(reason == "canceled");
    end(at->second, reason);
    expected.erase(id);
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
    if (provider != reads_old_) CHECK(model_.can_take(provider, call, true));
    turns_.add(provider, call, call.waits_since < step_);
    call.provider = provider;
    call.given_id = text_of(line, "id");
  }

  void read_response(PeerId caller, const std::string& line) {
    ModelCall* call = call_of(caller, text_of(line, "id"));
    REQUIRE(call != nullptr);
    std::string code = code_of(line).empty() ? "result" : code_of(line);
    ++ends[code];
    if (code == "result") CHECK(token_of(line, "result") == "\"in time\"");
    // What ended its parent may have ended it by itself just before.
    bool as_known = call->ended && (code == call->expected || call->ended_with_parent);
    if (!as_known) {
      INFO("expected " << call->expected);
      bool was_possible = caller == reads_old_ && call->possible.count(code) != 0;
      CHECK((was_possible || (!call->ended && model_.may_end_by_itself(*call, code))));
    }
    count_late(*call, code);
    if (!call->ended) end(*call, code);
    call->caller = 0;
  }

  // "What a provider sends for a call that has ended is counted (`late`) and not answered" (PROTOCOL.md 10): chunks
  // that the caller has not got, and an answer in place of which it got another end, came behind the end. None is
  // missing otherwise, whenever the caller reads: a provider that reads is told of an end that is not its own before
  // it can go on, and so is the model. Only a provider that is the caller itself, and has read nothing since, is
  // let go on by a model that does not know; there the hub's count must agree (check_late).
  void count_late(const ModelCall& call, const std::string& code) {
    uint64_t missing = call.chunks - call.chunks_read;
    bool was_answered = call.ended && (call.expected == "result" || call.expected == "declined");
    bool is_its_own = call.caller == reads_old_ && code != "result";
    if (!is_its_own || (call.provider != call.caller && call.provider != 0)) {
      CHECK(missing == 0);
      return;
    }
    ModelPeer& peer = peers_.at(call.caller);
    if (call.provider == call.caller) {
      peer.late += missing + (was_answered && code != call.expected ? 1 : 0);
    } else {
      CHECK(missing == 0);
      peer.maybe_late += call.declined_by.count(call.caller);
    }
  }

  // Of what is told while its caller reads, none is left out; of what was told before, the newest comes.
  void check_progress() const {
    for (const auto& [number, call] : calls_) {
      if (call.ended || call.caller == 0 || call.caller == stopped_) continue;
      INFO("step " << step_ << ", call " << number);
      CHECK(call.progress_read >= call.progress_due);
    }
  }

  void check_late() {
    for (const auto& row : rig_->status().providers) {
      auto at = std::find_if(peers_.begin(), peers_.end(),
                             [&](const auto& each) { return each.second.name == row.source; });
      REQUIRE(at != peers_.end());
      ModelPeer& peer = at->second;
      INFO("step " << step_ << ", " << row.source);
      CHECK(row.late >= peer.late);
      CHECK(row.late <= peer.late + peer.maybe_late);
      peer.late = row.late;
      peer.maybe_late = 0;
    }
  }

  // While its caller reads nothing, the model does not see when.
  void note_possible_ends() {
    if (stopped_ == 0) return;
    for (auto& [number, call] : calls_) {
      if (call.caller != stopped_ || call.ended) continue;
      for (const char* code : {"no_provider", "declined", "provider_gone", "deadlock", "canceled"}) {
        bool is_served = call.provider != 0 && code != std::string_view("canceled");
        if (!is_served && model_.may_end_by_itself(call, code)) call.possible.insert(code);
      }
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
        if (!peer.silent) CHECK_FALSE(model_.can_take(id, call, false));
      }
      bool provided = std::any_of(peers_.begin(), peers_.end(),
                                  [&](const auto& each) { return CallModel::provides(each.second, task); });
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
  CallModel model_;
  std::map<PeerId, ModelPeer>& peers_ = model_.peers;
  std::map<uint64_t, ModelCall>& calls_ = model_.calls;
  CallTurns turns_{model_};
  PeerId reads_old_ = 0;            // whose socket has room again, in this step
  PeerId stopped_ = 0;              // whose socket takes nothing; 0: nobody's
  std::map<PeerId, int> refusals_;  // errors that are to come
  uint64_t last_name_ = 0;
  uint64_t given_back_ = 0;  // calls that their providers did not end
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
