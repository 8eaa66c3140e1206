// Random histories of values, over restarts, kills and losses of power (PROTOCOL.md 11).
//
// Clients put, delete, get, watch, stall and go, several of them in one turn; batches reach the disk late, or not before the hub is
// killed; time passes, also while the machine sleeps. An observer that reads everything sees what is true. After each step, all
// frames are compared with what was sent and with all that was ever shown; at rest, every watch ends with what is true.
//
// BUSD_SEED=N runs the history of that seed alone, BUSD_VALUE_HISTORIES=N so many, BUSD_VALUE_STEPS=N makes each so long; with
// BUSD_RANDOM=1, a random one follows.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/strings.h"
#include "protocol/event_pattern.h"
#include "protocol/limits.h"
#include "tests/support/catch.h"
#include "tests/support/core_rig.h"
#include "tests/support/slow.h"
#include "tests/unit/hub_core/call_rig.h"
#include "tests/unit/hub_core/random_frames.h"
#include "tests/unit/hub_core/values_disk.h"
#include "tests/unit/hub_core/values_ledger.h"

using namespace bus;
using namespace bus::test;
using hub::PeerId;

namespace {

constexpr uint64_t kHistories = kSlowBuild ? 3 : 24;
constexpr uint64_t kSteps = kSlowBuild ? 1'000 : 2'500;
constexpr size_t kMostClients = 5;

const std::vector<std::string> kKeys = {"a", "a.b", "a.b.c", "a.c", "b", "b.c", "c", "d.e"};

uint64_t number_of(const std::string& json, const char* name) {
  return parse_u64(token_of(json, name)).value_or(0);
}
bool flag_of(const std::string& json, const char* name) { return token_of(json, name) == "true"; }

struct Met {
  std::map<std::string, uint64_t> counts;
};

class History {
 public:
  History(uint64_t seed, Met& met) : dice_(seed), met_(met), has_memory_puts_(!dice_.one_in(3)) { start(); }

  void run(uint64_t steps) {
    for (step_ = 1; step_ <= steps; ++step_) {
      step();
      look();
    }
    rest();
  }

 private:
  enum class Kind : uint8_t { put, remove, get, unwatch };
  // A question, until its answer came.
  struct Asked {
    Kind kind = Kind::put;
    std::string id, key, value;  // without a value: a deletion
    uint64_t version = 0;        // that it asks for
    bool create = false, if_changed = false, needs_store = false, is_power = false, is_memory = false;
    std::string expected;  // the code, or "accepted" or "unchanged"; empty: not known
    uint64_t expected_version = 0;
  };
  struct Watcher {
    std::string id;
    std::vector<std::string> keys;
    bool has_snapshot = true;
    std::map<std::string, ShownState> seen;
    std::set<std::string> renewed;  // what was sent since the beginning
    uint64_t last_rev = 0;
    std::string epoch;  // empty: not synced yet
    uint64_t since = 0;
    std::string since_epoch;
    bool is_synced = false;   // and has begun nothing anew since
    bool may_restart = true;  // a reset is no surprise
    // By key: up to which version it was told, and whether that one counts as not sent.
    std::map<std::string, std::pair<uint64_t, bool>> told;
  };
  struct Client {
    PeerId id = 0;
    bool is_half = false;
    bool is_stalled = false;
    size_t silent = 0;  // changes that are answered only if they are refused
    std::deque<Asked> asked;
    std::map<std::string, Watcher> watchers;
  };
  struct Owned {
    PeerId owner = 0;
    TimePoint expires = kNever;
    bool is_stored = false;
  };

  [[noreturn]] void fail(const std::string& what) {
    std::string log;
    for (const std::string& line : log_) log += line + "\n";
    FAIL(log << "step " << step_ << ": " << what);
    std::abort();
  }
  void log(const std::string& line) {
    log_.push_back(std::to_string(step_) + " " + line);
    if (log_.size() > 60) log_.pop_front();
  }
  void note(const std::string& key, const ShownState& state) {
    if (std::string wrong = ledger_.note(key, state); !wrong.empty()) fail(wrong);
  }

  // ---- the hub

  void start() {
    hub::KeptValues kept = disk_.start(TimePoint{} + seconds(1000));
    std::string epoch = kept.epoch;
    hub::HubConfig config = rig_config();
    rig_ = std::make_unique<CoreRig>(config);
    rig_->core.keep_values(disk_, std::move(kept));
    log("-- a hub begins, epoch " + epoch);
    if (!epoch_.empty() && must_keep_epoch_ && epoch != epoch_) fail("the epoch changed for nothing");
    if (!epoch_.empty() && must_change_epoch_ && epoch == epoch_)
      fail("the epoch is the same although something may be lost");
    epoch_ = epoch;
    had_memory_ = may_have_memory_ = has_failed_ = false;
    observer_ = hello();
    rig_->send_line(observer_, R"({"type":"watch","id":"o","keys":["*","bus.*"]})");
    truth_.clear();
    observer_is_synced_ = false;
    restarted_rev_ = ledger_.highest_rev();
    look_at_truth();
  }

