// The task `bus.explain`: what would become of an event, a request or a hello, and why (PROTOCOL.md 10).
#include <string>
#include <vector>

#include "hub/core/base/row_list.h"
#include "hub/core/events/judge_entries.h"
#include "tests/support/catch.h"
#include "tests/unit/hub_core/call_rig.h"

using namespace bus;
using namespace bus::test;
using bus::hub::judge_entries;
using bus::hub::near_miss;
using bus::hub::PeerId;
using bus::hub::RowList;
using bus::hub::Verdict;

namespace {

class ExplainRig : public CallRig {
 public:
  using CallRig::CallRig;

  std::string answer(const std::string& args) {
    PeerId asker = connect();
    request(asker, "x", "bus.explain", R"(,"args":)" + args);
    std::string line = this->line(asker);
    hang_up(asker);
    return line;
  }
  std::string explained(const std::string& args) { return token_of(answer(args), "result"); }
};

// The elements of a list that is a member.
std::vector<std::string> rows_of(std::string_view json, std::string_view name) {
  std::string list = token_of(json, name);
  RawJson scanned;
  std::vector<std::string> rows;
  if (list.empty() || scanned.scan(list)) return rows;
  for (const Member& each : scanned.children()) rows.emplace_back(each.value_token);
  return rows;
}

const std::string kCheck = R"({"type":"pre_shutdown_check","event_key":"k"})";

}  // namespace

TEST_CASE("Near misses are told apart, and far ones are none") {
  CHECK(near_miss("build.*", "build") ==
        "pattern \"build.*\" matches only types that continue after the dot; \"build\" would match");
  CHECK(near_miss("build.*", "builds.x") ==
        "pattern \"build.*\" needs a dot after \"build\", but the type has \"s\" there");
  CHECK(near_miss("build.*", "buildä.x") ==
        "pattern \"build.*\" needs a dot after \"build\", but the type has \"ä\" there");
  CHECK(near_miss("build.*", "Build.x") ==
        "pattern \"build.*\" differs from the type in upper and lower case");
  CHECK(near_miss("biuld.*", "build.x") ==
        "pattern \"biuld.*\" is similar, but the type begins with \"build\"");
  CHECK(near_miss("a.biuld.*", "a.build.x") ==
        "pattern \"a.biuld.*\" is similar, but the type begins with \"a.build\"");
  CHECK(near_miss("build*", "builds") ==
        "entry \"build*\" is not a pattern; only \"*\" and entries that end in \".*\" are");
  CHECK(near_miss("Build", "build") == "entry \"Build\" differs from the type in upper and lower case");
  CHECK(near_miss("build ", "build") == "entry \"build \" differs from the type in spaces");
  CHECK(near_miss("build", "build.done") == "entry \"build\" matches only itself; \"build.*\" would match");
  CHECK(near_miss("ab", "a").empty());
  CHECK(near_miss("k", "t").empty());
  CHECK(near_miss("bulid", "build") == "entry \"bulid\" is spelled almost like the type");
  CHECK(near_miss("deploy", "build").empty());
  CHECK(near_miss("deploy.*", "build.done").empty());
  CHECK(near_miss(".*", "x").empty());
}

TEST_CASE("Of a consumer's entries the first that matches, or nearly does, is the reason") {
  using Kind = Verdict::Kind;
  auto judged = [](const std::vector<std::string>& entries, const char* type, bool closely = true) {
    Verdict verdict = judge_entries(entries, type, closely);
    return std::pair(verdict.kind, verdict.why);
  };
  CHECK(judged({}, "t") == std::pair(Kind::no, std::string("subscribed to no types")));
  CHECK(judged({"a", "t"}, "t") == std::pair(Kind::gets, std::string("subscribed to it")));
  CHECK(judged({"a", "*"}, "t") == std::pair(Kind::gets, std::string("pattern \"*\" matches")));
  CHECK(judged({"z", "Build"}, "build").first == Kind::nearly);
  CHECK(judged({"z", "Build"}, "build", false) ==
        std::pair(Kind::no, std::string("subscribed to \"z\", \"Build\"")));
  CHECK(judged({"a", "b", "c", "d", "e", "f"}, "zzz").second ==
        "subscribed to \"a\", \"b\", \"c\", \"d\" and 2 more");
}

