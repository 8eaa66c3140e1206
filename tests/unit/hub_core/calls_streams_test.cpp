// Streams of calls, and what waits for a reader (PROTOCOL.md 10).
#include <algorithm>
#include <string>

#include "hub/core/base/budget.h"
#include "tests/support/catch.h"
#include "tests/unit/hub_core/call_rig.h"

using namespace bus;
using namespace bus::test;
using bus::hub::PeerId;

TEST_CASE("A stream's chunks keep their order, and the response comes after the last") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "u3", "t", R"(,"stream":true)");
  std::string got = rig.line(provider);
  CHECK(token_of(got, "stream") == "true");
  std::string id = text_of(got, "id");
  rig.chunk(provider, id, R"({"line":"one"})");
  CHECK(rig.line(caller) == R"({"type":"chunk","id":"u3","seq":1,"data":{"line":"one"}})");
  rig.set_room(caller, 0);
  rig.chunk(provider, id, "2");
  rig.chunk(provider, id, "3");
  rig.result(provider, id);
  rig.set_room(caller, SIZE_MAX);
  auto lines = rig.lines(caller);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] == R"({"type":"chunk","id":"u3","seq":2,"data":2})");
  CHECK(lines[1] == R"({"type":"chunk","id":"u3","seq":3,"data":3})");
  CHECK(lines[2] == ok("u3", "1"));
}

TEST_CASE("A chunk of a call that asks for no stream is not allowed, and the call goes on") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t");
  std::string id = rig.given_one(provider);
  rig.chunk(provider, id, "1");
  std::string line = rig.line(provider);
  CHECK(text_of(line, "code") == "not_allowed");
  CHECK(text_of(line, "id") == id);
  rig.result(provider, id);
  CHECK(rig.line(caller) == ok("1", "1"));
}

TEST_CASE(
    "A stream's provider is paused above 256 KiB, goes on below 64 KiB, and at 4 MiB its reader is too "
    "slow") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t", R"(,"stream":true)");
  std::string id = rig.given_one(provider);
  const std::string kib32 = "\"" + std::string(32 * 1024, 'x') + "\"";
  rig.set_room(caller, 0);
  // The first that is offered to the socket waits there.
  for (int i = 0; i < 8; ++i) rig.chunk(provider, id, kib32);
  CHECK(rig.lines(provider).empty());
  for (int i = 0; i < 4; ++i) rig.chunk(provider, id, kib32);
  CHECK(rig.line(provider) == R"({"type":"pause","id":")" + id + "\"}");
  SECTION("it reads on") {
    rig.set_room(caller, 128 * 1024);
    CHECK(rig.lines(provider).empty());
    rig.set_room(caller, SIZE_MAX);
    CHECK(rig.line(provider) == R"({"type":"resume","id":")" + id + "\"}");
    rig.result(provider, id);
    auto lines = rig.lines(caller);
    CHECK(lines.size() == 13);
    for (size_t i = 0; i + 1 < lines.size(); ++i) CHECK(token_of(lines[i], "seq") == std::to_string(i + 1));
  }
  SECTION("it reads nothing") {
    for (int i = 0; i < 140; ++i) rig.chunk(provider, id, kib32);
    CHECK(text_of(rig.line(provider), "reason") == "slow_reader");
    rig.set_room(caller, SIZE_MAX);
    CHECK(code_of(rig.lines(caller).back()) == "slow_reader");
  }
}

TEST_CASE("progress is lossy: the newest replaces one that waits") {
  CallRig rig;
  PeerId provider = rig.provider(R"("t")");
  PeerId caller = rig.client();
  rig.request(caller, "1", "t");
  std::string id = rig.given_one(provider);
  auto progress = [&](int done) {
    rig.send_line(provider, R"({"type":"progress","id":")" + id + R"(","done":)" + std::to_string(done) +
                                R"(,"total":9,"text":"…"})");
  };
  progress(0);
  CHECK(rig.line(caller) == R"({"type":"progress","id":"1","done":0,"total":9,"text":"…"})");
  rig.set_room(caller, 0);
  for (int i = 1; i <= 5; ++i) progress(i);
  rig.set_room(caller, SIZE_MAX);
  auto lines = rig.lines(caller);
  CHECK(lines.size() <= 2);
  CHECK(token_of(lines.back(), "done") == "5");
}

TEST_CASE(
    "Calls of which progress is unwritten may come to wait, and their provider's progress goes with it") {
  CallRig rig;
  PeerId first = rig.provider(R"("t")");
  PeerId other = rig.provider(R"("t")", R"(,"slots":1,"priority":9)");
  PeerId caller = rig.client();
  for (const char* id : {"1", "2", "3"}) rig.request(caller, id, "t", R"(,"idempotent":true)");
  std::string held = rig.given_one(other);
  std::vector<std::string> ids = rig.given(first);
  REQUIRE(ids.size() == 2);
  rig.set_room(caller, 0);
  for (const std::string& id : ids)
    rig.send_line(first, R"({"type":"progress","id":")" + id + R"(","done":1})");
  SECTION("when it declines them") {
    for (const std::string& id : ids) rig.error(first, id, "declined");
  }
  SECTION("when it goes") { rig.hang_up(first); }
  SECTION("when one of them is canceled then") {
    for (const std::string& id : ids) rig.error(first, id, "declined");
    rig.cancel(caller, "2");
  }
  for (int i = 0; i < 3 && !held.empty(); ++i) {
    rig.result(other, held);
    held = rig.given_one(other);
  }
  rig.set_room(caller, SIZE_MAX);
  std::vector<std::string> lines = rig.lines(caller);
  CHECK(count_of(lines, "response") == 3);
  CHECK(rig.tasks().find(R"("open":0,"waiting":0)") != std::string::npos);
}

