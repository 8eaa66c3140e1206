// What the hub does when the last consumer of a scope goes without a word, and had named a task that cleans up
// (PROTOCOL.md 6).
#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/unit/hub_core/call_rig.h"

using namespace bus;
using namespace bus::test;
using bus::hub::Notice;
using bus::hub::PeerId;

namespace {

const std::string kBye = R"({"type":"bye"})";
const std::string kCheck = R"({"type":"pre_shutdown_check","event_key":"k"})";
const std::string kNamesSweep = R"(,"cleanup_task":"sweep")";

class CleanupRig : public CallRig {
 public:
  using CallRig::CallRig;

  PeerId consumer_of(const std::string& scope, const std::string& more = kNamesSweep) {
    return consumer(scope, "", more);
  }
  // Texts of the notices about clean-ups, since the last call.
  std::vector<std::string> told() {
    std::vector<std::string> texts;
    for (const hub::Notice& notice : core.take_notices()) {
      if (notice.kind == Notice::Kind::uncleaned || notice.kind == Notice::Kind::cleaned_up ||
          notice.kind == Notice::Kind::not_cleaned)
        texts.push_back(notice.text);
    }
    return texts;
  }
  // A consumer of the scope k that comes now: whether its hello waits.
  bool newcomer_waits() {
    PeerId id = consumer("k", "");
    bool waits = last_ack.empty();
    hang_up(id);
    static_cast<void>(core.take_notices());
    return waits;
  }
};

}  // namespace

TEST_CASE("The hub calls the cleanup_task of the last consumer that was killed, in its name") {
  CleanupRig rig;
  PeerId provider = rig.provider("\"sweep\"");
  PeerId other = rig.consumer_of("k", R"(,"cleanup_task":"other")");
  PeerId last = rig.consumer_of("k");
  rig.hang_up(other);
  CHECK(rig.lines(provider).empty());
  rig.hang_up(last);
  std::string request = rig.line(provider);
  CHECK(text_of(request, "type") == "request");
  CHECK(text_of(request, "task") == "sweep");
  CHECK(token_of(request, "args") == R"({"scope":"k","reason":"gone"})");
  CHECK(token_of(request, "from") == R"({"pid":100,"uid":1000})");
  CHECK(token_of(request, "timeout_ms") == "60000");
  CHECK(rig.told() == std::vector<std::string>{"nobody cleaned up k"});
  CHECK(rig.status().connections.uncleaned == 1);
  CHECK(rig.status().calls.open == 1);
  rig.result(provider, text_of(request, "id"));
  CHECK(rig.told() == std::vector<std::string>{R"(task "sweep" cleaned up k)"});
  CHECK(rig.status().calls.open == 0);
  CHECK(rig.status().calls.done == 1);
}

TEST_CASE("The scope of a cleanup_task is the subscription_id if there is one; names are escaped as JSON") {
  CleanupRig rig;
  PeerId provider = rig.provider("\"*\"");
  PeerId last = rig.consumer("k", "", R"(,"subscription_id":"k:\"1","cleanup_task":"a b")");
  rig.hang_up(last);
  std::string request = rig.line(provider);
  CHECK(text_of(request, "task") == "a b");
  CHECK(token_of(request, "args") == R"({"scope":"k:\"1","reason":"gone"})");
  rig.hang_up(provider);
}

TEST_CASE("A consumer that the hub closes is cleaned up after, and its reason is closed") {
  CleanupRig rig;
  PeerId provider = rig.provider("\"sweep\"");
  PeerId last = rig.consumer_of("k");
  rig.send(last, std::string(1'048'577, ' '));
  CHECK_FALSE(rig.is_open(last));
  CHECK(token_of(rig.line(provider), "args") == R"({"scope":"k","reason":"closed"})");
  rig.hang_up(provider);
}

