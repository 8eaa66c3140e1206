#include <memory>
#include <vector>

#include "tests/bench/busd_values.h"
#include "tests/bench/nats_values.h"
#include "tests/bench/redis_values.h"
#include "tests/support/catch.h"

using namespace bus::bench;

namespace {

// What a parser made of a stream, one line each.
class Heard final : public ValueSink {
 public:
  void stored(uint64_t number, uint64_t version) override {
    text += "stored " + std::to_string(number) + " version " + std::to_string(version) + "\n";
  }
  void got(uint64_t number, uint64_t version, std::string_view value) override {
    text += "got " + std::to_string(number) + " version " + std::to_string(version) + " " +
            std::string(value) + "\n";
  }
  void changed(std::string_view key, uint64_t version, uint64_t skipped, std::string_view value) override {
    text += std::string(key) + " version " + std::to_string(version) + " skipped " + std::to_string(skipped) +
            " " + std::string(value) + "\n";
  }
  void synced() override { text += "synced\n"; }

  std::string text;
};

// Feeds `take` the pieces, each in memory of its own. "no" where it gave up.
template <class Take>
std::string feed(const std::vector<std::string_view>& pieces, Take take) {
  Heard heard;
  for (std::string_view piece : pieces) {
    std::vector<char> own(piece.begin(), piece.end());
    if (take(std::string_view(own.data(), own.size()), heard)) continue;
    heard.text += "no";
    break;
  }
  return heard.text;
}

// However the stream is split, it says the same; what `make` makes is fed.
template <class Make>
std::string hear(Make make, std::string_view bytes) {
  std::string whole = feed({bytes}, make());
  for (size_t at = 0; at < bytes.size(); ++at) {
    INFO("cut at " << at);
    CHECK(feed({bytes.substr(0, at), bytes.substr(at)}, make()) == whole);
  }
  return whole;
}

std::string answers(ValueStore& store, std::string_view bytes) {
  return hear(
      [&store] {
        std::shared_ptr<ValueParser> parser = store.make_value_parser();
        return [parser](std::string_view piece, Heard& heard) { return parser->take(piece, heard); };
      },
      bytes);
}

// Of a new follower each time; `asked` is what it wrote while it read.
template <class MakeFollower>
std::string follow(MakeFollower make, std::string_view bytes, std::string& asked) {
  return hear(
      [&make, &asked] {
        std::shared_ptr<ValueFollower> follower = make();
        asked.clear();
        return [follower, &asked](std::string_view piece, Heard& heard) {
          return follower->take(piece, heard, asked);
        };
      },
      bytes);
}

std::string beginning(ValueFollower& follower) {
  std::string out;
  follower.begin(out);
  return out;
}

std::string put(ValueStore& store) {
  std::string out;
  store.append_put(out, 3, 17, "a.b", "[1]");
  return out;
}

std::string get(ValueStore& store) {
  std::string out;
  store.append_get(out, 3, 17, "a.b");
  return out;
}

}  // namespace

TEST_CASE("A put of busd says how it is kept, and its answer the version") {
  auto memory = busd::make_values("busd", "busd", busd::Durable::memory);
  auto process = busd::make_values("busd", "busd", busd::Durable::process);
  auto power = busd::make_values("busd new", "busd", busd::Durable::power);
  CHECK(put(*memory) == R"({"type":"put","id":"17","key":"a.b","durable":"memory","value":[1]})"
                        "\n");
  CHECK(put(*process) == R"({"type":"put","id":"17","key":"a.b","value":[1]})"
                         "\n");
  CHECK(put(*power) == R"({"type":"put","id":"17","key":"a.b","durable":"power","value":[1]})"
                       "\n");
  CHECK(get(*process) == R"({"type":"get","id":"17","key":"a.b"})"
                         "\n");
  CHECK(power->name() == "busd new power");

  CHECK(
      answers(
          *process,
          R"({"type":"response","id":"17","result":{"version":3,"rev":44}})"
          "\n"
          R"({"type":"response","id":"18","result":{"key":"a.b","version":4,"rev":45,"age_ms":1,"uid":0,"value":{"a":[1]}}})"
          "\n") == "stored 17 version 3\ngot 18 version 4 {\"a\":[1]}\n");
  CHECK(answers(*process, R"({"type":"response","id":"17","error":{"code":"full","message":"x","by":"hub"}})"
                          "\n") == "no");
}