  PeerId hello() {
    PeerId id = rig_->connect();
    rig_->send_line(
        id, R"({"type":"hello","pid":9,"event_key":"","event_types":[],"version":"v1","role":"client"})");
    static_cast<void>(rig_->lines(id));
    return id;
  }

  void end(RunEnd how) {
    if (how == RunEnd::in_order && !has_failed_) commit_all();
    if (has_failed_ && how == RunEnd::in_order) how = RunEnd::kill;
    ++met_.counts[how == RunEnd::in_order ? "ends" : how == RunEnd::kill ? "kills" : "power"];
    log(how == RunEnd::in_order ? "-- end" : how == RunEnd::kill ? "-- kill" : "-- power");
    // Part of what waits reaches the disk, and nobody is told.
    if (how != RunEnd::in_order) {
      while (!dice_.one_in(3) && disk_.commit()) continue;
    }
    for (const auto& [key, state] : truth_) {
      if (auto at = puts_.find(state.value); at != puts_.end() && !at->second.is_stored) had_memory_ = true;
    }
    // One that does not read may not know yet.
    for (const Client& client : clients_) {
      for (const Asked& each : client.asked) may_have_memory_ = may_have_memory_ || each.is_memory;
    }
    bool loses = how == RunEnd::power || has_failed_;
    must_change_epoch_ = loses || had_memory_;
    must_keep_epoch_ = !loses && !had_memory_ && !may_have_memory_;
    std::map<std::string, std::set<std::string>> allowed;
    for (const std::string& key : kKeys) allowed[key] = allowed_after(key, loses);
    for (Client& client : clients_) {
      for (auto& [id, watcher] : client.watchers) leave(std::move(watcher));
    }
    clients_.clear();
    // What the hub does while it is taken apart never happened.
    ValuesDisk disk = disk_;
    rig_.reset();
    disk_ = std::move(disk);
    disk_.end(how, [&](size_t n) { return dice_.below(n); });
    unanswered_.clear();
    start();
    for (const std::string& key : kKeys) check_kept(key, allowed.at(key), loses);
    if (dice_.one_in(2)) come();
    while (!clients_.empty() && !left_.empty()) resume();
  }

  // What there may be of a key behind the end: what was visible and stored, or what was on its way.
  std::set<std::string> allowed_after(const std::string& key, bool loses) {
    std::set<std::string> out = unanswered_[key];
    for (const Client& client : clients_) {
      for (const Asked& each : client.asked) {
        bool is_change = each.kind == Kind::put || each.kind == Kind::remove;
        if (is_change && each.key == key) out.insert(each.needs_store ? each.value : "");
      }
    }
    bool may_end = std::any_of(out.begin(), out.end(), [&](const std::string& each) {
      auto put = puts_.find(each);
      return put != puts_.end() && put->second.expires <= disk_.boot_clock;
    });
    if (may_end) out.insert("");
    auto at = truth_.find(key);
    std::string value = at == truth_.end() ? "" : at->second.value;
    std::set<std::string> shown = {value};
    if (loses) {
      // Without a version that is safe, there may be nothing.
      auto safe = safe_.find(key);
      shown = ledger_.values_since(key, safe == safe_.end() ? 0 : safe->second.first);
      shown.insert(value);
      if (safe == safe_.end() || !safe->second.second) shown.insert("");
      // One that was replaced in the turn in which it was to be seen may come back, too.
      for (const std::string& each : sent_[key]) {
        if (each.size() == 1 || !ledger_.was_shown(key, each)) out.insert(each);
      }
    }
    for (const std::string& each : shown) {
      auto put = puts_.find(each);
      bool is_stored = put != puts_.end() && put->second.is_stored;
      bool may_be_over = put != puts_.end() && put->second.expires <= disk_.boot_clock;
      if (is_stored) out.insert(each);
      if (!is_stored || may_be_over) out.insert("");
    }
    return out;
  }

  void check_kept(const std::string& key, const std::set<std::string>& allowed, bool loses) {
    auto at = truth_.find(key);
    std::string value = at == truth_.end() ? "" : at->second.value;
    auto put = puts_.find(value);
    if (put != puts_.end() && put->second.expires <= disk_.boot_clock) value.clear();
    if (allowed.count(value) == 0 && (allowed.count("") == 0 || !value.empty())) {
      std::string all;
      for (const std::string& each : allowed) all += " [" + each + "]";
      fail(key + " is [" + value + "] behind the end, and not one of" + all);
    }
    if (loses)
      safe_[key] = {at == truth_.end() ? ledger_.highest_version(key) + 1 : at->second.version,
                    !value.empty()};
  }

  // ---- what is true