TEST_CASE("What calls hold is charged to their callers, and a request beyond the pool is busy") {
  hub::HubConfig config = rig_config();
  config.memory = 256 * 1024 * 1024;
  CallRig rig(config);
  PeerId caller = rig.client();
  const std::string args = R"(,"wait":true,"args":")" + std::string(1'000'000, 'x') + "\"";
  size_t accepted = 0;
  for (; accepted < 200; ++accepted) {
    rig.request(caller, std::to_string(accepted), "t", args);
    if (!rig.lines(caller).empty()) break;
  }
  CHECK(accepted > 3);
  CHECK(accepted < 40);
  StatusResponse status = rig.status();
  CHECK(status.calls.busy == 1);
  auto pool = std::find_if(status.memory.pools.begin(), status.memory.pools.end(),
                           [](const auto& each) { return each.pool == "calls"; });
  REQUIRE(pool != status.memory.pools.end());
  CHECK(pool->refused == 1);
  rig.cancel(caller, "0");
  CHECK(code_of(rig.line(caller)) == "canceled");
  rig.request(caller, "again", "t", args);
  CHECK(rig.lines(caller).empty());
}

TEST_CASE("The answer busy has room when the memory for calls is used up to the last byte") {
  hub::HubConfig config = rig_config();
  config.memory = 256 * 1024 * 1024;
  CallRig rig(config);
  PeerId caller = rig.client();
  int asked = 0;
  for (size_t bytes = 1'000'000; bytes > 0; bytes /= 10) {
    const std::string args = R"(,"wait":true,"args":")" + std::string(bytes, 'x') + "\"";
    do {
      rig.request(caller, std::to_string(++asked), "t", args);
      REQUIRE(asked < 200);
    } while (rig.lines(caller).empty());
  }
  rig.set_room(caller, 0);
  for (int i = 0; i < 200; ++i) rig.request(caller, "more", "t", R"(,"wait":true)");
  rig.request(caller, "s", "bus.sync");
  rig.request(caller, "b", "bus.status");
  rig.set_room(caller, SIZE_MAX);
  auto lines = rig.lines(caller);
  REQUIRE(lines.size() == 202);
  for (int i = 0; i < 200; ++i) CHECK(code_of(lines[static_cast<size_t>(i)]) == "busy");
  CHECK(lines[200] == ok("s", "null"));
  CHECK(code_of(lines[201]) == "busy");
  rig.cancel(caller, "1");
  CHECK(code_of(rig.line(caller)) == "canceled");
  rig.request(caller, "again", "t", R"(,"wait":true)");
  CHECK(rig.lines(caller).empty());
}

TEST_CASE("A peer that asks and does not read is not read, until it reads") {
  CallRig rig;
  PeerId caller = rig.client();
  rig.set_room(caller, 0);
  size_t sent = 0;
  for (; sent < 5000 && rig.core.wants(caller).read == hub::ReadState::read; ++sent)
    rig.request(caller, std::to_string(sent), "nobody");
  CHECK(sent < 2000);
  rig.set_room(caller, SIZE_MAX);
  CHECK(rig.core.wants(caller).read == hub::ReadState::read);
  CHECK(rig.lines(caller).size() == sent);
}

TEST_CASE("Where the streams of a user fill its share, its largest ends, and no other user's") {
  hub::HubConfig config = rig_config();
  config.allow_uids = {2000, 3000};
  config.memory = hub::Budget::least_memory(config.max_connections);
  config.uid_share_percent = 60;
  CallRig rig(config);
  PeerId provider = rig.provider(R"("t")");
  PeerId ours = rig.client(2000);
  PeerId other = rig.client(3000);
  auto open = [&](PeerId caller, const std::string& id) {
    rig.request(caller, id, "t", R"(,"stream":true)");
    return rig.given_one(provider);
  };
  std::string largest = open(other, "c");
  std::string large = open(ours, "a");
  std::string small = open(ours, "b");
  rig.set_room(ours, 0);
  rig.set_room(other, 0);
  const std::string kib32 = "\"" + std::string(32 * 1024, 'x') + "\"";
  for (int i = 0; i < 96; ++i) rig.chunk(provider, largest, kib32);
  for (int i = 0; i < 88; ++i) rig.chunk(provider, large, kib32);
  CHECK(count_of(rig.lines(provider), "pause") == 2);
  int sent = 0;
  std::string told;
  while (sent < 120 && told.empty()) {
    rig.chunk(provider, small, kib32);
    ++sent;
    for (const std::string& line : rig.lines(provider)) {
      if (text_of(line, "type") == "cancel") told = line;
    }
  }
  CHECK(text_of(told, "id") == large);
  CHECK(text_of(told, "reason") == "slow_reader");
  CHECK(sent < 88);
  rig.set_room(ours, SIZE_MAX);
  rig.set_room(other, SIZE_MAX);
  rig.result(provider, largest);
  rig.result(provider, small);
  std::string ends;
  int chunks = 0;
  for (const std::string& line : rig.lines(ours)) {
    if (text_of(line, "type") == "response") ends += text_of(line, "id") + code_of(line) + " ";
    if (text_of(line, "type") == "chunk" && text_of(line, "id") == "b") ++chunks;
  }
  CHECK(ends == "aslow_reader b ");
  CHECK(chunks == sent);
  CHECK(count_of(rig.lines(other), "chunk") == 96);
}