TEST_CASE("A follower of busd is told values, what it was not told, and that it is in sync") {
  auto store = busd::make_values("busd", "busd", busd::Durable::process);
  CHECK(beginning(*store->follow("a.b")) == R"({"type":"watch","id":"w","keys":["a.b"]})"
                                            "\n");
  CHECK(beginning(*store->snapshot()) == R"({"type":"watch","id":"w","keys":["*"]})"
                                         "\n");
  std::string asked;
  CHECK(
      follow(
          [&] { return store->snapshot(); },
          R"({"type":"value","watch":"w","key":"a.b","version":2,"rev":9,"snapshot":true,"age_ms":4,"value":[1]})"
          "\n"
          R"({"type":"synced","watch":"w","rev":9,"epoch":"e","keys":1})"
          "\n"
          R"({"type":"value","watch":"w","key":"a.b","version":9,"rev":16,"skipped":6,"age_ms":0,"value":{"b":2}})"
          "\n",
          asked) == "a.b version 2 skipped 0 [1]\nsynced\na.b version 9 skipped 6 {\"b\":2}\n");
  CHECK(asked.empty());
  CHECK(follow([&] { return store->snapshot(); },
               R"({"type":"error","code":"busy"})"
               "\n",
               asked) == "no");
}

TEST_CASE("Redis answers in the order in which it was asked") {
  auto store = redis::make_values(redis::Log::none);
  CHECK(put(*store) == "*3\r\n$3\r\nSET\r\n$3\r\na.b\r\n$3\r\n[1]\r\n");
  CHECK(get(*store) == "*2\r\n$3\r\nGET\r\n$3\r\na.b\r\n");
  CHECK(answers(*store, "+OK\r\n$3\r\n[1]\r\n+OK\r\n") ==
        "stored 1 version 0\ngot 2 version 0 [1]\nstored 3 version 0\n");
  CHECK(answers(*store, "-LOADING\r\n") == "no");
  CHECK(answers(*store, "$-1\r\n") == "no");
}

TEST_CASE("A follower of Redis asks for the value of what it was notified of") {
  auto store = redis::make_values(redis::Log::none);
  auto make = [&] { return store->follow(""); };
  CHECK(beginning(*make()).ends_with("*2\r\n$10\r\nPSUBSCRIBE\r\n$16\r\n__keyspace@0__:*\r\n"));
  CHECK(beginning(*store->follow("a")).ends_with("*2\r\n$9\r\nSUBSCRIBE\r\n$16\r\n__keyspace@0__:a\r\n"));
  std::string asked;
  CHECK(follow(make,
               "%1\r\n$5\r\nproto\r\n:3\r\n+OK\r\n"
               ">3\r\n$10\r\npsubscribe\r\n$16\r\n__keyspace@0__:*\r\n:1\r\n"
               ">4\r\n$8\r\npmessage\r\n$16\r\n__keyspace@0__:*\r\n$18\r\n__keyspace@0__:a.b\r\n$3\r\nset\r\n"
               "$3\r\n[1]\r\n",
               asked) == "synced\na.b version 0 skipped 0 [1]\n");
  CHECK(asked == "*2\r\n$3\r\nGET\r\n$3\r\na.b\r\n");
  CHECK(follow(make, "-ERR no\r\n", asked) == "no");
}

TEST_CASE("A snapshot of Redis is a scan, and the values of the keys that it brings") {
  auto store = redis::make_values(redis::Log::none);
  auto make = [&] { return store->snapshot(); };
  std::string asked;
  CHECK(follow(make,
               "*2\r\n$1\r\n7\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n"
               "*2\r\n$1\r\n1\r\n$1\r\n2\r\n"
               "*2\r\n$1\r\n5\r\n*0\r\n"
               "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nc\r\n"
               "*1\r\n$1\r\n3\r\n",
               asked) ==
        "a version 0 skipped 0 1\nb version 0 skipped 0 2\nc version 0 skipped 0 3\nsynced\n");
  CHECK(
      asked ==
      "*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n*4\r\n$4\r\nSCAN\r\n$1\r\n7\r\n$5\r\nCOUNT\r\n$4\r\n1000\r\n"
      "*4\r\n$4\r\nSCAN\r\n$1\r\n5\r\n$5\r\nCOUNT\r\n$4\r\n1000\r\n"
      "*2\r\n$4\r\nMGET\r\n$1\r\nc\r\n");
  CHECK(follow(make, "*2\r\n$1\r\n0\r\n*0\r\n", asked) == "synced\n");
  CHECK(follow(make, "*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n*1\r\n$1\r\n1\r\n", asked) == "no");
}