TEST_CASE("bus.explain of an event type: who gets it, who nearly, who not, and what nobody took") {
  ExplainRig rig;
  rig.consumer("deaf", "\"other\"");
  rig.consumer("near", "\"Build.done\"");
  rig.consumer("gets", "\"build.*\"", R"(,"subscription_id":"s")");
  PeerId source = rig.source("src");
  rig.send_line(source, R"({"type":"event","event_type":"buidl.done"})");
  rig.send_line(source, R"({"type":"event","event_type":"something.else"})");
  std::string said = rig.explained(R"({"event_type":"build.done"})");
  CHECK(text_of(said, "event_type") == "build.done");
  CHECK(token_of(said, "reached") == "1");
  CHECK(token_of(said, "connected") == "3");
  CHECK(token_of(said, "left_out").empty());
  CHECK(token_of(said, "unmatched") == R"([{"event_type":"buidl.done","count":1}])");
  CHECK(
      rows_of(said, "consumers") ==
      std::vector<std::string>{
          R"({"pid":42,"kernel_pid":100,"uid":1000,"event_key":"gets","subscription_id":"s","gets":true,"why":"pattern \"build.*\" matches"})",
          R"({"pid":42,"kernel_pid":100,"uid":1000,"event_key":"near","nearly":true,"why":"entry \"Build.done\" differs from the type in upper and lower case"})",
          R"({"pid":42,"kernel_pid":100,"uid":1000,"event_key":"deaf","why":"subscribed to \"other\""})"});
  CHECK(token_of(rig.explained(R"({"event_type":"something.else"})"), "unmatched") ==
        R"([{"event_type":"something.else","count":1}])");
}

TEST_CASE("bus.explain needs one subject, and a good one") {
  ExplainRig rig;
  for (const char* args :
       {"null", "7", "[]", "{}", R"({"type":"x"})", R"({"task":"a","key":"b"})", R"({"task":"a","task":"b"})",
        R"({"event_type":7})", R"({"key":""})", R"({"task":"a\n"})"}) {
    INFO(args);
    std::string answer = rig.answer(args);
    CHECK(code_of(answer) == "bad_args");
  }
  CHECK(text_of(token_of(rig.answer(R"({"task":"a","to":5})"), "error"), "message") ==
        "to must be a name of 1 to 255 bytes without control characters");
  CHECK(text_of(token_of(rig.answer("{}"), "error"), "message") ==
        R"(bus.explain takes one of event_type, task and key, such as {"event_type":"build.done"})");
  CHECK(text_of(rig.explained(R"({"\u0074ask":"a","more":[1]})"), "outcome") == "no_provider");
}

TEST_CASE("bus.explain of a task that nobody provides names the nearest, and those of the hub are its own") {
  ExplainRig rig;
  rig.provider("\"math.add\"");
  CHECK(
      rig.explained(R"({"task":"math.ad"})") ==
      R"({"task":"math.ad","outcome":"no_provider","message":"nobody provides math.ad; math.add is provided by pid 43","waiting":0,"providers":[]})");
  CHECK(rig.explained(R"({"task":"bus.sync"})") ==
        R"({"task":"bus.sync","outcome":"hub","waiting":0,"providers":[]})");
  CHECK(text_of(rig.explained(R"({"task":"bus.nothing"})"), "message") ==
        "the hub has no task \"bus.nothing\"");
  CHECK(text_of(rig.explained(R"({"task":"bus.source.x"})"), "message") == "nobody provides bus.source.x");
}

