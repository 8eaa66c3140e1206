// A core and its model side by side: whatever happens, happens to both, and then they are compared.
//
// Used by the random histories (property_test.cpp) and the exhaustive ones (simulation_test.cpp). Decides
// nothing about what happens.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/core_rig.h"
#include "tests/support/messages.h"
#include "tests/unit/hub_core/model.h"

namespace bus::test {

class Twin {
 public:
  explicit Twin(const hub::HubConfig& config) : rig(config), model(config, rig.clock) {}

  hub::PeerId connect(uint32_t uid = kOurUid, int64_t pid = 100) {
    hub::PeerId id = rig.connect(uid, pid);
    model.connect(id, uid, pid);
    peers_.push_back(id);
    return id;
  }
  void send(hub::PeerId id, std::string_view bytes) {
    bool asks = bytes.find("status_query") != std::string_view::npos;
    StatusResponse before = asks ? rig.status() : StatusResponse{};
    rig.send(id, bytes);
    model.send(id, bytes, before);
  }
  void shut_down_writing(hub::PeerId id) {
    rig.shut_down_writing(id);
    model.shut_down_writing(id);
  }
  void hang_up(hub::PeerId id) {
    rig.hang_up(id);
    model.hang_up(id);
  }
  void set_room(hub::PeerId id, size_t bytes) {
    rig.set_room(id, bytes);
    model.set_room(id, bytes);
  }
  void advance(Duration d) {
    rig.advance(d);
    model.advance(d);
    expired_at_ = rig.clock;
  }
  void oversleep(Duration d) {
    rig.clock += d;
    model.oversleep(d);
    if (d > Duration::zero()) expired_at_ = kNever;
  }
  void begin_stop(Duration patience) {
    rig.core.begin_stop(rig.clock + patience);
    model.begin_stop(rig.clock + patience);
  }

  bool is_open(hub::PeerId id) const { return rig.is_open(id); }

  // Compares all that came out since the last call, and what can be asked; status only `with_status`. Returns
  // the first difference, empty when there is none, and forgets the connections that have gone.
  std::string difference(bool with_status = true) {
    std::string found;
    for (hub::PeerId id : peers_) {
      if (found.empty()) found = difference_of(id);
    }
    std::erase_if(peers_, [this](hub::PeerId id) { return !rig.is_open(id); });
    if (found.empty()) found = difference_of_time();
    if (found.empty()) found = difference_of_notices();
    if (found.empty() && with_status) found = difference_of_status();
    return found;
  }

  CoreRig rig;
  HubModel model;
  uint64_t interest_lines = 0;

 private:
  static std::string told(const std::string& what, const std::string& core, const std::string& model) {
    return what + "\n  core:  " + core + "\n  model: " + model;
  }
  static std::string number(TimePoint when) {
    return when == kNever ? "never" : std::to_string(when.time_since_epoch().count());
  }

  std::string difference_of(hub::PeerId id) {
    std::string name = "peer " + std::to_string(id);
    std::string core = rig.take_bytes(id);
    std::string wrong = take_interest(id, core);
    if (!wrong.empty()) return name + " " + wrong;
    std::string wanted = model.take_wire(id);
    if (core != wanted) return told(name + " was sent", core, wanted);
    if (rig.is_open(id) != model.is_open(id))
      return told(name + " is open", std::to_string(rig.is_open(id)), std::to_string(model.is_open(id)));
    if (!rig.is_open(id)) return {};
    if (rig.core.wants(id).read != model.read_state(id)) {
      return told(name + ", read_state", std::to_string(static_cast<int>(rig.core.wants(id).read)),
                  std::to_string(static_cast<int>(model.read_state(id))));
    }
    if (rig.core.wants(id).close != model.close_state(id)) {
      return told(name + ", close_state", std::to_string(static_cast<int>(rig.core.wants(id).close)),
                  std::to_string(static_cast<int>(model.close_state(id))));
    }
    return {};
  }

  // Takes the lines of interest out of what the peer was sent; returns what is wrong with them.
  std::string take_interest(hub::PeerId id, std::string& bytes) {
    constexpr std::string_view kBegins = R"({"type":"interest")";
    for (size_t at = bytes.find(kBegins); at != std::string::npos; at = bytes.find(kBegins, at)) {
      std::string line = bytes.substr(at, bytes.find('\n', at) - at);
      bytes.erase(at, line.size() + 1);
      if (!model.is_open(id)) continue;
      ++interest_lines;
      std::string wrong = model.hear_interest(id, line);
      if (!wrong.empty()) return wrong;
    }
    return model.is_open(id) ? model.interest_fault(id) : std::string();
  }

  std::string difference_of_time() {
    // The hub may wake up for nothing, when a deadline was met without an answer; but once for each, and it
    // must not oversleep.
    TimePoint next = rig.core.next_deadline();
    TimePoint wanted = model.next_deadline();
    if (next > wanted || (expired_at_ == rig.clock && next <= rig.clock && wanted > rig.clock))
      return told("next deadline", number(next), number(wanted));
    // More may be due: only these must be read before they expire.
    std::vector<hub::PeerId> due = rig.core.due(rig.clock);
    for (hub::PeerId id : model.due()) {
      if (std::find(due.begin(), due.end(), id) == due.end()) return "due: not peer " + std::to_string(id);
    }
    if (rig.core.idle(rig.clock) != model.idle())
      return told("idle", std::to_string(rig.core.idle(rig.clock)), std::to_string(model.idle()));
    if (rig.core.stop_requested() != model.stop_requested()) return "stop requested";
    return {};
  }

  std::string difference_of_notices() {
    auto wanted_notices = model.take_notices();
    std::vector<std::pair<hub::Notice::Kind, hub::PeerId>> notices;
    for (const hub::Notice& notice : rig.core.take_notices()) notices.emplace_back(notice.kind, notice.peer);
    std::sort(notices.begin(), notices.end());
    std::sort(wanted_notices.begin(), wanted_notices.end());
    return notices == wanted_notices ? std::string()
                                     : told("notices", listed(notices), listed(wanted_notices));
  }

  std::string difference_of_status() {
    StatusResponse status = rig.status();
    StatusResponse wanted = status;
    model.describe(wanted);
    return status == wanted ? std::string() : told("status", encode(status), encode(wanted));
  }

  static std::string listed(const std::vector<std::pair<hub::Notice::Kind, hub::PeerId>>& notices) {
    std::string out;
    for (const auto& [kind, id] : notices) {
      out += std::to_string(static_cast<int>(kind));
      out += " of ";
      out += std::to_string(id);
      out += "; ";
    }
    return out;
  }

  std::vector<hub::PeerId> peers_;
  TimePoint expired_at_ = kNever;  // the deadlines, if the clock has not moved since
};

}  // namespace bus::test