TEST_CASE("A put of NATS is acknowledged to an inbox, and a direct get answered there") {
  auto store = nats::make_values();
  CHECK(put(*store) == "PUB $KV.bench.a.b _INBOX.benchbenchxx0000000003.17 3\r\n[1]\r\n");
  CHECK(get(*store) ==
        "PUB $JS.API.DIRECT.GET.KV_bench.$KV.bench.a.b _INBOX.benchbenchxx0000000003.17 0\r\n\r\n");
  CHECK(answers(*store,
                "MSG _INBOX.b.17 9 30\r\n{\"stream\":\"KV_bench\", \"seq\":1}\r\n"
                "PING\r\n"
                "HMSG _INBOX.b.18 9 26 29\r\nNATS/1.0\r\nNats-Seq: 12\r\n\r\n[1]\r\n") ==
        "stored 17 version 0\ngot 18 version 0 [1]\n");
  CHECK(answers(*store, "HMSG _INBOX.b.18 9 34 34\r\nNATS/1.0 404 Message Not Found\r\n\r\n\r\n") == "no");
  CHECK(answers(*store, "MSG _INBOX.b.17 9 22\r\n{\"error\":{\"code\":503}}\r\n") == "no");
  CHECK(answers(*store, "-ERR 'no'\r\n") == "no");
}

TEST_CASE("A follower of NATS is in sync when nothing more is pending, and answers flow control") {
  auto store = nats::make_values();
  std::string begun = beginning(*store->follow("a.b"));
  CHECK(begun.find("SUB _INBOX.benchfollow0000000001.1 1\r\n") != std::string::npos);
  CHECK(begun.find(R"("filter_subject":"$KV.bench.a.b")") != std::string::npos);
  CHECK(beginning(*store->snapshot()).find(R"("filter_subject":"$KV.bench.>")") != std::string::npos);

  // Each follower has subjects of its own.
  std::string asked;
  size_t made = 2;
  auto control = [&](const std::string& bytes) {
    auto follower = store->snapshot();
    ++made;
    Heard heard;
    asked.clear();
    std::string number = "000000000" + std::to_string(made);
    std::string own = bytes;
    own.replace(own.find('#'), 1, number);
    return std::to_string(static_cast<int>(follower->take(own, heard, asked))) + heard.text;
  };
  CHECK(control("MSG _INBOX.benchfollow#.2 2 63\r\n"
                R"({"delivered":{"consumer_seq":0,"stream_seq":9},"num_pending":0})"
                "\r\n") == "1synced\n");
  CHECK(control("MSG _INBOX.benchfollow#.2 2 63\r\n"
                R"({"delivered":{"consumer_seq":2,"stream_seq":9},"num_pending":0})"
                "\r\n") == "1");
  CHECK(control(
            "HMSG _INBOX.benchfollow#.1 1 $JS.FC.x 36 36\r\nNATS/1.0 100 FlowControl Request\r\n\r\n\r\n") ==
        "1");
  CHECK(asked == "PUB $JS.FC.x 0\r\n\r\n");

  CHECK(follow([&] { return store->snapshot(); },
               "MSG $KV.bench.a.b 1 $JS.ACK.KV_bench.c.1.1.1.5.1 1\r\n1\r\n"
               "MSG $KV.bench.c 1 $JS.ACK.KV_bench.c.1.2.2.5.0 1\r\n2\r\n"
               "MSG $KV.bench.c 1 $JS.ACK.KV_bench.c.1.3.3.5.0 1\r\n3\r\n",
               asked) ==
        "a.b version 0 skipped 0 1\nc version 0 skipped 0 2\nsynced\nc version 0 skipped 0 3\n");
  CHECK(follow([&] { return store->snapshot(); }, "MSG other 1 1\r\n1\r\n", asked) == "no");
}