TEST_CASE("bus.explain of a task says what tells each provider from the chosen one") {
  ExplainRig rig;
  PeerId caller = rig.client();
  auto why_of_last = [&rig](const std::string& args = R"({"task":"a.b"})") {
    std::vector<std::string> rows = rows_of(rig.explained(args), "providers");
    return rows.empty() ? std::string() : text_of(rows.back(), "why");
  };
  PeerId best = rig.provider("\"a.b\"", R"(,"slots":4,"priority":3)", "best");
  std::string said = rig.explained(R"({"task":"a.b"})");
  CHECK(text_of(said, "outcome") == "given");
  CHECK(
      rows_of(said, "providers") ==
      std::vector<std::string>{
          R"({"pid":100,"uid":1000,"source":"best","provides":"a.b","slots":4,"open":0,"priority":3,"chosen":true,"why":"it would be given the call now"})"});
  SECTION("a pattern") {
    rig.provider("\"a.*\"", R"(,"priority":9)");
    CHECK(why_of_last() == "\"a.*\" matches less closely than \"a.b\"");
  }
  SECTION("a lower priority") {
    rig.provider("\"a.b\"", R"(,"priority":2,"slots":99)");
    CHECK(why_of_last() == "its priority 2 is lower than 3 of pid 43");
  }
  SECTION("fewer free slots") {
    rig.provider("\"a.b\"", R"(,"priority":3,"slots":2)");
    CHECK(why_of_last() == "it has fewer free slots: 2 than 4 of pid 43");
  }
  SECTION("idle for a shorter time") {
    rig.advance(seconds(1));
    rig.provider("\"a.b\"", R"(,"priority":3,"slots":4)");
    CHECK(why_of_last() == "its last call ended later than that of pid 43");
  }
  SECTION("no free slot") {
    PeerId other = rig.provider("\"a.b\"", R"(,"priority":9,"slots":1)");
    rig.request(caller, "1", "a.b");
    REQUIRE_FALSE(rig.given_one(other).empty());
    CHECK(why_of_last() == "it has no free slot: 1 of 1 calls are open");
  }
  SECTION("silent since it let a call time out") {
    PeerId other = rig.provider("\"a.b\"", R"(,"priority":9)");
    rig.request(caller, "1", "a.b", R"(,"timeout_ms":10)");
    REQUIRE_FALSE(rig.given_one(other).empty());
    rig.advance(milliseconds(10));
    CHECK(why_of_last() == "it has sent nothing since it let a call time out, and is asked last");
    rig.hang_up(best);
    CHECK(why_of_last().starts_with("it is the only one with a free slot, though"));
  }
  SECTION("4 MiB of requests unread") {
    PeerId other = rig.provider("\"a.b\"", R"(,"priority":9)");
    rig.set_room(other, 0);
    for (int i = 0; i < 8; ++i)
      rig.request(caller, std::to_string(i), "a.b", R"(,"args":")" + std::string(900'000, 'x') + "\"");
    CHECK(why_of_last().ends_with(" bytes of requests unread"));
    rig.set_room(other, kEndless);
  }
  SECTION("another source is asked for") {
    CHECK(why_of_last(R"({"task":"a.b","to":"other"})") == "it is not the source \"other\"");
    CHECK(text_of(rig.explained(R"({"task":"a.b","to":"other"})"), "outcome") == "no_provider");
  }
  SECTION("nobody has a free slot") {
    for (int i = 0; i < 6; ++i) rig.request(caller, std::to_string(i), "a.b");
    said = rig.explained(R"({"task":"a.b"})");
    CHECK(text_of(said, "outcome") == "waits");
    CHECK(token_of(said, "waiting") == "2");
    CHECK(why_of_last() == "it has no free slot: 4 of 4 calls are open");
  }
}