  void look_at_truth() {
    for (const std::string& line : rig_->lines(observer_)) {
      std::string type = text_of(line, "type");
      if (type == "value") {
        take_truth(line);
      } else if (type == "synced") {
        if (text_of(line, "epoch") != epoch_) fail("another epoch: " + line);
        observer_is_synced_ = true;
      } else {
        fail("the observer got " + line);
      }
    }
    for (const std::string& key : std::exchange(disk_.forgotten, {})) {
      ++met_.counts["forgotten"];
      if (auto at = truth_.find(key); at != truth_.end() && !at->second.exists()) truth_.erase(at);
      forgotten_rev_ = ledger_.highest_rev();
      forgotten_versions_[key] = ledger_.highest_version(key);
      for (Client& client : clients_) {
        for (auto& [id, watcher] : client.watchers) {
          watcher.may_restart = true;
        }
      }
    }
    check_list();
    check_ends();
  }

  void take_truth(const std::string& line) {
    std::string key = text_of(line, "key");
    ShownState state{number_of(line, "version"), number_of(line, "rev"), token_of(line, "value")};
    note(key, state);
    // A deletion that took more than a day to reach the disk is forgotten at once, and all comes anew.
    if (flag_of(line, "snapshot") && std::exchange(observer_is_synced_, false)) truth_.clear();
    auto at = truth_.find(key);
    if (at != truth_.end()) {
      if (state.rev <= at->second.rev || state.version <= at->second.version) fail("goes back: " + line);
      uint64_t skipped = state.version - at->second.version - 1;
      bool may_be_new = has_failed_ && !at->second.exists();
      if (!may_be_new && skipped != number_of(line, "skipped"))
        fail("skipped is not " + std::to_string(skipped) + ": " + line);
    }
    if (flag_of(line, "expired")) {
      auto put = at == truth_.end() ? puts_.end() : puts_.find(at->second.value);
      if (put != puts_.end() && number_of(line, "skipped") == 0 && put->second.expires > disk_.boot_clock)
        fail("expires before its time: " + line);
      ++met_.counts["expired"];
    }
    truth_[key] = state;
  }

  // Of a key that a list has shown as another than watches do, one of the two is wrong.
  void check_list() {
    rig_->send_line(observer_, R"({"type":"list","id":"l"})");
    std::map<std::string, ShownState> listed;
    for (const std::string& line : rig_->lines(observer_)) {
      if (text_of(line, "type") != "response") {
        fail("a list changed something: " + line);
      }
      RawJson json;
      std::string keys = token_of(token_of(line, "result"), "keys");
      if (json.scan(keys)) fail("no JSON: " + line);
      for (const Member& each : json.children()) {
        std::string entry(each.value_token);
        listed[text_of(entry, "key")] = {number_of(entry, "version"), number_of(entry, "rev"),
                                         token_of(entry, "value")};
      }
    }
    for (const auto& [key, state] : truth_) {
      if (key.starts_with("bus.")) continue;
      auto put = puts_.find(state.value);
      bool is_over = put != puts_.end() && put->second.expires <= disk_.boot_clock;
      bool is_listed = listed.count(key) > 0;
      if (is_listed != (state.exists() && !is_over)) fail("listed is not what is watched: " + key);
      if (is_listed && listed[key] != state) fail("is listed as another state: " + key);
      listed.erase(key);
    }
    if (!listed.empty()) fail("listed and not watched: " + listed.begin()->first);
  }

  // Nothing outlives its time or its owner, but for what waits for the disk.
  void check_ends() {
    if (disk_.waits()) return;
    for (const auto& [key, state] : truth_) {
      auto put = puts_.find(state.value);
      if (put == puts_.end()) continue;
      if (put->second.expires <= disk_.boot_clock)
        fail(key + " = " + state.value + " is not over in time, late by ms " +
             std::to_string(to_ms(disk_.boot_clock - put->second.expires)));
      PeerId owner = put->second.owner;
      if (owner == 0) continue;
      bool has_owner = std::any_of(clients_.begin(), clients_.end(),
                                   [&](const Client& each) { return each.id == owner && !each.is_half; });
      if (!has_owner) fail(key + " outlives its owner");
    }
  }

  // ---- what happens

  void step() {
    size_t choice = dice_.below(1000);
    if (choice < 480) return turn();
    if (choice < 580) return void(disk_.commit());
    if (choice < 680) return tell_one();
    if (choice < 740) return pass_time();
    if (choice < 800) return begin_watch();
    if (choice < 815) return stall();
    if (choice < 850) return unstall();
    if (choice < 880) return come();
    if (choice < 900) return go();
    if (choice < 910) return say_no_more();
    if (choice < 925) return end_watch();
    if (choice < 930) return resume();
    if (choice < 975) return rest();
    if (choice < 985) return end(RunEnd::kill);
    if (choice < 990) return end(RunEnd::in_order);
    if (choice < 993) return end(RunEnd::power);
    if (choice < 995) return fail_store();
    resume();
  }

  Client* some_client() {
    std::vector<Client*> out;
    for (Client& each : clients_) {
      if (!each.is_half && each.asked.size() < 20) out.push_back(&each);
    }
    return out.empty() ? nullptr : out[dice_.below(out.size())];
  }

