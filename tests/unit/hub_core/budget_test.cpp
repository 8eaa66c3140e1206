// What peers may make the hub hold: the formula, the meters, and what happens at each pool's limit and above
// it.
#include "hub/core/base/budget.h"

#include <string>
#include <vector>

#include "protocol/limits.h"
#include "tests/support/catch.h"
#include "tests/support/core_rig.h"
#include "tests/support/messages.h"

using namespace bus;
using namespace bus::test;
using bus::hub::PeerId;

namespace {

constexpr size_t kMiB = 1024 * 1024;
constexpr uint32_t kOther = 2000;

// As little memory as 64 connections allow: the pools have 28, 8, 8, 8, 4 and 8 MiB, about.
hub::HubConfig small_config() {
  hub::HubConfig config = rig_config();
  config.max_connections = 64;
  config.memory = hub::Budget::least_memory(64);
  config.queue.frames = 100'000;
  config.queue.bytes = 64 * kMiB;
  config.allow_uids = {kOther};
  return config;
}

const StatusResponse::Memory::Pool& pool(const StatusResponse& status, const std::string& name) {
  for (const auto& each : status.memory.pools) {
    if (each.pool == name) return each;
  }
  FAIL("no pool " << name);
  return status.memory.pools.front();
}

class Rig : public CoreRig {
 public:
  explicit Rig(hub::HubConfig config = small_config()) : CoreRig(std::move(config)) {}

  StatusResponse::Memory::Pool pool(const std::string& name) { return ::pool(status(), name); }
  void publish(PeerId from, const std::string& type, size_t bytes) {
    send_line(from, R"({"type":"event","event_type":")" + type + R"(","payload":")" +
                        std::string(bytes, 'x') + "\"}");
  }
  // A consumer of `type` whose socket takes nothing from now on.
  PeerId stopped(const std::string& type, uint32_t uid = kOurUid) {
    PeerId id = connect(uid);
    send_line(id, hello("k" + type, "\"" + type + "\""));
    lines(id);
    set_room(id, 0);
    return id;
  }
  bool is_within_limits() {
    const StatusResponse now = status();
    for (const auto& each : now.memory.pools) {
      if (each.used_bytes > each.limit_bytes) return false;
    }
    return true;
  }
  bool is_empty() {
    const StatusResponse now = status();
    for (const auto& each : now.memory.pools) {
      if (each.used_bytes > 0) return false;
    }
    return true;
  }
};

std::string codes(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) {
    Decoded decoded = decode(line);
    const auto* error = std::get_if<ErrorMessage>(&std::get<Message>(decoded));
    out += error == nullptr ? "- "
                            : std::string(name_of(error->code)) + "@" + std::to_string(error->frame) + " ";
  }
  return out;
}

}  // namespace