TEST_CASE("bus.explain of a key: its scopes, who is there, who would be first and last, and the lock") {
  ExplainRig rig;
  CHECK(rig.explained(R"({"key":"k"})") ==
        R"({"key":"k","scopes":[{"scope":"k","newcomer":"first","consumers":[]}]})");
  PeerId one = rig.consumer("k", "");
  PeerId two = rig.consumer("k", "", R"(,"cleanup_task":"sweep")");
  rig.consumer("k", "", R"(,"subscription_id":"s","exclusive":true)");
  rig.consumer("other", "", R"(,"subscription_id":"k")");
  std::string said = rig.explained(R"({"key":"k"})");
  std::vector<std::string> scopes = rows_of(said, "scopes");
  REQUIRE(scopes.size() == 2);
  CHECK(text_of(scopes[0], "scope") == "k");
  CHECK(text_of(scopes[0], "newcomer") == "joins");
  std::string base = R"({"pid":42,"kernel_pid":100,"uid":1000,"event_key":)";
  CHECK(rows_of(scopes[0], "consumers") ==
        std::vector<std::string>{base + R"("k","state":"member","first":true})",
                                 base + R"("k","state":"member","cleanup_task":"sweep"})",
                                 base + R"("other","subscription_id":"k","state":"member"})"});
  CHECK(scopes[1] ==
        R"({"scope":"s","newcomer":"rejected","consumers":[)" + base +
            R"("k","subscription_id":"s","state":"member","exclusive":true,"first":true,"last":true}]})");
  // They leave one after the other.
  rig.send_line(one, kCheck);
  std::string row = rows_of(rows_of(rig.explained(R"({"key":"k"})"), "scopes")[0], "consumers")[0];
  CHECK(row == base + R"("k","state":"leaving","first":true})");
  rig.hang_up_all();

  PeerId holder = rig.consumer("k", "");
  rig.send_line(holder, kCheck);
  rig.consumer("k", "");
  rig.advance(milliseconds(1500));
  said = rows_of(rig.explained(R"({"key":"k"})"), "scopes")[0];
  CHECK(text_of(said, "newcomer") == "waits");
  CHECK(token_of(said, "lock") == R"({"pid":42,"held_ms":1500})");
  CHECK(rows_of(said, "consumers") ==
        std::vector<std::string>{base + R"("k","state":"cleaning_up","first":true,"last":true})",
                                 base + R"("k","state":"waiting"})"});
  rig.hang_up_all();

  PeerId provider = rig.provider("\"sweep\"");
  rig.hang_up(rig.consumer("k", "", R"(,"cleanup_task":"sweep")"));
  said = rows_of(rig.explained(R"({"key":"k"})"), "scopes")[0];
  CHECK(token_of(said, "lock") == R"({"pid":42,"held_ms":0,"task":"sweep"})");
  rig.hang_up(provider);
  static_cast<void>(two);
}

TEST_CASE("bus.explain tells that no more calls of a user may wait") {
  hub::HubConfig config = rig_config();
  config.waiting_calls = 2;
  ExplainRig rig(config);
  PeerId caller = rig.client();
  rig.provider("\"a.b\"", R"(,"slots":1)");
  for (const char* id : {"1", "2"}) rig.request(caller, id, "a.b");
  CHECK(token_of(rig.explained(R"({"task":"a.b"})"), "full").empty());
  rig.request(caller, "3", "a.b");
  CHECK(token_of(rig.explained(R"({"task":"a.b"})"), "full") == "true");
}

TEST_CASE("What does not fit a frame is left out and counted, the ones that get the event last of all") {
  hub::HubConfig config = rig_config();
  config.memory = size_t{1024} * 1024 * 1024;
  ExplainRig rig(config);
  std::string many = "\"" + std::string(250, 'x') + "\"";
  for (char c = 'a'; c <= 'e'; ++c) many += ",\"" + std::string(250, c) + "\"";
  constexpr size_t kCount = 1200;
  for (size_t i = 0; i < kCount; ++i) rig.consumer("k", many);
  rig.consumer("gets", "\"build.done\"");
  std::string answer = rig.answer(R"({"event_type":"build.done"})");
  CHECK(answer.size() < kMaxFrameBytes);
  std::string said = token_of(answer, "result");
  CHECK(token_of(said, "reached") == "1");
  CHECK(token_of(said, "connected") == std::to_string(kCount + 1));
  std::vector<std::string> rows = rows_of(said, "consumers");
  REQUIRE_FALSE(rows.empty());
  CHECK(text_of(rows[0], "event_key") == "gets");
  CHECK(token_of(said, "left_out") == std::to_string(kCount + 1 - rows.size()));
}

TEST_CASE("A list of rows takes no more bytes than it may, and counts what it leaves out") {
  auto written = [](const RowList& list) {
    std::string out;
    ObjectWriter writer(out);
    list.write(writer, "rows");
    writer.end();
    return out;
  };
  RowList list(RowList::kBeside + 7);
  list.add("1");
  list.add("22");
  list.add("333");
  list.add("4");
  CHECK(list.size() == 4);
  CHECK(written(list) == R"({"rows":[1,22],"left_out":2})");
  RowList others(RowList::kBeside + 100);
  others.add("5");
  others.append(RowList(100));
  CHECK(written(others) == R"({"rows":[5]})");
  RowList more(RowList::kBeside + 100);
  more.add("6");
  others.append(std::move(more));
  CHECK(written(others) == R"({"rows":[5,6]})");
  others.append(std::move(list));
  CHECK(written(others) == R"({"rows":[5,6,1,22],"left_out":2})");
}