  // Several of them in one turn, perhaps with what the disk has to say; or one in a turn of its own.
  void turn() {
    if (dice_.one_in(3)) {
      Client* client = some_client();
      if (client == nullptr) return;
      is_alone_ = rig_->core.wants(client->id).read == hub::ReadState::read;
      std::string sent = frames(*client);
      is_alone_ = false;
      return rig_->send(client->id, sent);
    }
    for (size_t i = 1 + dice_.below(4); i > 0; --i) {
      if (dice_.one_in(6)) {
        auto number = disk_.tell();
        if (number && *number != 0) rig_->core.values_committed(*number, rig_->clock);
        continue;
      }
      Client* client = some_client();
      if (client == nullptr || rig_->core.wants(client->id).read != hub::ReadState::read) continue;
      rig_->core.receive(client->id, frames(*client), rig_->clock);
      if (rig_->core.turn_is_open()) ++met_.counts["open turns"];
    }
    rig_->advance({});
  }

  std::string frames(Client& client) {
    std::string out;
    for (size_t i = 1 + dice_.below(4); i > 0; --i) out += frame(client) + "\n";
    return out;
  }

  std::string frame(Client& client) {
    Asked asked;
    asked.id = "q" + std::to_string(++last_id_);
    asked.key = kKeys[dice_.below(kKeys.size())];
    size_t kind = dice_.below(10);
    std::string line;
    if (kind == 0) {
      asked.kind = Kind::get;
      line = R"({"type":"get","id":")" + asked.id + R"(","key":")" + asked.key + "\"}";
    } else {
      line = change(client, asked, kind <= 2);
    }
    log(std::to_string(client.id) + " > " + line);
    if (line.find("\"id\"") == std::string::npos) {
      ++client.silent;
      note_unanswered(asked);
    } else {
      client.asked.push_back(std::move(asked));
    }
    return line;
  }

  std::string change(Client& client, Asked& asked, bool is_deletion) {
    auto known = truth_.find(asked.key);
    std::string more;
    asked.kind = is_deletion ? Kind::remove : Kind::put;
    if (dice_.one_in(3)) {
      uint64_t version = known == truth_.end() ? 0 : known->second.version;
      asked.version =
          dice_.pick<uint64_t>({version + 1, version + 1, version + 2, std::max<uint64_t>(version, 1), 1});
      more += R"(,"version":)" + std::to_string(asked.version);
    }
    asked.needs_store = true;
    if (!is_deletion) {
      asked.value = std::to_string(1000 + ++last_value_);
      Owned put;
      if (dice_.one_in(5) && asked.version <= 1) {
        asked.create = true;
        more += R"(,"create":true)";
      }
      if (dice_.one_in(5)) {
        asked.if_changed = true;
        asked.value = std::to_string(dice_.below(3));
        more += R"(,"if_changed":true)";
      } else {
        if (dice_.one_in(4)) {
          uint64_t ttl = dice_.pick<uint64_t>({1, 20, 300, 5'000, 90'000'000});
          put.expires = disk_.boot_clock + milliseconds(ttl);
          more += R"(,"ttl_ms":)" + std::to_string(ttl);
        }
        size_t how = has_memory_puts_ ? dice_.below(8) : 2 + dice_.below(6);
        asked.is_memory = how < 2;
        asked.is_power = how == 2;
        if (how == 0) {
          put.owner = client.id;
          more += R"(,"while_connected":true)";
        } else if (how <= 3) {
          more += how == 1   ? R"(,"durable":"memory")"
                  : how == 2 ? R"(,"durable":"power")"
                             : R"(,"durable":"process")";
        }
        asked.needs_store = !asked.is_memory;
      }
      put.is_stored = asked.needs_store;
      puts_[asked.value] = put;
      if (put.is_stored) sent_[asked.key].insert(asked.value);
    }
    predict(client, asked);
    bool is_silent = dice_.one_in(8);
    std::string head = is_deletion ? R"({"type":"delete")" : R"({"type":"put")";
    if (!is_silent) head += R"(,"id":")" + asked.id + "\"";
    head += R"(,"key":")" + asked.key + "\"" + more;
    return head + (is_deletion ? "}" : R"(,"value":)" + asked.value + "}");
  }

  // What must become of it, if nothing else can have changed the key.
  void predict(const Client& client, Asked& asked) {
    if (!is_alone_ || client.silent != 0) return;
    if (!unanswered_[asked.key].empty() || !client.asked.empty() || has_failed_ || disk_.waits()) return;
    for (const Client& each : clients_) {
      for (const Asked& other : each.asked) {
        if (other.key == asked.key) return;
      }
    }
    auto at = truth_.find(asked.key);
    if (at == truth_.end()) return;
    const ShownState& now = at->second;
    if (asked.kind == Kind::remove && !now.exists()) {
      asked.expected = "not_found";
    } else if (asked.create && now.exists()) {
      asked.expected = "exists";
    } else if (asked.version != 0 && asked.version != now.version + 1 &&
               (asked.version != 1 || now.exists())) {
      asked.expected = "stale";
    } else {
      auto put = puts_.find(now.value);
      bool is_plain = put != puts_.end() && put->second.expires == kNever && put->second.owner == 0 &&
                      put->second.is_stored;
      bool is_same = asked.if_changed && now.value == asked.value && is_plain;
      asked.expected = is_same ? "unchanged" : "accepted";
      asked.expected_version = now.version + (is_same ? 0 : 1);
    }
    ++met_.counts["predicted"];
  }

