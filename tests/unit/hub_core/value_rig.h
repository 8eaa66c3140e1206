// A hub without sockets, with values and a keeper of the test's (PROTOCOL.md 11).
#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "hub/core/values/value_keeper.h"
#include "tests/support/core_rig.h"
#include "tests/unit/hub_core/call_rig.h"

namespace bus::test {

// A store that commits when the test says so.
class FakeKeeper final : public hub::ValueKeeper {
 public:
  TimePoint clock(TimePoint now) noexcept override { return now + slept; }
  int64_t wall_ms() noexcept override { return wall; }
  void wake_at(TimePoint when) noexcept override { wakes_at = when; }
  bool can_give() noexcept override { return gives; }
  void give(uint64_t rev, uint64_t version) noexcept override {
    given_rev = std::max(given_rev, rev);
    given_version = std::max(given_version, version);
  }
  void set_memory() noexcept override { memory = true; }
  void set_stored(uint64_t rev) noexcept override { stored_rev = rev; }
  void submit(Batch batch) override { batches.push_back(std::move(batch)); }

  Duration slept{};  // by the machine
  int64_t wall = 1'700'000'000'000;
  TimePoint wakes_at = kNever;
  bool gives = true;
  uint64_t given_rev = 0;
  uint64_t given_version = 0;
  bool memory = false;
  uint64_t stored_rev = 0;
  std::deque<Batch> batches;  // not committed
};

struct Keeping {
  FakeKeeper keeper;
};

// A base, so that the keeper outlives the core.
class ValueRig : private Keeping, public CoreRig {
 public:
  using Keeping::keeper;

  explicit ValueRig(hub::KeptValues kept, hub::HubConfig config = rig_config()) : CoreRig(std::move(config)) {
    core.keep_values(keeper, std::move(kept));
  }
  // `stores`: whether there is a store.
  explicit ValueRig(bool stores = false, hub::HubConfig config = rig_config())
      : ValueRig(kept_of(stores), std::move(config)) {}
  ~ValueRig() override { hang_up_all(); }

  static hub::KeptValues kept_of(bool stores) {
    hub::KeptValues kept;
    kept.epoch = "e1";
    kept.takes = stores;
    if (stores) kept.path = "/nowhere/bus.values";
    return kept;
  }

  // The oldest batches are committed; their rows are kept as the last ones of their keys.
  void commit(size_t most = kEndless) {
    for (; most > 0 && !keeper.batches.empty(); --most) {
      hub::ValueKeeper::Batch batch = std::move(keeper.batches.front());
      keeper.batches.pop_front();
      for (const std::string& key : batch.forgotten) rows.erase(key);
      for (const hub::ValueRow& row : batch.rows) rows[row.key] = row;
      if (batch.number != 0) core.values_committed(batch.number, clock);
      advance({});
    }
  }
  void fail(const std::string& why) {
    keeper.batches.clear();
    core.values_failed({Errc::io, why}, clock);
    advance({});
  }

  hub::PeerId client(uint32_t uid = kOurUid) {
    hub::PeerId id = connect(uid);
    send_line(id,
              R"({"type":"hello","pid":9,"event_key":"","event_types":[],"version":"v1","role":"client"})");
    static_cast<void>(lines(id));
    return id;
  }
  // With members such as ,"create":true.
  void put(hub::PeerId id, const std::string& its_id, const std::string& key, const std::string& value,
           const std::string& more = "") {
    send_line(id, R"({"type":"put","id":")" + its_id + R"(","key":")" + key + "\"" + more + R"(,"value":)" +
                      value + "}");
  }
  void remove(hub::PeerId id, const std::string& its_id, const std::string& key,
              const std::string& more = "") {
    send_line(id, R"({"type":"delete","id":")" + its_id + R"(","key":")" + key + "\"" + more + "}");
  }
  void get(hub::PeerId id, const std::string& its_id, const std::string& key) {
    send_line(id, R"({"type":"get","id":")" + its_id + R"(","key":")" + key + "\"}");
  }
  void watch(hub::PeerId id, const std::string& its_id, const std::string& keys,
             const std::string& more = "") {
    send_line(id, R"({"type":"watch","id":")" + its_id + R"(","keys":[)" + keys + "]" + more + "}");
  }

  // What the answer to a put or delete says: "v3 r7", "stale", "v3 r7 unchanged"; "" for none.
  std::string answer(hub::PeerId id) { return answer_in(line(id)); }
  static std::string answer_in(const std::string& line) {
    if (std::string code = code_of(line); !code.empty()) return code;
    std::string result = token_of(line, "result");
    if (result.empty()) return line;
    std::string version = token_of(result, "version");
    if (version.empty()) return result;
    bool unchanged = token_of(result, "unchanged") == "true";
    return "v" + version + " r" + token_of(result, "rev") + (unchanged ? " unchanged" : "");
  }
  std::string put_now(hub::PeerId id, const std::string& key, const std::string& value,
                      const std::string& more = "") {
    put(id, "p", key, value, more);
    return answer(id);
  }
  std::string remove_now(hub::PeerId id, const std::string& key, const std::string& more = "") {
    remove(id, "d", key, more);
    return answer(id);
  }
  // The value, or the code of the error.
  std::string get_now(hub::PeerId id, const std::string& key) {
    get(id, "g", key);
    std::string got = line(id);
    std::string code = code_of(got);
    return code.empty() ? token_of(token_of(got, "result"), "value") : code;
  }

  // What a watch was sent, each "key v3 r7 VALUE" with the flags that it has, or "synced r7 keys2".
  std::vector<std::string> seen(hub::PeerId id) {
    std::vector<std::string> out;
    for (const std::string& line : lines(id)) out.push_back(seen_in(line));
    return out;
  }
  static std::string seen_in(const std::string& line) {
    auto flag = [&](const std::string& name) {
      return token_of(line, name) == "true" ? " " + name : std::string();
    };
    if (text_of(line, "type") == "synced")
      return "synced r" + token_of(line, "rev") + " keys" + token_of(line, "keys") + flag("reset");
    if (text_of(line, "type") != "value") return line;
    std::string skipped = token_of(line, "skipped");
    std::string value = token_of(line, "value");
    return text_of(line, "key") + " v" + token_of(line, "version") + " r" + token_of(line, "rev") +
           flag("snapshot") + flag("deleted") + flag("expired") +
           (skipped.empty() ? "" : " skipped" + skipped) + (value.empty() ? "" : " " + value);
  }

  std::map<std::string, hub::ValueRow> rows;  // what is stored
};

}  // namespace bus::test
