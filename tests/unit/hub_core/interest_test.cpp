// Roles, observers, background connections, and what those that publish are told (PROTOCOL.md 4 and 12).
#include <algorithm>
#include <string>
#include <vector>

#include "protocol/limits.h"
#include "tests/support/catch.h"
#include "tests/support/core_rig.h"
#include "tests/support/wire.h"

using namespace bus;
using namespace bus::hub;
using namespace bus::test;

namespace {

const std::string kEvent = R"({"type":"event","event_type":"a.b","payload":1})";

std::string interest(const std::string& entry, int consumers) {
  return R"({"type":"interest","event_type":")" + entry + R"(","consumers":)" + std::to_string(consumers) +
         "}";
}

std::string source_hello(const std::string& publishes, const std::string& more = "") {
  return R"({"type":"hello","pid":43,"event_key":"","event_types":[],"version":"v1","role":"source","publishes":[)" +
         publishes + "]" + more + "}";
}

std::string client_hello(const std::string& more = "") {
  return R"({"type":"hello","pid":7,"event_key":"","event_types":[],"version":"v1","role":"client")" + more +
         "}";
}

// Says hello, and takes the ack.
PeerId greet(CoreRig& rig, const std::string& hello) {
  PeerId id = rig.connect();
  rig.send_line(id, hello);
  return id;
}
PeerId source(CoreRig& rig, const std::string& publishes) { return greet(rig, source_hello(publishes)); }

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("A client is neither consumer nor source, and publishes") {
  CoreRig rig;
  PeerId consumer = rig.consumer("k", "\"*\"");
  PeerId client = greet(rig, client_hello());
  CHECK(rig.line(client) == kNotFirst);
  rig.send_line(client, kEvent);
  rig.send_line(client, R"({"type":"source_status","source":"s","state":"connected"})");
  CHECK(rig.lines(consumer).size() == 2);
  StatusResponse status = rig.status();
  CHECK(status.active_conns == 2);
  CHECK(status.consumers.size() == 1);
  CHECK(status.sources.size() == 1);
  CHECK(rig.core.summary().sources == 0);
  rig.send_line(client, R"({"type":"pre_shutdown_check","event_key":"k"})");
  CHECK(rig.line(client) == R"({"type":"pre_shutdown_ack","last_for_key":false})");
  rig.send_line(client, kEvent);
  rig.send_line(client, R"({"type":"bye"})");
  CHECK_FALSE(rig.is_open(client));
  CHECK(rig.lines(consumer).size() == 1);
  CHECK(rig.status().active_conns == 1);
}

TEST_CASE("A client that shuts down its writing side is closed once it has its answers, like a source") {
  CoreRig rig;
  PeerId client = greet(rig, client_hello());
  rig.shut_down_writing(client);
  CHECK(rig.line(client) == kNotFirst);
  CHECK_FALSE(rig.is_open(client));
}

TEST_CASE("A client that asks for events or names a source is told so, and closed") {
  CoreRig rig;
  PeerId asks = rig.connect();
  rig.send_line(asks, R"({"type":"hello","pid":7,"event_types":["a"],"role":"client"})");
  CHECK(
      rig.line(asks) ==
      R"({"type":"error","code":"bad_frame","message":"event_types of a client must be empty, because a client gets no events; say role consumer","frame":1})");
  CHECK_FALSE(rig.is_open(asks));
  PeerId names = greet(rig, client_hello(R"(,"source":"s")"));
  CHECK(rig.line(names).find("source of a client must be empty") != std::string::npos);
  CHECK_FALSE(rig.is_open(names));
  PeerId keyed = rig.connect();
  rig.send_line(keyed, R"({"type":"hello","event_key":"k","role":"client"})");
  CHECK(rig.line(keyed) == kNotFirst);
}

TEST_CASE("After its hello_ack a source is told of each entry once, in their order") {
  CoreRig rig;
  rig.consumer("k", "\"a.b\",\"a.c\"");
  rig.consumer("l", "\"*\"");
  PeerId publisher = source(rig, R"("a.*","a.b","x","a.*")");
  CHECK(rig.lines(publisher) == Lines{kNotFirst, interest("a.*", 2), interest("a.b", 2), interest("x", 1)});
}

TEST_CASE("A source is told when the first consumer of an entry comes and the last one goes") {
  CoreRig rig;
  PeerId publisher = source(rig, R"("weather.*")");
  CHECK(rig.lines(publisher) == Lines{kNotFirst, interest("weather.*", 0)});
  PeerId one = rig.consumer("k", "\"weather.rain\"");
  CHECK(rig.lines(publisher) == Lines{interest("weather.*", 1)});
  PeerId two = rig.consumer("k", "\"weather.*\"");
  CHECK(rig.lines(publisher).empty());
  PeerId stranger = rig.consumer("k", "\"lamp\"");
  rig.hang_up(one);
  CHECK(rig.lines(publisher).empty());
  // Bye ends it, although what is queued is still to be written.
  rig.set_room(two, 0);
  rig.send_line(two, R"({"type":"pre_shutdown_check"})");
  CHECK(rig.lines(publisher).empty());  // leaving, it goes on receiving
  rig.send_line(two, R"({"type":"bye"})");
  CHECK(rig.is_open(two));
  CHECK(rig.lines(publisher) == Lines{interest("weather.*", 0)});
  CHECK(rig.is_open(stranger));
}

TEST_CASE("Any role may say what it publishes, and a consumer counts itself") {
  CoreRig rig;
  PeerId client = greet(rig, client_hello(R"(,"publishes":["a"])"));
  CHECK(rig.lines(client) == Lines{kNotFirst, interest("a", 0)});
  PeerId both = rig.connect();
  rig.send_line(both, CoreRig::hello("k", "\"a\"", R"(,"publishes":["a","b"])"));
  CHECK(rig.lines(both) == Lines{kFirst, interest("a", 1), interest("b", 0)});
  CHECK(rig.lines(client) == Lines{interest("a", 1)});
  rig.hang_up(both);
  CHECK(rig.lines(client) == Lines{interest("a", 0)});
}

TEST_CASE("An observer gets events, belongs to its scope, and counts for nobody's interest") {
  CoreRig rig;
  PeerId publisher = source(rig, R"("a.b")");
  rig.lines(publisher);
  PeerId observer = rig.consumer("k", "\"*\"", R"(,"observer":true)");
  CHECK(rig.last_ack == kFirst);
  CHECK(rig.lines(publisher).empty());
  rig.send_line(publisher, kEvent);
  CHECK(rig.lines(observer).size() == 1);
  rig.consumer("k", "");
  CHECK(rig.last_ack == kNotFirst);
  CHECK(rig.status().consumers.at(0).observer);
  CHECK_FALSE(rig.status().consumers.at(1).observer);
  rig.send_line(observer, R"({"type":"pre_shutdown_check"})");
  CHECK(rig.line(observer) == R"({"type":"pre_shutdown_ack","last_for_key":false})");
  rig.hang_up(observer);
  CHECK(rig.lines(publisher).empty());
}

TEST_CASE("A hello that waits for a clean-up lock does not count until it is let in") {
  CoreRig rig;
  PeerId holder = rig.consumer("k", "");
  rig.send_line(holder, R"({"type":"pre_shutdown_check"})");
  PeerId publisher = source(rig, R"("a")");
  rig.lines(publisher);
  PeerId waiting = rig.consumer("k", "\"a\"");
  CHECK(rig.last_ack.empty());
  CHECK(rig.lines(publisher).empty());
  PeerId dies = rig.consumer("k", "\"a\"");
  rig.hang_up(dies);
  rig.hang_up(holder);
  CHECK(rig.line(waiting) == kFirst);
  CHECK(rig.lines(publisher) == Lines{interest("a", 1)});
}

TEST_CASE("What a slow source has not read is replaced by the newest number, and told once") {
  CoreRig rig;
  PeerId publisher = source(rig, R"("a","b")");
  rig.lines(publisher);
  rig.set_room(publisher, 0);
  std::vector<PeerId> consumers;
  // The socket is asked once, and what it refused then is what it finds first.
  consumers.push_back(rig.consumer("k", "\"a\""));
  for (int i = 0; i < 1000; ++i) {
    rig.hang_up(rig.consumer("k", "\"b\""));
    rig.hang_up(rig.consumer("k", "\"*\""));
  }
  for (int i = 0; i < 3; ++i) consumers.push_back(rig.consumer("k", "\"b\""));
  rig.set_room(publisher, kEndless);
  CHECK(rig.lines(publisher) == Lines{interest("a", 1), interest("b", 3)});
}

TEST_CASE("A number that went and came back before it was read is not told") {
  CoreRig rig;
  rig.consumer("k", "\"b\"");
  PeerId publisher = source(rig, R"("a","b")");
  rig.lines(publisher);
  rig.set_room(publisher, 10);
  PeerId first = rig.consumer("k", "\"a\"");
  for (int i = 0; i < 100; ++i) rig.hang_up(rig.consumer("k", "\"b\""));
  rig.hang_up(first);
  rig.set_room(publisher, kEndless);
  CHECK(rig.lines(publisher) == Lines{interest("a", 1), interest("a", 0)});
}

TEST_CASE("All entries change at once, and each is told") {
  CoreRig rig;
  std::string entries;
  for (size_t i = 0; i < kMaxPublishes; ++i)
    entries += (i == 0 ? "\"t" : ",\"t") + std::to_string(i) + (i % 2 == 0 ? "\"" : ".*\"");
  PeerId publisher = source(rig, entries);
  CHECK(rig.lines(publisher).size() == 1 + kMaxPublishes);
  rig.set_room(publisher, 100);
  PeerId all = rig.consumer("k", "\"*\"");
  rig.set_room(publisher, kEndless);
  Lines lines = rig.lines(publisher);
  CHECK(lines.size() == kMaxPublishes);
  CHECK(std::count(lines.begin(), lines.end(), interest("t255.*", 1)) == 1);
  rig.hang_up(all);
  CHECK(rig.lines(publisher).size() == kMaxPublishes);
  rig.hang_up(publisher);
  rig.consumer("k", "\"*\"");
}

TEST_CASE("One entry too many is refused, and so are entries that are no identifiers") {
  CoreRig rig;
  std::string entries = "\"t\"";
  for (size_t i = 0; i < kMaxPublishes; ++i) entries += ",\"t\"";
  PeerId id = source(rig, entries);
  CHECK(rig.line(id).find("publishes has 257 entries; the limit is 256") != std::string::npos);
  CHECK(rig.line(source(rig, "\"\"")).find("publishes[] is empty") != std::string::npos);
  CHECK(rig.line(source(rig, "7")).find("publishes[] must be a string, not 7") != std::string::npos);
}

TEST_CASE("What is published is charged as subscriptions, and given back") {
  HubConfig config = rig_config();
  config.memory = Budget::least_memory(config.max_connections);
  CoreRig rig(config);
  auto pool = [&rig] { return rig.status().memory.pools.at(4); };
  REQUIRE(pool().pool == "subscriptions");
  PeerId plain = rig.source("s");
  CHECK(pool().used_bytes == 0);
  PeerId publisher = source(rig, R"("a.b")");
  CHECK(pool().used_bytes > 9000);
  rig.hang_up(publisher);
  CHECK(pool().used_bytes == 0);
  std::string entries;
  for (size_t i = 0; i < kMaxPublishes; ++i)
    entries += (i == 0 ? "\"" : ",\"") + std::string(200, 'x') + std::to_string(i) + "\"";
  std::vector<PeerId> open;
  for (int i = 0; i < 100; ++i) {
    open.push_back(source(rig, entries));
    if (!rig.is_open(open.back())) break;
  }
  CHECK_FALSE(rig.is_open(open.back()));
  Lines last = rig.lines(open.back());
  REQUIRE(last.size() == 1);
  CHECK(last[0].find("\"rejected\":true") != std::string::npos);
  CHECK(last[0].find("subscriptions") != std::string::npos);
  CHECK(rig.is_open(plain));
}

TEST_CASE("A background connection is no activity for idle exit") {
  HubConfig config = rig_config();
  config.idle_exit = seconds(30);
  CoreRig rig(config);
  const std::string background = R"(,"background":true)";
  PeerId consumer = rig.consumer("k", "\"*\"", background);
  PeerId publisher = greet(rig, source_hello("\"a\"", background));
  PeerId client = greet(rig, client_hello(background));
  rig.advance(seconds(29));
  CHECK_FALSE(rig.core.idle(rig.clock));
  rig.advance(seconds(1));
  CHECK(rig.core.idle(rig.clock));
  CHECK((rig.is_open(consumer) && rig.is_open(publisher) && rig.is_open(client)));
  PeerId counts = rig.consumer("k", "");
  CHECK_FALSE(rig.core.idle(rig.clock));
  rig.advance(seconds(10));
  rig.hang_up(counts);
  rig.advance(seconds(29));
  CHECK_FALSE(rig.core.idle(rig.clock));
  // Its end is no activity either.
  rig.hang_up(client);
  rig.advance(seconds(1));
  CHECK(rig.core.idle(rig.clock));
  CHECK(rig.status().active_conns == 2);
}

TEST_CASE("A hub that stops tells nobody of those that go") {
  CoreRig rig;
  PeerId publisher = source(rig, R"("a")");
  rig.consumer("k", "\"a\"");
  rig.lines(publisher);
  rig.set_room(publisher, 0);
  rig.send_line(publisher, "[]");
  rig.core.begin_stop(rig.clock + seconds(1));
  rig.advance(milliseconds(1));
  CHECK(rig.status().consumers.empty());
  rig.set_room(publisher, kEndless);
  auto lines = rig.lines(publisher);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("a frame must be an object") != std::string::npos);
  CHECK_FALSE(rig.is_open(publisher));
}

TEST_CASE("interest is for the hub to send") {
  CoreRig rig;
  PeerId client = greet(rig, client_hello());
  rig.lines(client);
  rig.send_line(client, interest("a", 1));
  CHECK(rig.line(client).find("\"code\":\"not_allowed\"") != std::string::npos);
}

TEST_CASE("A slip in one of the names of section 12 is pointed out") {
  CoreRig rig;
  for (const char* slip : {"publish", "observers", "backgroud"}) {
    rig.core.take_notices();
    rig.consumer("k", "", std::string(",\"") + slip + "\":true");
    auto notices = rig.core.take_notices();
    CHECK(std::any_of(notices.begin(), notices.end(),
                      [](const Notice& notice) { return notice.kind == Notice::Kind::odd_member; }));
  }
}