TEST_CASE("No cleanup_task is called where the hub counts nothing") {
  CleanupRig rig;
  PeerId provider = rig.provider("\"sweep\"");
  PeerId other = rig.consumer_of("k");
  PeerId last = rig.consumer_of("k");
  SECTION("the last says bye") {
    rig.hang_up(other);
    rig.send_line(last, kBye);
  }
  SECTION("the last was told that it is, and dies") {
    rig.send_line(other, kCheck);
    rig.send_line(last, kCheck);
    rig.hang_up(last);
    rig.hang_up(other);
  }
  SECTION("another one of the scope is left") { rig.hang_up(last); }
  SECTION("a hello that waits dies") {
    rig.send_line(other, kCheck);
    rig.send_line(last, kCheck);
    rig.hang_up(rig.consumer_of("k"));
  }
  SECTION("the hub stops") {
    rig.core.begin_stop(rig.clock + seconds(1));
    rig.hang_up(other);
    rig.hang_up(last);
  }
  CHECK(rig.lines(provider).empty());
  CHECK(rig.told().empty());
  CHECK(rig.status().calls.open == 0);
}

TEST_CASE("Of several consumers, the task is that of the one that was the last") {
  CleanupRig rig;
  PeerId provider = rig.provider(R"("sweep","other")");
  PeerId first = rig.consumer_of("k");
  SECTION("it names another one") {
    PeerId last = rig.consumer_of("k", R"(,"cleanup_task":"other")");
    rig.hang_up(first);
    rig.hang_up(last);
    CHECK(text_of(rig.line(provider), "task") == "other");
  }
  SECTION("it names none") {
    PeerId last = rig.consumer_of("k", "");
    rig.hang_up(first);
    rig.hang_up(last);
    CHECK(rig.lines(provider).empty());
    CHECK(rig.told() == std::vector<std::string>{"nobody cleaned up k"});
    CHECK_FALSE(rig.newcomer_waits());
  }
  SECTION("one that is leaving is not the last, though it goes later") {
    PeerId last = rig.consumer_of("k", R"(,"cleanup_task":"other")");
    rig.send_line(first, kCheck);
    rig.hang_up(last);
    CHECK(text_of(rig.line(provider), "task") == "other");
    rig.hang_up(first);
    CHECK(rig.lines(provider).empty());
  }
  rig.hang_up(provider);
}

TEST_CASE("Until a cleanup_task ends, its scope is locked as by a holder, and no other scope is") {
  CleanupRig rig;
  PeerId provider = rig.provider("\"sweep\"");
  PeerId leaving = rig.consumer_of("k");
  PeerId last = rig.consumer_of("k");
  rig.send_line(leaving, kCheck);
  static_cast<void>(rig.lines(leaving));
  rig.hang_up(last);
  std::string id = rig.given_one(provider);
  REQUIRE_FALSE(id.empty());
  rig.advance(milliseconds(1500));
  StatusResponse status = rig.status();
  REQUIRE(status.cleanup_locks.size() == 1);
  CHECK(status.cleanup_locks[0] == StatusResponse::CleanupLock{"k", 42, 1500, 0, "sweep"});

  rig.send_line(leaving, kCheck);
  CHECK(rig.line(leaving) == R"({"type":"pre_shutdown_ack","last_for_key":false})");
  PeerId second = rig.consumer("k", "");
  CHECK(rig.last_ack.empty());
  PeerId third = rig.consumer("k", "");
  CHECK(rig.last_ack.empty());
  CHECK(rig.status().cleanup_locks[0].waiting == 2);
  rig.consumer("other", "");
  CHECK(rig.last_ack == kFirst);

  SECTION("by a result") {
    rig.result(provider, id);
    CHECK(rig.told().back() == R"(task "sweep" cleaned up k)");
  }
  SECTION("by an error of its provider") {
    rig.error(provider, id, "E");
    CHECK(rig.told().back() == R"(task "sweep" did not clean up k: E: m)");
  }
  SECTION("with its provider") {
    rig.hang_up(provider);
    CHECK(rig.told().back().starts_with(R"(task "sweep" did not clean up k: provider_gone: pid )"));
  }
  SECTION("because it is declined") {
    rig.error(provider, id, "declined");
    CHECK(rig.told().back().starts_with(R"(task "sweep" did not clean up k: declined: )"));
  }
  CHECK(rig.first_line(second) == kFirst);
  CHECK(rig.first_line(third) == kNotFirst);
  CHECK(rig.status().cleanup_locks.empty());
  CHECK_FALSE(rig.newcomer_waits());
}

