// Values with many keys, many watchers, and several connections that want the same, in the real hub.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/integration/values_support.h"

using namespace bus;
using namespace bus::test;

namespace {

std::string key_of(size_t number) { return "k." + std::to_string(number); }

// Without an id, so that it is not answered.
std::string silent_put(const std::string& key, uint64_t value) {
  return R"({"type":"put","key":")" + key + R"(","value":)" + std::to_string(value) + "}\n";
}

// What a watcher is told of each key fits together: after version V comes the one of V + 1 + skipped.
class Oracle {
 public:
  // So many keys, which have version 1.
  explicit Oracle(size_t keys) : made_(keys, 1), seen_(keys, 0) {}

  // The version of the key that is put next.
  uint64_t put(size_t number) { return ++made_[number]; }
  // All of these were acknowledged before the watch began.
  void begin() {
    for (size_t number = 0; number < made_.size(); ++number) seen_[number] = made_[number] - 1;
  }
  void told(const std::string& line) {
    size_t number = number_in_key(line);
    uint64_t skipped = has(line, R"("skipped":)") ? number_in(line, "skipped") : 0;
    uint64_t version = number_in(line, "version");
    INFO(line);
    REQUIRE(version == seen_[number] + 1 + skipped);
    REQUIRE(has(line, R"("value":)" + std::to_string(version) + "}"));
    seen_[number] = version;
  }
  void end() const { REQUIRE(seen_ == made_); }

 private:
  static size_t number_in_key(const std::string& line) {
    std::string key = text_in(line, "key");
    auto number = parse_u64(std::string_view(key).substr(2));
    REQUIRE(number);
    return *number;
  }

  std::vector<uint64_t> made_;
  std::vector<uint64_t> seen_;
};

}  // namespace

TEST_CASE(
    "A snapshot of 100 000 keys under puts is whole: no key is missing, none is old, and nothing comes twice",
    "[snapshot]") {
  constexpr size_t kKeys = 100'000;
  constexpr size_t kPutsAtOnce = 50;
  constexpr size_t kLinesAtOnce = 100;
  TempDir directory;
  HubProcess hub(directory, {"--values", directory.file("v.values")});
  Oracle oracle(kKeys);
  ValueClient writer(hub.socket());
  for (size_t number = 0; number < kKeys; ++number) writer.raw().send(silent_put(key_of(number), 1));
  // In its order: all of these are in by then.
  CHECK(has(writer.get(key_of(kKeys - 1)), R"("version":1)"));
  oracle.begin();

  size_t next = 0;
  auto put_some = [&] {
    for (size_t i = 0; i < kPutsAtOnce; ++i) {
      // Keys that are near the beginning of the snapshot, in its middle, and again and again the same ones.
      ++next;
      size_t number = next * 7919 % (next % 3 == 0 ? 100 : kKeys);
      writer.raw().send(silent_put(key_of(number), oracle.put(number)));
    }
  };
  ValueClient watcher(hub.socket());
  watcher.send_watch("k.*");
  bool is_synced = false;
  size_t snapshot = 0;
  while (!is_synced) {
    put_some();
    for (size_t i = 0; i < kLinesAtOnce && !is_synced; ++i) {
      std::string line = watcher.raw().read_line();
      is_synced = has(line, R"("type":"synced")");
      if (is_synced) {
        CHECK(number_in(line, "keys") == snapshot);
      } else {
        ++snapshot;
        oracle.told(line);
      }
    }
  }
  CHECK(snapshot >= kKeys);
  CHECK(next > kKeys / kLinesAtOnce);
  uint64_t last = oracle.put(0);
  CHECK(writer.must_put(key_of(0), std::to_string(last)) == last);
  for (bool is_last = false; !is_last;) {
    std::string line = watcher.raw().read_line();
    oracle.told(line);
    is_last = text_in(line, "key") == key_of(0) && number_in(line, "version") == last;
  }
  oracle.end();
  hub.stop();
}

TEST_CASE("A watcher that connects again and again leaves nothing behind", "[connects]") {
  TempDir directory;
  HubProcess hub(directory, {"--values", "memory"});
  ValueClient writer(hub.socket());
  for (size_t number = 0; number < 100; ++number) writer.must_put(key_of(number), "1");
  auto used = [&] {
    std::map<std::string, uint64_t> out;
    StatusResponse status = hub.status();
    for (const auto& pool : status.memory.pools) out[pool.pool] = pool.used_bytes;
    return out;
  };
  std::map<std::string, uint64_t> before = used();
  for (int round = 0; round < 1000; ++round) {
    RawClient watcher(hub.socket());
    watcher.send_line(R"({"type":"watch","id":"w","keys":["k.*","*"]})");
    // Some read all, some a part, some nothing.
    if (round % 3 == 1) static_cast<void>(watcher.read_line());
    if (round % 3 == 2) {
      while (!has(watcher.read_line(), "synced")) continue;
    }
    watcher.close();
    if (round % 10 == 0) writer.must_put(key_of(0), std::to_string(round));
  }
  writer.must_put(key_of(0), "1");
  hub.wait_for_status([](const StatusResponse& status) { return status.values->watches == 0; });
  CHECK(used() == before);
  hub.stop();
}

