// ClientCore by its bytes: what comes out for what goes in, however the stream is cut.
#include "consumer/src/client_core.h"

#include <memory>
#include <string>
#include <vector>

#include "protocol/limits.h"
#include "tests/support/catch.h"

namespace bus::sdk {
namespace {

constexpr const char* kAck =
    R"({"type":"hello_ack","bus_version":"v1","first_for_key":false,"capabilities":["patterns"]})";
constexpr TimePoint kDue = TimePoint() + seconds(100);

Hello hello_for(std::vector<std::string> types) {
  Hello hello;
  hello.pid = 42;
  hello.event_key = "k";
  hello.event_types = std::move(types);
  return hello;
}

std::string describe(const Item& in) {
  switch (in.kind) {
    case ItemKind::reset:
      return in.first ? "welcome first" : "welcome";
    case ItemKind::turned_away: {
      const char* names[] = {"rejected", "denied", "busy", "protocol"};
      return std::string("refused ") + names[static_cast<int>(in.turned_away)] + ": " + in.detail;
    }
    case ItemKind::event:
      return "event " + std::string(in.event->event_type) + " seq " +
             (in.event->seq ? std::to_string(*in.event->seq) : "none") + " payload " +
             std::string(in.event->payload_token);
    case ItemKind::lost:
      return "lost " + std::to_string(in.lost_count) + " between " + std::to_string(in.lost_after) + " and " +
             std::to_string(in.lost_before) + (in.detail.empty() ? "" : " (" + in.detail + ")");
    case ItemKind::source_status:
      return "source " + in.status.source + " " + name_of(in.status.state) + " " + in.status.detail;
    case ItemKind::refused:
      return std::string("error ") + name_of(in.error.code) + " frame " + std::to_string(in.error.frame) +
             ": " + in.error.message;
    case ItemKind::interest:
      return std::to_string(in.interest.consumers) + " listen to " + in.interest.event_type;
    case ItemKind::check_ack:
      return in.last ? "last" : "not last";
    case ItemKind::call_end:
      return "end of " + std::get<Response>(in.call).id + " " +
             std::string(std::get<Response>(in.call).result);
    case ItemKind::chunk:
      return "chunk " + std::to_string(std::get<Chunk>(in.call).seq) + " of " + std::get<Chunk>(in.call).id +
             " " + std::string(std::get<Chunk>(in.call).data);
    case ItemKind::progress:
      return "progress of " + std::get<Progress>(in.call).id + " " + std::get<Progress>(in.call).text;
    case ItemKind::request:
      return "request " + std::get<GivenRequest>(in.call).id + " of " + std::get<GivenRequest>(in.call).task +
             " " + std::string(std::get<GivenRequest>(in.call).args);
    case ItemKind::canceled:
      return "canceled " + std::get<Cancel>(in.call).id + " " + std::get<Cancel>(in.call).reason;
    case ItemKind::pause:
      return "pause " + std::get<Pause>(in.call).id;
    case ItemKind::resume:
      return "resume " + std::get<Resume>(in.call).id;
    case ItemKind::value: {
      const KeyFact& fact = in.news.keys.at(0);
      return "value " + std::to_string(in.number) + " " + fact.key + " " + std::to_string(fact.version) +
             "/" + std::to_string(fact.rev) + (fact.snapshot ? " snapshot" : "") +
             (fact.deleted ? " deleted" : "") + (fact.expired ? " expired" : "") + " skipped " +
             std::to_string(fact.skipped) + " ttl " + std::to_string(fact.ttl_ms) + " " + fact.value;
    }
    case ItemKind::synced:
      return "synced " + std::to_string(in.number) + " " + std::to_string(in.news.rev) + " " + in.news.epoch +
             " keys " + std::to_string(in.news.count) + (in.news.reset ? " reset" : "");
    case ItemKind::broken:
    case ItemKind::watch_end:
    case ItemKind::answered:
    case ItemKind::held:
      break;
  }
  return "?";
}

using Things = std::vector<std::string>;

// What comes out when `stream` arrives in chunks of the sizes given, the rest at once.
Things run(const std::string& stream, const std::vector<size_t>& chunks,
           std::vector<std::string> types = {"t"}) {
  ClientCore core(hello_for(std::move(types)));
  core.connected(kDue);
  Things out;
  size_t at = 0;
  size_t index = 0;
  while (at < stream.size()) {
    size_t size = index < chunks.size() ? chunks[index++] : stream.size() - at;
    // A copy of its own, as large as the chunk: what is kept of it beyond its life shows under
    // AddressSanitizer.
    size_t length = std::min(size, stream.size() - at);
    std::unique_ptr<char[]> chunk(new char[length]);
    std::copy_n(stream.data() + at, length, chunk.get());
    core.receive(std::string_view(chunk.get(), length));
    while (const Item* in = core.next()) out.push_back(describe(*in));
    at += length;
  }
  return out;
}

Things run(const std::string& stream) { return run(stream, {}); }

// After an accepted hello.
Things after_ack(const std::string& lines) {
  Things all = run(std::string(kAck) + "\n" + lines);
  REQUIRE(!all.empty());
  REQUIRE(all.front() == "welcome");
  all.erase(all.begin());
  return all;
}

std::string event(const std::string& seq, const std::string& payload = "1") {
  return R"({"type":"event","event_type":"t","seq":)" + seq + R"(,"payload":)" + payload + "}\n";
}

TEST_CASE("The hello line is the golden line of the contract") {
  Hello hello = hello_for({"im.message.receive_v1"});
  hello.pid = 4242;
  hello.event_key = "im.message";
  ClientCore core(hello);
  CHECK(
      core.connected(kDue) ==
      R"({"type":"hello","pid":4242,"event_key":"im.message","event_types":["im.message.receive_v1"],"version":"v1"})"
      "\n");
}

TEST_CASE("Whoever says what it publishes needs a hub that tells who listens") {
  auto answer_to = [](const std::string& capabilities) {
    Hello hello = hello_for({});
    hello.publishes = {"t"};
    ClientCore core(hello);
    core.connected(kDue);
    std::string line = R"({"type":"hello_ack","bus_version":"v1","first_for_key":true,"capabilities":[)" +
                       capabilities + "]}\n";
    core.receive(line);
    const Item* item = core.next();
    REQUIRE(item != nullptr);
    return describe(*item);
  };
  CHECK(answer_to(R"("patterns")") ==
        "refused protocol: the hub is too old to tell who listens to publish_types: leave them out");
  CHECK(answer_to(R"("patterns","interest")") == "welcome first");
}

TEST_CASE("Interest is an item, and one that is none is skipped") {
  CHECK(after_ack(R"({"type":"interest","event_type":"t.*","consumers":2})"
                  "\n"
                  R"({"type":"interest","consumers":2})"
                  "\n"
                  R"({"type":"interest","event_type":"t.*","consumers":0})"
                  "\n") == Things{"2 listen to t.*", "0 listen to t.*"});
}

TEST_CASE("The answer to hello is due until it has come") {
  ClientCore core(hello_for({"t"}));
  core.connected(kDue);
  CHECK(core.deadline() == kDue);
  std::string line = std::string(kAck) + "\n";
  core.receive(line);
  REQUIRE(core.next() != nullptr);
  CHECK(core.deadline() == kNever);
  CHECK(core.next() == nullptr);
  core.connected(kDue + seconds(1));
  CHECK(core.deadline() == kDue + seconds(1));
}

TEST_CASE("hello_ack tells who is first") {
  CHECK(run("{\"type\":\"hello_ack\",\"bus_version\":\"v1\",\"first_for_key\":true}\n") ==
        Things{"welcome first"});
  CHECK(run("{\"type\":\"hello_ack\",\"bus_version\":\"v1\",\"first_for_key\":false}\n") ==
        Things{"welcome"});
}

TEST_CASE("A rejected hello is refused with the hub's reason") {
  CHECK(
      run(R"~({"type":"hello_ack","bus_version":"v1","first_for_key":false,"rejected":true,"reject_reason":"scope board is held exclusively by pid 42; stop that one, or wait until it ends"})~"
          "\n") == Things{"refused rejected: scope board is held exclusively by pid 42; stop that one, or "
                          "wait until it ends"});
  CHECK(run(R"({"type":"hello_ack","bus_version":"v1","first_for_key":false,"rejected":true})"
            "\n") == Things{"refused rejected: the hub gave no reason"});
}

TEST_CASE("An error in place of hello_ack is a refusal by its code") {
  auto refused = [](const std::string& code) {
    return run(R"({"type":"error","code":")" + code + R"(","message":"no"})" + "\n");
  };
  CHECK(refused("denied") == Things{"refused denied: no"});
  CHECK(refused("not_allowed") == Things{"refused denied: no"});
  CHECK(refused("too_many") == Things{"refused busy: no"});
  CHECK(refused("timeout") == Things{"refused busy: no"});
  CHECK(refused("busy") == Things{"refused busy: no"});
  CHECK(refused("bad_frame") == Things{"refused protocol: no"});
  CHECK(refused("made_up_later") == Things{"refused protocol: no"});
}

TEST_CASE("Whatever else stands before hello_ack is no hub of ours") {
  auto first_word = [](const Things& things) {
    REQUIRE(things.size() == 1);
    return things[0].substr(0, std::string("refused protocol").size());
  };
  CHECK(first_word(run("HTTP/1.1 400 Bad Request\n")) == "refused protocol");
  CHECK(first_word(run(event("1"))) == "refused protocol");
  CHECK(first_word(run("{\"type\":\"welcome\"}\n")) == "refused protocol");
  CHECK(first_word(run("{\"type\":\"hello_ack\",\"bus_version\":\"v2\",\"first_for_key\":true}\n")) ==
        "refused protocol");
  CHECK(first_word(run(std::string(kMaxFrameBytes, 'x'))) == "refused protocol");
}

TEST_CASE("Nothing comes after a refusal") {
  CHECK(run("{\"type\":\"error\",\"code\":\"denied\",\"message\":\"no\"}\n" + std::string(kAck) + "\n" +
            event("1"))
            .size() == 1);
}

TEST_CASE("A hub without the capability is refused when a pattern was asked for, and only then") {
  std::string plain = "{\"type\":\"hello_ack\",\"bus_version\":\"v1\",\"first_for_key\":true}\n";
  CHECK(run(plain, {}, {"build.done"}) == Things{"welcome first"});
  for (const char* pattern : {"*", "build.*"}) {
    Things things = run(plain, {}, {"build.done", pattern});
    REQUIRE(things.size() == 1);
    CHECK(things[0].rfind("refused protocol: the hub is too old for patterns", 0) == 0);
    CHECK(run(std::string(kAck) + "\n", {}, {"build.done", pattern}) == Things{"welcome"});
  }
}

TEST_CASE("A gap in seq is a loss between its neighbours, reported before the event") {
  CHECK(after_ack(event("1") + event("2")) == Things{"event t seq 1 payload 1", "event t seq 2 payload 1"});
  CHECK(after_ack(event("1") + event("5")) ==
        Things{"event t seq 1 payload 1", "lost 3 between 1 and 5", "event t seq 5 payload 1"});
  CHECK(after_ack(event("3")) == Things{"lost 2 between 0 and 3", "event t seq 3 payload 1"});
  CHECK(after_ack(event("18446744073709551615")) ==
        Things{"lost 18446744073709551614 between 0 and 18446744073709551615",
               "event t seq 18446744073709551615 payload 1"});
}

TEST_CASE("A seq that is absent or goes back is no loss") {
  CHECK(after_ack("{\"type\":\"event\",\"event_type\":\"t\"}\n") == Things{"event t seq none payload null"});
  CHECK(after_ack(event("4") + event("4") + event("2") + event("3")) ==
        Things{"lost 3 between 0 and 4", "event t seq 4 payload 1", "event t seq 4 payload 1",
               "event t seq 2 payload 1", "event t seq 3 payload 1"});
}

TEST_CASE("seq begins anew on each connection") {
  ClientCore core(hello_for({"t"}));
  for (int i = 0; i < 2; ++i) {
    core.connected(kDue);
    std::string lines = std::string(kAck) + "\n" + event("1") + event("2");
    core.receive(lines);
    Things out;
    while (const Item* in = core.next()) out.push_back(describe(*in));
    CHECK(out == Things{"welcome", "event t seq 1 payload 1", "event t seq 2 payload 1"});
  }
}

TEST_CASE("What the old connection left unread does not reach the new one") {
  ClientCore core(hello_for({"t"}));
  core.connected(kDue);
  std::string half = std::string(kAck) + "\n" + event("9") + "{\"type\":\"event\",\"ev";
  core.receive(half);
  REQUIRE(core.next() != nullptr);  // welcome
  REQUIRE(core.next() != nullptr);  // the loss; its event waits
  core.connected(kDue);
  std::string ack = std::string(kAck) + "\n";
  core.receive(ack);
  const Item* in = core.next();
  REQUIRE(in != nullptr);
  CHECK(describe(*in) == "welcome");
  CHECK(core.next() == nullptr);
}

TEST_CASE("A frame of exactly the cap is taken, one more is dropped as a loss and life goes on") {
  auto frame_of = [](size_t bytes) {
    std::string frame = event("1", "\"\"");
    size_t at = frame.find("\"\"") + 1;
    frame.insert(at, std::string(bytes - frame.size(), 'x'));
    return frame;
  };
  Things at_cap = after_ack(frame_of(kMaxFrameBytes));
  REQUIRE(at_cap.size() == 1);
  CHECK(at_cap[0].rfind("event t seq 1 payload \"xxx", 0) == 0);

  CHECK(after_ack(frame_of(kMaxFrameBytes + 1) + event("2")) ==
        Things{"lost 1 between 0 and 2 (a frame over 1048576 bytes was dropped)", "event t seq 2 payload 1"});
  // More were lost around it: only those that were not yet reported.
  CHECK(after_ack(event("1") + frame_of(kMaxFrameBytes + 1) + event("5")) ==
        Things{"event t seq 1 payload 1", "lost 1 between 1 and 3 (a frame over 1048576 bytes was dropped)",
               "lost 2 between 2 and 5", "event t seq 5 payload 1"});
}

TEST_CASE("Unknown types, bad frames, empty lines and a hub's nonsense are skipped") {
  CHECK(after_ack("{\"type\":\"weather\",\"x\":1}\n\n  \r\nnot json\n{\"type\":\"event\"}\n[]\n{\"no\":1}\n"
                  "{\"type\":\"bye\"}\n" +
                  std::string(kAck) + "\n" + event("1")) == Things{"event t seq 1 payload 1"});
}

TEST_CASE("The other things that a hub says come out decoded") {
  CHECK(after_ack("{\"type\":\"source_status\",\"source\":\"clock\",\"state\":\"reconnecting\",\"detail\":"
                  "\"attempt 2\"}\n"
                  "{\"type\":\"pre_shutdown_ack\",\"last_for_key\":true}\n"
                  "{\"type\":\"pre_shutdown_ack\",\"last_for_key\":false}\n"
                  "{\"type\":\"error\",\"code\":\"bad_frame\",\"message\":\"m\",\"frame\":7}\n") ==
        Things{"source clock reconnecting attempt 2", "last", "not last", "error bad_frame frame 7: m"});
}

TEST_CASE("An event's frame and payload are the bytes that came") {
  ClientCore core(hello_for({"t"}));
  core.connected(kDue);
  std::string raw =
      R"({ "payload" : {"a":1.10,"b":18446744073709551616,"c":"\/"},"type":"event","event_type":"\u0074","x":[1] })";
  std::string lines = std::string(kAck) + "\n \t" + raw + "\r\n";
  core.receive(lines);
  REQUIRE(core.next() != nullptr);
  const Item* in = core.next();
  REQUIRE(in != nullptr);
  CHECK(in->frame == raw);
  CHECK(in->event->event_type == "t");
  CHECK(in->event->payload_token == R"({"a":1.10,"b":18446744073709551616,"c":"\/"})");
  REQUIRE(in->event->others.size() == 1);
  CHECK(in->event->others[0].value_token == "[1]");
}

TEST_CASE("However the stream is cut, the same comes out") {
  std::string stream =
      std::string(kAck) + "\n" + event("1", "{\"text\":\"h\\u00e9 \xc3\xa9\"}") + "\r\n" + event("4") +
      "{\"type\":\"later\"}\n{\"type\":\"source_status\",\"source\":\"s\",\"state\":\"connected\"}\n" +
      "{\"type\":\"pre_shutdown_ack\",\"last_for_key\":true}\n" + event("5");
  Things whole = run(stream);
  REQUIRE(whole.size() == 7);
  for (size_t split = 1; split < stream.size(); ++split) CHECK(run(stream, {split}) == whole);
  CHECK(run(stream, std::vector<size_t>(stream.size(), 1)) == whole);
  CHECK(run(stream, std::vector<size_t>(stream.size(), 3)) == whole);
}

TEST_CASE("What the hub says of calls comes out as it is, and what is malformed is skipped") {
  std::string stream =
      std::string(kAck) + "\n" +
      R"({"type":"request","id":"h1","task":"math.add","from":{"pid":1,"uid":2},"x":1,"args":{"a":1.10}})"
      "\n"
      R"({"type":"chunk","id":"1","seq":1,"data":[1.0]})"
      "\n"
      R"({"type":"progress","id":"1","done":1,"text":"half"})"
      "\n"
      R"({"type":"response","id":"1","result":3.10})"
      "\n"
      R"({"type":"cancel","id":"h1","reason":"gone"})"
      "\n"
      R"({"type":"pause","id":"h1"})"
      "\n"
      R"({"type":"resume","id":"h1"})"
      "\n"
      R"({"type":"response","id":"1","error":{"message":"no code"}})"
      "\n"
      R"({"type":"request","id":"h2","task":"","args":1})"
      "\n";
  Things wanted{"welcome",
                R"(request h1 of math.add {"a":1.10})",
                "chunk 1 of 1 [1.0]",
                "progress of 1 half",
                "end of 1 3.10",
                "canceled h1 gone",
                "pause h1",
                "resume h1"};
  CHECK(run(stream, {}) == wanted);
  CHECK(run(stream, std::vector<size_t>(stream.size(), 1)) == wanted);
}

TEST_CASE("What the hub says of values comes out as it is, and what is malformed is skipped") {
  std::string stream =
      std::string(kAck) + "\n" +
      R"({"type":"value","watch":"3","key":"a","version":7,"rev":9,"snapshot":true,"age_ms":5,"ttl_ms":60,"later":[1],"value":21.50})"
      "\n"
      R"({"type":"value","watch":"3","key":"a","version":8,"rev":10,"skipped":4,"age_ms":0,"value":null})"
      "\n"
      R"({"type":"value","watch":"3","key":"a","version":9,"rev":11,"deleted":true,"expired":true,"age_ms":0})"
      "\n"
      R"({"type":"synced","watch":"3","rev":11,"epoch":"e","keys":1,"reset":true,"later":{}})"
      "\n"
      R"({"type":"synced","watch":"3","rev":12,"epoch":"e","keys":0})"
      "\n"
      R"({"type":"value","watch":"not a number","key":"a","version":1,"rev":1,"age_ms":0,"value":1})"
      "\n"
      R"({"type":"value","watch":"3","version":1,"rev":1,"age_ms":0,"value":1})"
      "\n"
      R"({"type":"value","watch":"3","key":"a","version":"1","rev":1,"age_ms":0,"value":1})"
      "\n"
      R"({"type":"synced","watch":"3","rev":12,"keys":0})"
      "\n"
      R"({"type":"value","watch":"4","key":"b","version":1,"rev":13,"age_ms":0,"value":"x"})"
      "\n";
  Things wanted{"welcome",
                "value 3 a 7/9 snapshot skipped 0 ttl 60 21.50",
                "value 3 a 8/10 skipped 4 ttl 0 ",
                "value 3 a 9/11 deleted expired skipped 0 ttl 0 ",
                "synced 3 11 e keys 1 reset",
                "synced 3 12 e keys 0",
                "value 4 b 1/13 skipped 0 ttl 0 \"x\""};
  CHECK(run(stream, {}) == wanted);
  CHECK(run(stream, std::vector<size_t>(stream.size(), 1)) == wanted);
}

TEST_CASE("A value whose frame has the size of the cap comes out whole") {
  std::string head = R"({"type":"value","watch":"1","key":"k","version":1,"rev":1,"age_ms":0,"value":")";
  std::string body(kMaxFrameBytes - head.size() - 3, 'x');
  Things things = after_ack(head + body + "\"}\n");
  REQUIRE(things.size() == 1);
  CHECK(things[0].size() > body.size());
  CHECK(things[0].find("value 1 k 1/1") == 0);
  things = after_ack(head + body + "x\"}\n");
  REQUIRE(things.size() == 1);
  CHECK(things[0].find("lost 1") == 0);
}

}  // namespace
}  // namespace bus::sdk