  void note_unanswered(const Asked& asked) {
    if (asked.kind != Kind::put && asked.kind != Kind::remove) return;
    unanswered_[asked.key].insert(asked.needs_store ? asked.value : "");
    may_have_memory_ = may_have_memory_ || asked.is_memory;
  }

  void tell_one() {
    auto number = disk_.tell();
    if (number && *number != 0) rig_->core.values_committed(*number, rig_->clock);
    rig_->advance({});
  }
  void commit_all() {
    do {
      while (disk_.commit()) continue;
      tell_one();
      look();
    } while (!has_failed_ && disk_.waits());
  }

  void pass_time() {
    Duration time = dice_.pick<Duration>({milliseconds(1), milliseconds(15), milliseconds(200), seconds(3)});
    if (dice_.one_in(20)) time = std::chrono::hours(25);
    if (!dice_.one_in(3)) return rig_->advance(time);
    // The machine sleeps, and the hub is woken when it was to be.
    disk_.sleep(time);
    if (disk_.wakes_at <= disk_.clock(rig_->clock)) ++met_.counts["woken"];
    rig_->core.tick(rig_->clock, {});
    rig_->advance({});
  }

  void fail_store() {
    if (has_failed_) return;
    ++met_.counts["failures"];
    log("-- the store fails");
    disk_.fail(dice_.one_in(2));
    has_failed_ = true;
    while (auto number = disk_.tell()) {
      if (*number != 0) rig_->core.values_committed(*number, rig_->clock);
    }
    rig_->core.values_failed({Errc::io, "no space left on device"}, rig_->clock);
    rig_->advance({});
  }

  // ---- connections

  void come() {
    if (clients_.size() >= kMostClients) return;
    Client client;
    client.id = hello();
    clients_.push_back(std::move(client));
  }

  void gone(Client& client) {
    for (const Asked& each : client.asked) note_unanswered(each);
    for (auto& [id, watcher] : client.watchers) leave(std::move(watcher));
    PeerId id = client.id;
    std::erase_if(clients_, [&](const Client& each) { return each.id == id; });
  }
  void go() {
    if (clients_.empty()) return;
    Client& client = clients_[dice_.below(clients_.size())];
    log(std::to_string(client.id) + " hangs up");
    PeerId id = client.id;
    rig_->hang_up(id);
    look_at(client);
    gone(client);
  }
  void say_no_more() {
    Client* client = some_client();
    if (client == nullptr) return;
    client->is_half = true;
    if (dice_.one_in(2)) {
      log(std::to_string(client->id) + " > bye");
      rig_->send_line(client->id, R"({"type":"bye"})");
      // Its watches end with it.
      client->watchers.clear();
    }
    log(std::to_string(client->id) + " shuts down");
    rig_->shut_down_writing(client->id);
  }

  void stall() {
    if (clients_.empty()) return;
    Client& client = clients_[dice_.below(clients_.size())];
    client.is_stalled = true;
    rig_->set_room(client.id, dice_.below(400));
  }
  void unstall() {
    for (Client& client : clients_) {
      if (std::exchange(client.is_stalled, false)) return rig_->set_room(client.id, kEndless);
    }
  }

  // ---- watches

