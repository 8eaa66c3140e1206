// Whose turn it was: in which order calls that wait for a provider are given (PROTOCOL.md 10, waiting).
//
// A slot takes the oldest call of a user's that its provider serves, and of several users' the call of the one
// who has waited longer. One that was given back stands in front of its line. A provider that was silent takes what
// others do not, so nothing is said of its order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "tests/support/catch.h"
#include "tests/unit/hub_core/call_model.h"

namespace bus::test {

class CallTurns {
 public:
  explicit CallTurns(CallModel& model) : model_(model) {}

  // In this step the provider was given the call; `waited`: before this step.
  void add(PeerId provider, const ModelCall& call, bool waited) {
    takes_.push_back({provider, call.number, waited && !may_be_from_unread(call)});
  }
  // In this step a call of the user's ended that waited; it may have been given just before.
  void add_unseen(uint32_t uid) { unseen_.insert(uid); }
  // Somebody who did not read may have been given some unseen, until now.
  void forget() { given_from_line_.clear(); }

  // At the end of a step. `sees_all`: everybody reads, and has read all that came before.
  void check(uint64_t step, bool sees_all) {
    bool is_one = std::all_of(takes_.begin(), takes_.end(),
                              [&](const Take& each) { return each.provider == takes_.front().provider; });
    for (uint32_t uid : std::exchange(unseen_, {})) given_[uid] = step;
    for (const Take& take : takes_) {
      const ModelCall& call = model_.calls.at(take.number);
      if (sees_all && !model_.peers.at(take.provider).silent) check_turn(take, call, is_one, step);
      given_[call.uid] = step;
      if (sees_all && take.waited) given_from_line_[call.uid] = step;
    }
    takes_.clear();
  }

 private:
  struct Take {
    PeerId provider = 0;
    uint64_t number = 0;
    bool waited = false;
  };

  void check_turn(const Take& take, const ModelCall& call, bool is_only_taker, uint64_t step) {
    const ModelPeer& provider = model_.peers.at(take.provider);
    for (const auto& [number, other] : model_.calls) {
      if (other.ended || other.caller == 0 || other.provider != 0 || other.waits_since >= step) continue;
      if (other.declined_by.count(take.provider) != 0 || !CallModel::provides(provider, other.task)) continue;
      if (may_be_from_unread(call) || may_be_from_unread(other)) continue;
      INFO("step " << step << ": " << take.provider << " was given " << take.number << " of " << call.task
                   << ", and " << number << " of " << other.task << " waits");
      if (other.uid == call.uid) {
        check_order(call, other);
      } else if (take.waited && is_only_taker) {
        // The user of the other has waited since the last turn of this one, and has had none since.
        auto before = given_from_line_.find(call.uid);
        if (before == given_from_line_.end() || before->second <= other.waits_since) continue;
        CHECK(given_[other.uid] >= before->second);
      }
    }
  }

  void check_order(const ModelCall& call, const ModelCall& other) const {
    if (other.task == call.task) {
      CHECK(call.place < other.place);
      return;
    }
    // Of two lines the older of those in front comes first; one that was given back hides what is behind it.
    bool hidden = call.place < 0 || other.place < 0 || stands_behind_given_back(other);
    if (!hidden) CHECK(call.number < other.number);
  }

  // It may have been handed over by one who had not read it, of which the model does not know: then its place is in
  // front, and it may not have waited at all.
  static bool may_be_from_unread(const ModelCall& call) { return call.had_unread && call.idempotent; }
  bool stands_behind_given_back(const ModelCall& call) const {
    return std::any_of(model_.calls.begin(), model_.calls.end(), [&](const auto& each) {
      const ModelCall& other = each.second;
      return !other.ended && other.provider == 0 && other.place < 0 && other.uid == call.uid &&
             other.task == call.task;
    });
  }

  CallModel& model_;
  std::vector<Take> takes_;    // in this step
  std::set<uint32_t> unseen_;  // users of calls that were perhaps given in this step
  // By user, in which step a call of it was given last, and one that had waited, since everybody reads.
  std::map<uint32_t, uint64_t> given_;
  std::map<uint32_t, uint64_t> given_from_line_;
};

}  // namespace bus::test