TEST_CASE("An owner that comes back before the hub knows that it has gone does not have its lock by that",
          "[owner]") {
  TempDir directory;
  HubProcess hub(directory, {"--values", "memory"});
  const std::string lock = R"(,"create":true,"while_connected":true)";
  ValueClient first(hub.socket());
  CHECK(first.must_put("lock", "1", lock) == 1);
  // As after a break that only the owner has noticed.
  ValueClient again(hub.socket());
  CHECK(has(again.put("lock", "2", lock), R"("code":"exists")"));

  SECTION("it waits for the end of its old connection") {
    CHECK(again.watch("lock").size() == 2);
    first.raw().close();
    CHECK(has(again.raw().read_line(), R"("version":2)"));
    CHECK(again.raw().quiet());
    again.send_put("lock", "2", lock);
    // Its own change, and the answer.
    std::string lines = again.raw().read_line() + again.raw().read_line();
    CHECK(has(lines, R"("result":{"version":3)"));
    CHECK(has(lines, R"("value":2)"));
  }
  SECTION("it takes it over, and the end of its old connection ends nothing") {
    CHECK(again.must_put("lock", "2", R"(,"while_connected":true)") == 2);
    first.raw().close();
    hub.wait_for_status([](const StatusResponse& status) { return status.active_conns == 1; });
    CHECK(has(again.get("lock"), R"("version":2)"));
  }
  hub.stop();
}

TEST_CASE("Puts and events of one connection each come in their order", "[lanes]") {
  constexpr uint64_t kEach = 500;
  TempDir directory;
  HubProcess hub(directory, {"--values", directory.file("v.values")});
  RawClient reader(hub.socket());
  static_cast<void>(reader.hello("k", {"tick"}));
  reader.send_line(R"({"type":"watch","id":"w","keys":["tick"]})");
  CHECK(has(reader.read_line(), "synced"));
  RawClient sender(hub.socket());
  for (uint64_t number = 1; number <= kEach; ++number) {
    sender.send(silent_put("tick", number));
    sender.send_line(R"({"type":"event","event_type":"tick","payload":)" + std::to_string(number) + "}");
  }
  uint64_t seq = 0;
  uint64_t version = 0;
  // Between the two no order is promised.
  while (seq < kEach || version < kEach) {
    std::string line = reader.read_line();
    INFO(line);
    if (has(line, R"("type":"event")")) {
      CHECK(number_in(line, "seq") == ++seq);
      CHECK(number_in(line, "payload") == seq);
    } else {
      uint64_t skipped = has(line, R"("skipped":)") ? number_in(line, "skipped") : 0;
      CHECK(number_in(line, "version") == version + 1 + skipped);
      version += 1 + skipped;
      CHECK(number_in(line, "value") == version);
    }
  }
  hub.stop();
}

TEST_CASE("A copy of the file alone, made while its hub runs, is an earlier state under another epoch",
          "[copy]") {
  TempDir directory;
  HubProcess hub(directory, {"--values", directory.file("v.values")});
  ValueClient client(hub.socket());
  for (uint64_t round = 1; round <= 20; ++round) {
    for (size_t number = 0; number < 50; ++number) client.must_put(key_of(number), std::to_string(round));
  }
  std::string epoch = text_in(client.watch("none").back(), "epoch");

  TempDir elsewhere;
  std::filesystem::copy_file(directory.file("v.values"), elsewhere.file("copy.values"));
  HubProcess other(elsewhere, {"--values", elsewhere.file("copy.values")});
  ValueClient reader(other.socket());
  std::vector<std::string> lines = reader.watch("k.*");
  CHECK(text_in(lines.back(), "epoch") != epoch);
  lines.pop_back();
  for (const std::string& line : lines) {
    INFO(line);
    // Each is a state that there was.
    CHECK(number_in(line, "version") == number_in(line, "value"));
    CHECK(number_in(line, "version") <= 20);
  }
  reader.must_put(key_of(0), "0");
  other.stop();
  hub.stop();
}

TEST_CASE(
    "Connections that put more than may wait, and read nothing meanwhile, are answered in full and in order",
    "[unread]") {
  constexpr size_t kClients = 20;
  constexpr size_t kPuts = 5000;
  // Long, so that the answers are more than a socket takes.
  auto id_of = [](size_t number) { return std::string(50, 'i') + std::to_string(number); };
  TempDir directory;
  HubProcess hub(directory, {"--values", directory.file("v.values")});
  std::string puts;
  for (size_t number = 0; number < kPuts; ++number) {
    puts += R"({"type":"put","id":")" + id_of(number) + R"(","key":")" + key_of(number % 100) +
            R"(","value":)" + std::to_string(number) + "}\n";
  }
  struct Sender {
    RawClient client;
    std::string_view rest;
    size_t answered = 0;
  };
  std::vector<Sender> senders;
  for (size_t i = 0; i < kClients; ++i) senders.push_back({RawClient(hub.socket()), puts});
  // In turns, so that the hub always has some of each.
  for (bool goes_on = true; goes_on;) {
    goes_on = false;
    for (Sender& each : senders) {
      size_t taken = each.client.send_some(each.rest.substr(0, 4096));
      each.rest.remove_prefix(taken);
      goes_on = goes_on || taken > 0;
    }
  }
  for (bool goes_on = true; goes_on;) {
    goes_on = false;
    for (Sender& each : senders) {
      each.rest.remove_prefix(each.client.send_some(each.rest));
      if (each.answered == kPuts) continue;
      goes_on = true;
      std::string line = each.client.read_line();
      INFO(line);
      REQUIRE(text_in(line, "id") == id_of(each.answered++));
      REQUIRE(has(line, R"("result":{"version":)"));
    }
  }
  hub.stop();
}