  void begin_watch() {
    Client* client = some_client();
    if (client == nullptr || client->watchers.size() >= 3) return;
    Watcher watcher;
    for (size_t i = 1 + dice_.below(2); i > 0; --i)
      watcher.keys.push_back(dice_.pick<std::string>({"*", "a.*", "a.b.*", "b", "b.*", "a"}));
    watcher.has_snapshot = !dice_.one_in(6);
    add_watch(*client, std::move(watcher));
  }
  void add_watch(Client& client, Watcher watcher) {
    watcher.id = "w" + std::to_string(++last_id_);
    std::string line = R"({"type":"watch","id":")" + watcher.id + R"(","keys":[)";
    for (const std::string& key : watcher.keys) line += (line.ends_with('[') ? "\"" : ",\"") + key + "\"";
    line += "]";
    if (!watcher.has_snapshot) line += R"(,"snapshot":false)";
    if (!watcher.since_epoch.empty())
      line += R"(,"since":)" + std::to_string(watcher.since) + R"(,"epoch":")" + watcher.since_epoch + "\"";
    line += "}";
    log(std::to_string(client.id) + " > " + line);
    // When nothing is before it, it begins with what is true now.
    bool begins_now = client.asked.empty() && client.silent == 0 && watcher.has_snapshot;
    for (const auto& [key, state] : truth_) {
      bool goes_on = !watcher.since_epoch.empty() && watcher.since_epoch == epoch_ && watcher.since != 0;
      bool is_sent = goes_on ? state.rev > watcher.since : state.exists();
      if (begins_now) watcher.told[key] = {state.version, is_sent};
    }
    watcher.may_restart =
        watcher.since_epoch.empty() ? false : watcher.since_epoch != epoch_ || watcher.since < forgotten_rev_;
    // A start does not know which tombstone was the last one that was forgotten.
    if (!watcher.since_epoch.empty() && disk_.has_floor() && watcher.since <= restarted_rev_)
      watcher.may_restart = true;
    if (!begins_now || has_failed_) watcher.may_restart = true;
    if (watcher.may_restart) watcher.told.clear();
    std::string id = watcher.id;
    client.watchers.emplace(id, std::move(watcher));
    rig_->send_line(client.id, line);
  }
  void end_watch() {
    Client* client = some_client();
    if (client == nullptr || client->watchers.empty()) return;
    Asked asked;
    asked.kind = Kind::unwatch;
    asked.id = client->watchers.begin()->first;
    if (std::any_of(client->asked.begin(), client->asked.end(),
                    [&](const Asked& each) { return each.id == asked.id; }))
      return;
    std::string line = R"({"type":"unwatch","id":")" + asked.id + "\"}";
    log(std::to_string(client->id) + " > " + line);
    client->asked.push_back(std::move(asked));
    rig_->send_line(client->id, line);
  }
  // It may be resumed, in this run of the hub or a later one.
  void leave(Watcher watcher) {
    if (watcher.epoch.empty() || !watcher.is_synced || !watcher.has_snapshot || left_.size() > 5) return;
    watcher.since = watcher.last_rev;
    watcher.since_epoch = std::exchange(watcher.epoch, {});
    watcher.renewed.clear();
    watcher.told.clear();
    watcher.is_synced = false;
    left_.push_back(std::move(watcher));
  }
  void resume() {
    Client* client = some_client();
    if (client == nullptr || left_.empty()) return;
    Watcher watcher = std::move(left_.front());
    left_.pop_front();
    ++met_.counts["resumed"];
    if (watcher.since_epoch == epoch_ && watcher.since < restarted_rev_)
      ++met_.counts["resumed over a restart"];
    add_watch(*client, std::move(watcher));
  }

  // ---- what comes

  void look() {
    look_at_truth();
    for (size_t i = 0; i < clients_.size(); ++i) look_at(clients_[i]);
    for (size_t i = clients_.size(); i-- > 0;) {
      if (rig_->is_open(clients_[i].id)) continue;
      Client& client = clients_[i];
      if (!client.is_half) fail(std::to_string(client.id) + " was closed");
      if (!client.asked.empty() && !client.is_stalled)
        fail("not answered before the end: " + client.asked.front().id);
      gone(client);
    }
  }

  void look_at(Client& client) {
    for (const std::string& line : rig_->lines(client.id)) {
      log(std::to_string(client.id) + " < " + line);
      std::string type = text_of(line, "type");
      if (type == "value" || type == "synced") {
        auto at = client.watchers.find(text_of(line, "watch"));
        // What was on its way when it said bye.
        if (at == client.watchers.end() && client.is_half) continue;
        if (at == client.watchers.end()) fail("of no watch: " + line);
        type == "value" ? take_value(at->second, line) : take_synced(at->second, line);
      } else if (type == "error") {
        // A watch that has ended with bye, before the unwatch that waited; errors may come before what waits.
        size_t ended = std::erase_if(client.asked, [&](const Asked& each) {
          return client.is_half && each.kind == Kind::unwatch && each.id == text_of(line, "id");
        });
        if (ended == 0 && client.silent-- == 0) fail("unexpected: " + line);
      } else if (type == "response") {
        take_answer(client, line);
      } else {
        fail("unexpected: " + line);
      }
    }
  }

  void take_answer(Client& client, const std::string& line) {
    std::string id = text_of(line, "id");
    if (client.asked.empty() || client.asked.front().id != id) {
      fail("not the answer to " + (client.asked.empty() ? "anything" : client.asked.front().id) + ": " +
           line);
    }
    Asked asked = std::move(client.asked.front());
    client.asked.pop_front();
    std::string result = token_of(line, "result");
    std::string code = code_of(line);
    switch (asked.kind) {
      case Kind::unwatch:
        if (!code.empty()) fail("unexpected: " + line);
        client.watchers.erase(id);
        return;
      case Kind::get:
        if (code == "not_found") return;
        if (!code.empty()) fail("unexpected: " + line);
        return note(asked.key,
                    {number_of(result, "version"), number_of(result, "rev"), token_of(result, "value")});
      case Kind::put:
      case Kind::remove:
        return take_verdict(asked, line, code, result);
    }
  }

  void take_verdict(const Asked& asked, const std::string& line, const std::string& code,
                    const std::string& result) {
    bool is_unchanged = flag_of(result, "unchanged");
    std::string verdict = !code.empty() ? code : is_unchanged ? "unchanged" : "accepted";
    ++met_.counts[verdict];
    ShownState state{number_of(result, "version"), number_of(result, "rev"), asked.value};
    if (!asked.expected.empty() && code != "store") {
      if (verdict != asked.expected) fail("expected " + asked.expected + ": " + line);
      if (code.empty() && state.version != asked.expected_version)
        fail("expected version " + std::to_string(asked.expected_version) + ": " + line);
    }
    if (code.empty()) {
      note(asked.key, state);
      if (is_unchanged && !asked.if_changed) fail("unchanged, without being asked: " + line);
      if (is_unchanged) return;
      if (!ledger_.claim(asked.key, state.version)) fail("two changes made this version: " + line);
      check_condition(asked, state, line);
      if (asked.is_memory) had_memory_ = true;
      if (asked.is_power && safe_[asked.key].first < state.version) safe_[asked.key] = {state.version, true};
    } else if (code == "stale" || code == "exists") {
      std::string data = token_of(token_of(line, "error"), "data");
      ShownState has{number_of(data, "version"), number_of(data, "rev"), token_of(data, "value")};
      if (has.version != 0) note(asked.key, has);
      if (code == "stale" ? asked.version == 0 : !asked.create) fail("not asked for: " + line);
    } else if (code == "store") {
      if (!has_failed_) fail("the store has not failed: " + line);
      // It may have reached the disk all the same.
      note_unanswered(asked);
    } else if (code != "not_found" || asked.kind != Kind::remove) {
      fail("unexpected: " + line);
    }
  }

  // An accepted change was allowed by the version before it.
  void check_condition(const Asked& asked, const ShownState& state, const std::string& line) {
    const std::string* before = ledger_.value_of(asked.key, state.version - 1);
    bool may_exist = before == nullptr || !before->empty();
    bool may_be_new = before == nullptr || before->empty();
    if (asked.create && !may_be_new) fail("created what existed: " + line);
    if (asked.version > 1 && asked.version != state.version) fail("another version: " + line);
    if (asked.version == 1 && state.version != 1 && !may_be_new) fail("version 1 over another: " + line);
    if (asked.kind == Kind::remove && !may_exist) fail("deleted what was deleted: " + line);
  }

  bool asks_for(const Watcher& watcher, const std::string& key) const {
    return std::any_of(watcher.keys.begin(), watcher.keys.end(), [&](const std::string& each) {
      return matches(parse_event_pattern(each), key) && (each != "*" || !key.starts_with("bus."));
    });
  }

  void take_value(Watcher& watcher, const std::string& line) {
    std::string key = text_of(line, "key");
    ShownState state{number_of(line, "version"), number_of(line, "rev"), token_of(line, "value")};
    note(key, state);
    if (!asks_for(watcher, key)) fail("not asked for: " + line);
    bool is_snapshot = flag_of(line, "snapshot");
    if (is_snapshot && !watcher.has_snapshot && watcher.epoch.empty() && !watcher.may_restart)
      fail("no snapshot was asked for: " + line);
    // All anew.
    bool begins_anew = is_snapshot && std::exchange(watcher.is_synced, false);
    if (begins_anew || state.rev <= watcher.last_rev) {
      if (!is_snapshot || !(watcher.may_restart || has_failed_)) fail("begins anew for nothing: " + line);
      watcher.renewed.clear();
      watcher.told.clear();
    }
    watcher.last_rev = state.rev;
    // Versions go on above a floor behind a tombstone that was forgotten.
    bool is_above_floor = watcher.told.count(key) > 0 && watcher.told[key].first <= forgotten_versions_[key];
    if (may_be_forgotten(key, watcher.told)) is_above_floor = true;
    if (auto at = watcher.told.find(key); at != watcher.told.end() && !is_above_floor) {
      uint64_t skipped = state.version - at->second.first - (at->second.second ? 0 : 1);
      if (skipped != number_of(line, "skipped"))
        fail("skipped is not " + std::to_string(skipped) + ": " + line);
      if (skipped > 0) ++met_.counts["skipped"];
    }
    watcher.told[key] = {state.version, false};
    watcher.seen[key] = state;
    if (is_snapshot) watcher.renewed.insert(key);
  }

  // A store that has failed is not told of tombstones that are forgotten, and so we are not.
  bool may_be_forgotten(const std::string& key,
                        const std::map<std::string, std::pair<uint64_t, bool>>& told) {
    auto at = told.find(key);
    if (!has_failed_ || at == told.end()) return false;
    const std::string* value = ledger_.value_of(key, at->second.first);
    return value == nullptr || value->empty();
  }

  void take_synced(Watcher& watcher, const std::string& line) {
    if (text_of(line, "epoch") != epoch_) fail("another epoch: " + line);
    bool is_reset = flag_of(line, "reset");
    if (is_reset && !watcher.may_restart && !has_failed_) fail("a reset for nothing: " + line);
    if (!is_reset && !watcher.since_epoch.empty() && watcher.epoch.empty() && watcher.since_epoch != epoch_)
      fail("goes on under another epoch: " + line);
    if (number_of(line, "rev") < watcher.last_rev) fail("synced goes back: " + line);
    if (is_reset) {
      ++met_.counts["resets"];
      std::erase_if(watcher.seen, [&](const auto& each) { return watcher.renewed.count(each.first) == 0; });
      watcher.has_snapshot = true;
    }
    watcher.renewed.clear();
    watcher.is_synced = true;
    watcher.last_rev = std::max(watcher.last_rev, number_of(line, "rev"));
    watcher.epoch = epoch_;
  }

  // All is committed, and everybody reads: then every watch has what is true, and everything is answered.
  void rest() {
    ++met_.counts["rests"];
    for (Client& client : clients_) {
      if (std::exchange(client.is_stalled, false)) rig_->set_room(client.id, kEndless);
    }
    commit_all();
    look();
    for (const Client& client : clients_) {
      if (!client.asked.empty()) fail("not answered: " + client.asked.front().id);
      for (const auto& [id, watcher] : client.watchers) check_watcher(watcher);
    }
    if (!has_failed_) unanswered_.clear();
    for (Client& client : clients_) client.silent = 0;
  }

  void check_watcher(const Watcher& watcher) {
    if (watcher.epoch.empty()) fail(watcher.id + " was not synced");
    for (const auto& [key, state] : truth_) {
      if (!asks_for(watcher, key)) continue;
      auto at = watcher.seen.find(key);
      bool is_seen = at != watcher.seen.end();
      if (!is_seen && (!watcher.has_snapshot || !state.exists())) continue;
      if (!is_seen) fail(watcher.id + " has not seen " + key);
      bool is_same = state.exists() ? at->second.value == state.value && at->second.version == state.version
                                    : !at->second.exists();
      if (!is_same) fail(watcher.id + " ends with another state of " + key);
    }
    for (const auto& [key, state] : watcher.seen) {
      if (state.exists() && truth_.count(key) == 0)
        fail(watcher.id + " was not told that " + key + " is gone");
    }
  }

  Dice dice_;
  Met& met_;
  const bool has_memory_puts_;  // without them, a kill loses nothing
  ValuesDisk disk_;
  std::unique_ptr<CoreRig> rig_;
  uint64_t step_ = 0;
  std::deque<std::string> log_;
  uint64_t last_id_ = 0;
  uint64_t last_value_ = 0;

  std::string epoch_;
  bool must_keep_epoch_ = false;
  bool must_change_epoch_ = false;
  bool had_memory_ = false;       // in this run, something visible was not stored
  bool may_have_memory_ = false;  // perhaps
  bool has_failed_ = false;
  uint64_t restarted_rev_ = 0;
  uint64_t forgotten_rev_ = 0;
  std::map<std::string, uint64_t> forgotten_versions_;  // the highest ones of keys when they were forgotten

  bool is_alone_ = false;  // nobody else says anything in this turn
  PeerId observer_ = 0;
  bool observer_is_synced_ = false;
  std::map<std::string, ShownState> truth_;
  ValuesLedger ledger_;
  std::map<std::string, std::set<std::string>> sent_;  // by key: values that were to be stored
  std::map<std::string, Owned> puts_;                  // by their values
  std::map<std::string, std::set<std::string>>
      unanswered_;  // changes of which nobody will be told; "" for none
  std::map<std::string, std::pair<uint64_t, bool>>
      safe_;  // by key: which version a loss of power leaves, if it exists
  std::vector<Client> clients_;
  std::deque<Watcher> left_;
};

uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : parse_u64(text).value_or(otherwise);
}

}  // namespace

TEST_CASE(
    "Whatever happens to clients, disk and hub: no number is given twice, and nothing that was promised is "
    "lost") {
  uint64_t steps = number_from("BUSD_VALUE_STEPS", kSteps);
  uint64_t only = number_from("BUSD_SEED", 0);
  uint64_t histories = number_from("BUSD_VALUE_HISTORIES", kHistories);
  Met met;
  auto run = [&](uint64_t seed) {
    INFO("BUSD_SEED=" << seed);
    History(seed, met).run(steps);
  };
  if (only != 0) return run(only);
  for (uint64_t seed = 1; seed <= histories; ++seed) run(seed);
  if (std::getenv("BUSD_RANDOM") != nullptr) {
    uint64_t random = std::random_device{}() | uint64_t{1} << 32U;
    std::printf("values, random: BUSD_SEED=%llu\n", static_cast<unsigned long long>(random));
    run(random);
  }
  for (const auto& [what, count] : met.counts)
    std::printf("%s %llu\n", what.c_str(), static_cast<unsigned long long>(count));
  for (const char* what : {"accepted", "unchanged", "stale", "exists", "not_found", "store", "kills", "ends",
                           "power", "failures", "forgotten", "expired", "woken", "open turns", "predicted",
                           "resets", "resumed over a restart", "skipped"}) {
    INFO(what);
    CHECK(met.counts[what] > 0);
  }
}
