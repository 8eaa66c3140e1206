// What the model of calls knows: who provides what, and which calls are open (calls_history_test.cpp).
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "hub/core/base/transport.h"
#include "protocol/base/clock.h"

namespace bus::test {

using hub::PeerId;

struct ModelCall {
  uint64_t number = 0;
  PeerId caller = 0;  // 0: it has gone
  uint32_t uid = 0;   // its user
  std::string id;
  std::string task;
  bool waits = false;
  bool streams = false;
  bool idempotent = false;
  TimePoint until = kNever;
  uint64_t parent = 0;  // a number
  PeerId provider = 0;  // 0: it waits
  // While it waits: since which step, and where in the line of its user and task. One that was given back stands
  // in front.
  uint64_t waits_since = 0;
  int64_t place = 0;
  std::string given_id;
  std::set<PeerId> declined_by;
  int handed_over = 0;
  bool had_unread = false;     // its provider may have been one that had not read it, and went
  uint64_t chunks = 0;         // sent by its provider
  uint64_t chunks_read = 0;    // by its caller
  uint64_t progress = 0;       // how often its provider, or an earlier one, has told of some
  uint64_t progress_read = 0;  // the newest that its caller knows
  uint64_t progress_due = 0;   // the newest that it is to be told, unless the call ends
  bool ended_with_parent = false;
  bool ended = false;    // though its caller may not have read it
  std::string expected;  // the code that is its end, or "result"; empty: it is open, or whatever it was
  // Ends that the hub may have found by itself while its caller read nothing.
  std::set<std::string> possible;
};

struct ModelPeer {
  std::string name;
  std::set<std::string> names;
  size_t slots = 0;
  uint32_t uid = 0;
  bool silent = false;      // it has said nothing since a call of its own timed out, or may have
  uint64_t late = 0;        // what it has sent for calls that had ended, at least
  uint64_t maybe_late = 0;  // and perhaps
  // Requests that it has, and that have ended: it is to be told of them, for this reason.
  std::map<std::string, std::string> to_be_canceled;
};

struct CallModel {
  std::map<PeerId, ModelPeer> peers;
  std::map<uint64_t, ModelCall> calls;

  static bool name_matches(const std::string& name, const std::string& task) {
    if (name == "*") return true;
    if (!name.ends_with(".*")) return name == task;
    std::string stem = name.substr(0, name.size() - 1);
    return task.size() > stem.size() && task.starts_with(stem);
  }
  static bool provides(const ModelPeer& peer, const std::string& task) {
    return std::any_of(peer.names.begin(), peer.names.end(),
                       [&](const std::string& name) { return name_matches(name, task); });
  }
  size_t serves(PeerId id, const ModelCall* without = nullptr) const {
    size_t count = 0;
    for (const auto& [number, call] : calls)
      count += !call.ended && call.provider == id && &call != without ? 1U : 0U;
    return count;
  }
  bool can_take(PeerId id, const ModelCall& call, bool has_taken) const {
    const ModelPeer& peer = peers.at(id);
    return provides(peer, call.task) && call.declined_by.count(id) == 0 &&
           serves(id, &call) < std::max<size_t>(peer.slots, has_taken ? 3 : 0);
  }

  // Whether the hub may have found this end without anybody's saying so.
  bool may_end_by_itself(const ModelCall& call, const std::string& code) const {
    bool provided = false;
    bool wanted = false;
    for (const auto& [id, peer] : peers) {
      if (!provides(peer, call.task)) continue;
      provided = true;
      wanted = wanted || call.declined_by.count(id) == 0;
    }
    if (code == "no_provider") return !provided && !call.waits;
    if (code == "declined") return !call.declined_by.empty() && !wanted;
    if (code == "provider_gone") return call.had_unread || (call.handed_over > 0 && !wanted && !call.waits);
    // All its providers wait for it; or what it was made for has ended, and the caller of that has not read it.
    return (code == "deadlock" || code == "canceled") && call.parent != 0;
  }
};

}  // namespace bus::test