TEST_CASE("A cleanup_task has as much time as a holder, and then the lock is free") {
  hub::HubConfig config = rig_config();
  bool shorter = GENERATE(false, true);
  if (shorter) config.cleanup_timeout = seconds(2);
  Duration limit = shorter ? seconds(2) : seconds(60);
  CleanupRig rig(config);
  PeerId provider = rig.provider("\"sweep\"");
  rig.hang_up(rig.consumer_of("k"));
  std::string id = rig.given_one(provider);
  PeerId waiter = rig.consumer("k", "");
  rig.advance(limit - milliseconds(1));
  CHECK(rig.lines(waiter).empty());
  CHECK(rig.lines(provider).empty());
  rig.advance(milliseconds(1));
  CHECK(rig.first_line(waiter) == kFirst);
  CHECK(rig.line(provider) == R"({"type":"cancel","id":")" + id + R"(","reason":"timeout"})");
  CHECK(rig.status().calls.timeout == 1);
  CHECK(rig.told().back().starts_with(R"(task "sweep" did not clean up k: timeout: )"));
  rig.result(provider, id);  // too late
  CHECK(rig.told().empty());
}

TEST_CASE("Without a provider a cleanup_task ends at once, and the scope is free") {
  CleanupRig rig;
  rig.provider("\"sweap\"");
  rig.hang_up(rig.consumer_of("k"));
  CHECK(rig.told() == std::vector<std::string>{
                          "nobody cleaned up k",
                          R"(task "sweep" did not clean up k: no_provider: nobody provides sweep; sweap is )"
                          "provided by pid 43"});
  CHECK(rig.status().calls.no_provider == 1);
  CHECK(rig.status().cleanup_locks.empty());
  CHECK_FALSE(rig.newcomer_waits());
}

TEST_CASE("A consumer that is the only provider of its own cleanup_task cleans up nothing") {
  CleanupRig rig;
  PeerId last = rig.consumer_of("k");
  rig.provide(last, "\"sweep\"");
  rig.hang_up(last);
  CHECK(rig.told().back() == R"(task "sweep" did not clean up k: no_provider: nobody provides sweep)");
  CHECK_FALSE(rig.newcomer_waits());
}

TEST_CASE("A cleanup_task waits for a free slot of its provider, with its scope locked") {
  CleanupRig rig;
  PeerId provider = rig.provider("\"sweep\"", R"(,"slots":1)");
  rig.hang_up(rig.consumer_of("j"));
  std::string first = rig.given_one(provider);
  rig.hang_up(rig.consumer_of("k"));
  CHECK(rig.lines(provider).empty());
  CHECK(rig.status().cleanup_locks.size() == 2);
  CHECK(rig.newcomer_waits());
  rig.result(provider, first);
  std::string request = rig.line(provider);
  CHECK(token_of(request, "args") == R"({"scope":"k","reason":"gone"})");
  CHECK(rig.status().cleanup_locks.size() == 1);
  rig.result(provider, text_of(request, "id"));
  CHECK(rig.status().cleanup_locks.empty());
}

TEST_CASE("One who comes in behind a clean-up may be killed in turn, and is cleaned up after as well") {
  CleanupRig rig;
  PeerId provider = rig.provider("\"sweep\"");
  rig.hang_up(rig.consumer_of("k"));
  std::string first = rig.given_one(provider);
  PeerId waiter = rig.consumer_of("k");
  rig.result(provider, first);
  CHECK(rig.first_line(waiter) == kFirst);
  rig.hang_up(waiter);
  std::string second = rig.given_one(provider);
  CHECK(second != first);
  rig.result(provider, second);
  CHECK(rig.status().connections.uncleaned == 2);
  CHECK(rig.status().calls.done == 2);
}