TEST_CASE("The pools and what stands beside them are together what was promised") {
  for (size_t connections : {size_t{1}, size_t{64}, size_t{4096}, size_t{100'000}}) {
    size_t least = hub::Budget::least_memory(connections);
    CHECK_FALSE(hub::Budget::of(least - kMiB, connections).has_value());
    for (size_t memory : {least, least + 100 * kMiB, least + 4096 * kMiB}) {
      auto budget = hub::Budget::of(memory, connections);
      REQUIRE(budget.has_value());
      size_t sum = 0;
      for (size_t each : budget->pools) sum += each;
      CHECK(sum / 100 * 125 < memory);
      CHECK(budget->pools[static_cast<size_t>(hub::Pool::handshaking)] >= 2 * kMaxFrameBytes);
    }
  }
}

TEST_CASE("A charge is given back when it dies, wherever it went meanwhile") {
  hub::Meter meter;
  meter.limit = 10;
  {
    hub::Charge first(&meter, 4);
    hub::Charge second = std::move(first);
    CHECK(meter.used == 4);
    second = hub::Charge(&meter, 9);
    CHECK(meter.used == 9);
    CHECK(meter.has_room_for(1));
    CHECK_FALSE(meter.has_room_for(2));
    hub::Charge nobody(nullptr, 5);
  }
  CHECK(meter.used == 0);
  CHECK(meter.peak == 13);
}

TEST_CASE("Who is over his share has to give back, else, of a pool that is over, who has the most") {
  hub::Ledger ledger(*hub::Budget::of(hub::Budget::least_memory(64), 64), 64, 25, kOurUid);
  hub::Account& ours = ledger.account(kOurUid);
  hub::Account& other = ledger.account(kOther);
  ledger.hold(ours);
  ledger.hold(other);
  size_t limit = ledger.total(hub::Pool::queues).limit;
  CHECK(ours.meter(hub::Pool::queues).limit == limit);
  CHECK(other.meter(hub::Pool::queues).limit <= limit / 4);
  CHECK(ours.max_connections == 64);
  CHECK(other.max_connections == 16);
  CHECK(ledger.debtor(hub::Pool::queues) == nullptr);
  {
    hub::PoolCharge all_but_a_bit;
    hub::PoolCharge small;
    all_but_a_bit.set(ours, hub::Pool::queues, limit - 10);
    CHECK(ledger.debtor(hub::Pool::queues) == nullptr);
    small.set(other, hub::Pool::queues, 11);
    CHECK(ledger.debtor(hub::Pool::queues) == &ours);
    all_but_a_bit.set(ours, hub::Pool::queues, 0);
    small.set(other, hub::Pool::queues, limit / 4 + 11);
    CHECK(ledger.debtor(hub::Pool::queues) == &other);
  }
  CHECK(ledger.total(hub::Pool::queues).used == 0);
  ledger.release(other);
  ledger.release(ours);
}

TEST_CASE("Queues share one pool: at its limit the longest lose their oldest, by visible gaps") {
  Rig rig;
  PeerId source = rig.source("s");
  std::vector<PeerId> stopped;
  for (int i = 0; i < 6; ++i) stopped.push_back(rig.stopped("t" + std::to_string(i)));
  PeerId small = rig.stopped("small");
  rig.publish(source, "small", 100);
  // 6 × 6 MiB of distinct events; all queues together may hold 28.
  for (int n = 0; n < 60; ++n) {
    for (int i = 0; i < 6; ++i) rig.publish(source, "t" + std::to_string(i), 100'000);
    REQUIRE(rig.is_within_limits());
  }
  CHECK(rig.pool("queues").refused > 0);
  CHECK(rig.pool("queues").used_bytes > rig.pool("queues").limit_bytes / 10 * 8);
  for (PeerId id : stopped) {
    const hub::Outbox& outbox = rig.core.outbox(id);
    CHECK(outbox.dropped() > 0);
    CHECK(outbox.queued() > 15);
    rig.set_room(id, kEndless);
    std::vector<std::string> lines = rig.lines(id);
    CHECK(lines.size() + outbox.dropped() == 60);
    CHECK(lines.front().find("\"seq\":" + std::to_string(outbox.dropped() + 1) + ",") != std::string::npos);
  }
  // Whose queue is short keeps it.
  rig.set_room(small, kEndless);
  CHECK(rig.lines(small).size() == 1);
  CHECK(rig.pool("queues").used_bytes == 0);
}

TEST_CASE("An event that many queues hold is counted once") {
  Rig rig;
  PeerId source = rig.source("s");
  std::vector<PeerId> stopped;
  for (int i = 0; i < 20; ++i) stopped.push_back(rig.stopped("t"));
  for (int n = 0; n < 20; ++n) rig.publish(source, "t", 100'000);
  CHECK(rig.pool("queues").used_bytes < 3 * kMiB);
  for (PeerId id : stopped) CHECK(rig.core.outbox(id).queued() == 20);
  for (PeerId id : stopped) rig.hang_up(id);
  CHECK(rig.pool("queues").used_bytes == 0);
}

TEST_CASE("Another user's queues are cut at his share, and nobody else's") {
  Rig rig;
  PeerId source = rig.source("s");
  PeerId ours = rig.stopped("t");
  PeerId theirs = rig.stopped("t", kOther);
  for (int n = 0; n < 100; ++n) rig.publish(source, "t", 100'000);
  CHECK(rig.core.outbox(ours).dropped() == 0);
  CHECK(rig.core.outbox(theirs).dropped() > 0);
  CHECK(rig.core.outbox(theirs).queued() > 25);
  StatusResponse status = rig.status();
  REQUIRE(status.users.size() == 2);
  CHECK(status.users[1].uid == kOther);
  CHECK(status.users[1].queued_bytes <= pool(status, "queues").limit_bytes / 4);
}

TEST_CASE("Nothing is dropped for lack of memory that a socket would take") {
  Rig rig;
  PeerId source = rig.source("s");
  std::vector<PeerId> consumers;
  for (int i = 0; i < 4; ++i) consumers.push_back(rig.stopped("t" + std::to_string(i)));
  for (int n = 0; n < 50; ++n) {
    for (int i = 0; i < 4; ++i) rig.publish(source, "t" + std::to_string(i), 100'000);
  }
  for (int n = 0; n < 50; ++n) {
    // Its socket has room again, though nobody told the core.
    rig.give_room_silently(consumers[0], kEndless);
    for (int i = 0; i < 4; ++i) rig.publish(source, "t" + std::to_string(i), 100'000);
  }
  CHECK(rig.core.outbox(consumers[0]).dropped() == 0);
  CHECK(rig.core.outbox(consumers[1]).dropped() > 0);
}

TEST_CASE("When only events are left that were partly written, the connection that keeps most of them goes") {
  Rig rig;
  PeerId source = rig.source("s");
  std::vector<PeerId> consumers;
  for (int i = 0; i < 36; ++i) {
    consumers.push_back(rig.stopped("t" + std::to_string(i)));
    rig.set_room(consumers.back(), 10);
    rig.publish(source, "t" + std::to_string(i), 1'000'000);
    REQUIRE(rig.is_within_limits());
  }
  StatusResponse status = rig.status();
  CHECK(status.connections.evicted > 0);
  CHECK(status.consumers.size() == 36 - status.connections.evicted);
  CHECK(status.consumers.size() >= 12);
  // Who stayed gets his event whole.
  size_t whole = 0;
  for (PeerId id : consumers) {
    rig.set_room(id, kEndless);
    if (rig.is_open(id)) whole += rig.lines(id).size();
  }
  CHECK(whole == status.consumers.size());
}

TEST_CASE("An event that was partly written keeps its own size, not that of the turn it came with") {
  Rig rig;
  PeerId source = rig.source("s");
  std::string burst;
  std::vector<PeerId> consumers;
  // Each stops in the first event of a burst of 200 KB.
  for (int i = 0; i < 40; ++i) {
    std::string type = "t" + std::to_string(i);
    consumers.push_back(rig.stopped(type));
    rig.set_room(consumers.back(), 10);
    burst.clear();
    for (int n = 0; n < 200; ++n) {
      burst +=
          R"({"type":"event","event_type":")" + type + R"(","payload":")" + std::string(1000, 'x') + "\"}\n";
    }
    for (int n = 0; n < 5; ++n) rig.send(source, burst);
    REQUIRE(rig.is_within_limits());
  }
  CHECK(rig.status().connections.evicted == 0);
  for (PeerId id : consumers) {
    rig.set_room(id, kEndless);
    const hub::Outbox& outbox = rig.core.outbox(id);
    CHECK(outbox.received() == 1000);
    CHECK(outbox.delivered() + outbox.dropped() == 1000);
    CHECK(rig.lines(id).size() == outbox.delivered());
  }
}

TEST_CASE("A frame that finds no memory to wait for its rest is refused, and its connection lives on") {
  Rig rig;
  std::vector<PeerId> sources;
  std::string part = R"({"type":"event","event_type":"t","payload":")" + std::string(900'000, 'x');
  for (int i = 0; i < 12; ++i) {
    sources.push_back(rig.source("s" + std::to_string(i)));
    rig.send(sources.back(), part);
    REQUIRE(rig.is_within_limits());
  }
  PeerId refused = sources.back();
  CHECK(codes(rig.lines(refused)) == "busy@2 ");
  CHECK(rig.is_open(refused));
  CHECK(rig.pool("unfinished").refused > 0);
  // The rest is skipped; a frame that comes whole needs no memory.
  PeerId consumer = rig.consumer("k", R"("t")");
  rig.lines(consumer);
  rig.send(refused, "more\"}\n");
  rig.send_line(refused, R"({"type":"event","event_type":"t","payload":7})");
  CHECK(rig.lines(consumer).size() == 1);
  CHECK(rig.lines(refused).empty());
  // And those that had it finish theirs.
  rig.send(sources[0], "\"}\n");
  CHECK(rig.line(consumer).size() > 900'000);
  // What they gave back others may have.
  rig.send(refused, part);
  CHECK(rig.lines(refused).empty());
  for (PeerId id : sources) rig.hang_up(id);
  CHECK(rig.pool("unfinished").used_bytes == 0);
}

TEST_CASE(
    "Connections in their handshake have a small part for their first frames, and are closed beyond it") {
  Rig rig;
  std::vector<PeerId> handshaking;
  std::string part = R"({"type":"event","event_type":"t","payload":")" + std::string(700'000, 'x');
  size_t closed = 0;
  for (int i = 0; i < 16; ++i) {
    PeerId id = rig.connect();
    rig.send(id, part);
    if (!rig.is_open(id)) {
      ++closed;
      CHECK(codes(rig.lines(id)) == "busy@1 ");
    } else {
      handshaking.push_back(id);
    }
  }
  CHECK(closed > 0);
  CHECK(handshaking.size() >= 2);
  CHECK(rig.pool("unfinished").used_bytes == 0);
  // Small first frames need none of it.
  PeerId consumer = rig.consumer("k", R"("t")");
  CHECK(rig.last_ack.find("first_for_key\":true") != std::string::npos);
  for (PeerId id : handshaking) rig.send(id, "\"}\n");
  CHECK(rig.lines(consumer).size() == handshaking.size());
  CHECK(rig.pool("handshaking").used_bytes == 0);
}

TEST_CASE(
    "The hub's own user asks for status in two pieces although handshakes of others have all the memory for "
    "that") {
  Rig rig;
  auto half_asking = [&](uint32_t uid, size_t bytes) {
    PeerId id = rig.connect(uid);
    rig.send(id, R"({"type":"status_query")" + std::string(bytes, ' '));
    return id;
  };
  for (size_t bytes : std::vector<size_t>{700'000, 100'000, 10'000, 5'000}) {
    while (rig.is_open(half_asking(kOurUid, bytes))) {
    }
  }
  while (rig.is_open(half_asking(kOther, 500))) {
  }
  PeerId ours = half_asking(kOurUid, 2'000);
  REQUIRE(rig.is_open(ours));
  rig.send(ours, "}\n");
  CHECK(rig.line(ours).starts_with(R"({"type":"status_response")"));
  // What is more than a status_query is long is not kept.
  PeerId large = half_asking(kOurUid, 5'000);
  CHECK(codes(rig.lines(large)) == "busy@1 ");
  // Nor is it kept for more than there are places.
  size_t kept = 0;
  for (size_t i = 0; i < hub::kAdministrativePlaces + 2; ++i)
    kept += rig.is_open(half_asking(kOurUid, 2'000)) ? size_t{1} : size_t{0};
  CHECK(kept == hub::kAdministrativePlaces);
}

TEST_CASE("A hello whose types find no memory is rejected with the reason") {
  Rig rig;
  std::string types;
  for (int i = 0; i < 256; ++i) {
    types += (i == 0 ? "\"" : ",\"") + std::string(240, 'a') + std::to_string(i) + "\"";
  }
  std::vector<PeerId> joined;
  std::string ack;
  for (int i = 0; i < 40 && ack.empty(); ++i) {
    PeerId id = rig.consumer("k", types);
    if (rig.is_open(id)) {
      joined.push_back(id);
    } else {
      ack = rig.last_ack;
    }
  }
  CHECK(ack.find("\"rejected\":true") != std::string::npos);
  CHECK(ack.find("subscriptions") != std::string::npos);
  CHECK(joined.size() > 10);
  rig.hang_up(joined.back());
  PeerId again = rig.consumer("k", types);
  CHECK(rig.is_open(again));
  for (PeerId id : joined) rig.hang_up(id);
  rig.hang_up(again);
  CHECK(rig.is_empty());
}

TEST_CASE("One user other than the hub's own has a part of the connections") {
  Rig rig;
  std::vector<PeerId> theirs;
  for (int i = 0; i < 16; ++i) theirs.push_back(rig.connect(kOther));
  PeerId one_more = rig.connect(kOther);
  CHECK_FALSE(rig.is_open(one_more));
  CHECK(codes(rig.lines(one_more)) == "too_many@0 ");
  CHECK(rig.is_open(rig.connect()));
  rig.hang_up(theirs.back());
  CHECK(rig.is_open(rig.connect(kOther)));
}

TEST_CASE("So many hellos wait for all scopes together, and of one user a part") {
  hub::HubConfig config = rig_config();
  config.allow_uids = {kOther};
  Rig rig(config);
  constexpr size_t kScopes = 20;
  std::vector<PeerId> holders;
  auto scope = [](size_t i) { return "k" + std::to_string(i); };
  for (size_t i = 0; i < kScopes; ++i) {
    holders.push_back(rig.consumer(scope(i), ""));
    rig.send_line(holders.back(), R"({"type":"pre_shutdown_check","event_key":")" + scope(i) + "\"}");
  }
  auto wait_in = [&](size_t i, uint32_t uid) {
    PeerId id = rig.connect(uid);
    rig.send_line(id, CoreRig::hello(scope(i), ""));
    return rig.is_open(id) && rig.lines(id).empty();
  };
  size_t theirs = 0;
  while (wait_in(theirs / 50, kOther)) ++theirs;
  CHECK(theirs == hub::kMaxWaitingHellos / 4);
  size_t all = theirs;
  for (size_t i = 0; i < kScopes; ++i) {
    for (size_t n = 0; n < 64 && wait_in(i, kOurUid); ++n) ++all;
  }
  CHECK(all == hub::kMaxWaitingHellos);
  StatusResponse status = rig.status();
  size_t waiting = 0;
  for (const auto& user : status.users) waiting += user.waiting;
  CHECK(waiting == hub::kMaxWaitingHellos);
  // Those that are let in wait no longer.
  for (PeerId id : holders) rig.hang_up(id);
  rig.advance(seconds(0));
  status = rig.status();
  for (const auto& user : status.users) CHECK(user.waiting == 0);
}

TEST_CASE("Replies that are not read share one pool; beyond it who asks is closed") {
  Rig rig;
  // A status_response of about 250 KB.
  for (int i = 0; i < 20; ++i)
    rig.consumer("k" + std::to_string(i), [] {
      std::string types;
      for (int n = 0; n < 50; ++n)
        types += (n == 0 ? "\"" : ",\"") + std::string(240, 'a') + std::to_string(n) + "\"";
      return types;
    }());
  size_t closed = 0;
  std::vector<PeerId> asking;
  // The pool has room for 32, and 8 of our own user get a short answer beside it.
  for (int i = 0; i < 44; ++i) {
    PeerId id = rig.connect();
    rig.set_room(id, 0);
    rig.send_line(id, R"({"type":"status_query"})");
    REQUIRE(rig.is_within_limits());
    if (rig.is_open(id)) {
      asking.push_back(id);
    } else {
      ++closed;
    }
  }
  CHECK(closed > 0);
  CHECK(rig.status().connections.unread == closed);
  for (PeerId id : asking) rig.set_room(id, kEndless);
  CHECK(rig.pool("replies").used_bytes == 0);
}

TEST_CASE("The source with the most event ids forgets the older half of them") {
  Rig rig;
  std::vector<PeerId> sources;
  auto event = [](int n) {
    return R"({"type":"event","event_type":"t","event_id":"e)" + std::to_string(n) + "\"}\n";
  };
  for (int s = 0; s < 20; ++s) {
    sources.push_back(rig.source("s" + std::to_string(s)));
    std::string burst;
    for (int n = 0; n < 10'000; ++n) burst += event(n);
    rig.send(sources.back(), burst);
    REQUIRE(rig.is_within_limits());
  }
  CHECK(rig.pool("event_ids").refused > 0);
  CHECK(rig.status().events.duplicates == 0);
  // The newest are known of every source.
  for (PeerId id : sources) rig.send(id, event(9'999));
  CHECK(rig.status().events.duplicates == 20);
}

TEST_CASE("Everything is given back when everybody has gone") {
  Rig rig;
  PeerId source = rig.source("s");
  for (int i = 0; i < 8; ++i) {
    PeerId id = rig.stopped("t" + std::to_string(i % 3), i % 2 == 0 ? kOurUid : kOther);
    rig.set_room(id, 100);
  }
  for (int n = 0; n < 30; ++n) {
    for (int i = 0; i < 3; ++i) rig.publish(source, "t" + std::to_string(i), 200'000);
  }
  rig.send(source, "{\"type\":\"event\",");
  rig.send(rig.connect(), "{\"type\":\"hel");
  CHECK_FALSE(rig.is_empty());
  rig.hang_up_all();
  CHECK(rig.is_empty());
  CHECK(rig.status().users.empty());
}

TEST_CASE("Thousands of ids of many sources without names end in forgetting, not in a search for ever") {
  Rig rig;
  for (int i = 0; i < 60; ++i) {
    PeerId source = rig.connect();
    std::string burst;
    for (int n = 0; n < 9'000; ++n) {
      burst += R"({"type":"event","event_type":"t","event_id":")" + std::to_string(n) + "\"}\n";
    }
    rig.send(source, burst);
    REQUIRE(rig.is_within_limits());
  }
  CHECK(rig.pool("event_ids").refused > 0);
}

TEST_CASE("A hello that came in pieces holds nothing while it waits, whatever its size") {
  Rig rig;
  PeerId holder = rig.consumer("k", "");
  rig.send_line(holder, R"({"type":"pre_shutdown_check","event_key":"k"})");
  std::string hello = CoreRig::hello("k", "", R"(,"pad":")" + std::string(900'000, 'x') + "\"");
  for (int i = 0; i < 40; ++i) {
    PeerId waiter = rig.connect();
    rig.send(waiter, std::string_view(hello).substr(0, 800'000));
    rig.send(waiter, hello.substr(800'000) + "\n" + R"({"type":"bye"})" + "\n");
    REQUIRE(rig.is_open(waiter));
    REQUIRE(rig.pool("unfinished").used_bytes == 0);
    REQUIRE(rig.pool("handshaking").used_bytes == 0);
  }
  rig.hang_up(holder);
  CHECK(rig.status().consumers.empty());  // each was let in, and said bye
}

TEST_CASE("What a stranger left unfinished is asked for anew when it is none any more") {
  Rig rig;
  std::string first = R"({"type":"event","event_type":"t","payload":")" + std::string(900'000, 'x');
  size_t refused = 0;
  for (int i = 0; i < 30; ++i) {
    PeerId id = rig.connect();
    rig.send(id, first);
    rig.send(id, "\"}\n" + first);
    REQUIRE(rig.is_within_limits());
    std::string answers = rig.is_open(id) ? codes(rig.lines(id)) : "";
    if (answers == "busy@2 ") ++refused;
  }
  CHECK(refused > 0);
}

TEST_CASE("A connection that is closed while its event is half written gives its memory back without harm") {
  hub::HubConfig config = small_config();
  config.max_connections = 400;
  config.memory = hub::Budget::least_memory(400);
  config.uid_share_percent = 5;
  Rig rig(config);
  // This user's share of the replies is taken.
  std::vector<PeerId> hoarders;
  std::string checks;
  for (int n = 0; n < 700; ++n)
    checks += R"({"type":"pre_shutdown_check","event_key":"none"})"
              "\n";
  for (int i = 0; i < 12; ++i) {
    PeerId id = rig.stopped("h" + std::to_string(i), kOther);
    rig.send(id, checks);
    hoarders.push_back(id);
  }
  PeerId self = rig.stopped("self", kOther);
  rig.set_room(self, 10);
  rig.send(self, R"({"type":"event","event_type":"self","payload":")" + std::string(1'000'000, 'x') +
                     "\"}\n" +
                     R"({"type":"pre_shutdown_check","event_key":"none"})"
                     "\n");
  for (int i = 0; i < 4; ++i) {
    PeerId id = rig.stopped("e" + std::to_string(i), kOther);
    rig.set_room(id, 10);
    rig.publish(id, "e" + std::to_string(i), 1'000'000);
    REQUIRE(rig.is_within_limits());
  }
  rig.hang_up_all();
  CHECK(rig.is_empty());
}

TEST_CASE("What a newcomer is told of sources is charged to its user") {
  Rig rig;
  PeerId theirs = rig.connect(kOther);
  for (int i = 0; i < 200; ++i) {
    std::string detail;
    for (int n = 0; n < 4096; ++n) detail += "\\u0001";
    rig.send_line(theirs, R"({"type":"source_status","source":"s)" + std::to_string(i) +
                              R"(","state":"connected","detail":")" + detail + "\"}");
  }
  PeerId source = rig.source("ours");
  PeerId ours = rig.stopped("t");
  // Its own newcomer's lines were taken by its socket; now an event waits.
  rig.publish(source, "t", 100'000);
  for (int i = 0; i < 12; ++i) {
    PeerId id = rig.connect(kOther);
    rig.set_room(id, 0);
    rig.send_line(id, CoreRig::hello("k", ""));
    StatusResponse status = rig.status();
    for (const auto& user : status.users) {
      if (user.uid == kOther) REQUIRE(user.queued_bytes <= pool(status, "queues").limit_bytes / 4);
    }
  }
  CHECK(rig.core.outbox(ours).dropped() == 0);
  CHECK(rig.core.outbox(ours).queued() == 1);
}