TEST_CASE("A cleanup_task keeps the hub from leaving for lack of use, and does not keep it from stopping") {
  hub::HubConfig config = rig_config();
  config.idle_exit = seconds(30);
  CleanupRig rig(config);
  PeerId provider = rig.connect();
  rig.send_line(provider, R"({"type":"hello","pid":1,"role":"client","event_key":"","background":true})");
  rig.provide(provider, "\"sweep\"");
  rig.lines(provider);
  rig.hang_up(rig.consumer_of("k"));
  std::string id = rig.given_one(provider);
  rig.advance(seconds(40));
  CHECK_FALSE(rig.core.idle(rig.clock));
  SECTION("its end") {
    rig.result(provider, id);
    CHECK(rig.core.idle(rig.clock));
  }
  SECTION("the hub's stop") {
    PeerId waiter = rig.consumer("k", "");
    rig.core.begin_stop(rig.clock + seconds(1));
    rig.advance(milliseconds(1));
    CHECK(rig.line(provider) == R"({"type":"cancel","id":")" + id + R"(","reason":"stopping"})");
    CHECK(rig.told().back() == R"(task "sweep" did not clean up k: stopping: the hub stops)");
    CHECK(rig.status().calls.open == 0);
    CHECK(rig.lines(waiter).empty());
    rig.advance(seconds(1));
    CHECK(rig.core.peer_count() == 0);
  }
}

TEST_CASE("A cleanup_task below bus. is refused; for those that are no consumers it changes nothing") {
  CleanupRig rig;
  PeerId provider = rig.provider("\"sweep\"");
  SECTION("below bus.") {
    for (const char* task : {"bus.sync", "bus.source.x", "bus."}) {
      PeerId id = rig.connect();
      rig.send_line(id, CoreRig::hello("k", "", std::string(R"(,"cleanup_task":")") + task + "\""));
      CHECK(text_of(rig.line(id), "code") == "bad_frame");
      CHECK_FALSE(rig.is_open(id));
    }
    rig.consumer_of("k", R"(,"cleanup_task":"business")");
    CHECK(rig.last_ack == kFirst);
  }
  SECTION("a source") {
    PeerId id = rig.connect();
    rig.send_line(id, CoreRig::hello("", "", R"(,"role":"source","source":"s","cleanup_task":"sweep")"));
    CHECK(rig.first_line(id) == kNotFirst);
    rig.hang_up(id);
  }
  SECTION("an empty one is none") {
    rig.hang_up(rig.consumer_of("k", R"(,"cleanup_task":"")"));
    CHECK(rig.told() == std::vector<std::string>{"nobody cleaned up k"});
  }
  CHECK(rig.lines(provider).empty());
}

TEST_CASE("A cleanup_task for which there is no memory is busy, and the scope is free") {
  hub::HubConfig config = rig_config();
  config.open_calls = 1'000'000;
  config.waiting_calls = 1'000'000;
  CleanupRig rig(config);
  rig.provider("\"sweep\"");
  PeerId last = rig.consumer_of("k");
  // Requests that wait for somebody who never comes take the pool of calls, but for less than a call needs.
  auto left = [&rig] {
    for (const StatusResponse::Memory::Pool& pool : rig.status().memory.pools) {
      if (pool.pool == "calls") return pool.limit_bytes - pool.used_bytes;
    }
    return uint64_t{0};
  };
  PeerId caller = rig.client();
  for (int number = 0; left() > 700; ++number) {
    size_t bytes = std::min<size_t>(900'000, left() - 600);
    std::string args = R"(,"wait":true,"args":")" + std::string(bytes, 'x') + "\"";
    rig.request(caller, std::to_string(number), "never", args);
  }
  static_cast<void>(rig.told());
  rig.hang_up(last);
  CHECK(rig.told().back().starts_with(R"(task "sweep" did not clean up k: busy: )"));
  CHECK_FALSE(rig.newcomer_waits());
}
