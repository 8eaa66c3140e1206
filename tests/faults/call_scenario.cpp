#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/decode.h"
#include "protocol/messages/call.h"
#include "tests/faults/scenario.h"
#include "tests/support/catch.h"

namespace bus::test {

namespace {

constexpr size_t kChunks = 12;
constexpr size_t kChunkBytes = 40'000;  // all of them are more than a socket takes, and then the hub pauses

// One caller and its providers, of which one goes while it has a request.
class CallPlay {
 public:
  explicit CallPlay(FaultyHub& hub) : stage_(hub.socket()) {}

  void run() {
    Stage::Client& provider = enter_provider();
    Stage::Client& leaver = enter_provider();
    Stage::Client& caller = stage_.enter();
    // It is heard before its task is provided, or after it.
    stage_.say(caller, request("1", "t.stream", R"(,"wait":true,"stream":true,"timeout_ms":60000)"));
    stream(provider, caller);
    stage_.say(caller, request("2", "nobody.x", "") + request("3", "nobody.x", R"(,"wait":true)") +
                           R"({"type":"cancel","id":"3"})" + "\n");
    expect_end(caller, "2");
    expect_end(caller, "3");
    lose_provider(leaver, caller);
    stage_.say(caller, request("6", "bus.sync", ""));
    expect_end(caller, "6");
    stage_.say(caller, "{\"type\":\"bye\"}\n");
    stage_.await_end(caller, "the end after bye");
    stage_.say(provider, "{\"type\":\"bye\"}\n");
    stage_.await_end(provider, "the end after bye");
    check_ends(caller);
  }

 private:
  static std::string request(const std::string& id, const std::string& task, const std::string& more) {
    return R"({"type":"request","id":")" + id + R"(","task":")" + task + "\"" + more +
           R"(,"args":{"n":1.10}})" + "\n";
  }

  Stage::Client& enter_provider() {
    Stage::Client& client = stage_.enter();
    stage_.say(client,
               R"({"type":"hello","pid":9,"event_key":"","event_types":[],"version":"v1","role":"client"})"
               "\n");
    stage_.await_reply(client, 1, "hello_ack");
    return client;
  }
  void provide(Stage::Client& client, const std::string& task) {
    size_t before = client.replies.size();
    stage_.say(client, R"({"type":"provide","id":"p","tasks":[")" + task + "\"]}\n");
    stage_.await_reply(client, before + 1, "the answer to provide");
  }

  // The id of the newest request of that task; "" when there is none.
  static std::string given(const Stage::Client& client, std::string_view task) {
    for (auto line = client.replies.rbegin(); line != client.replies.rend(); ++line) {
      auto request = decode_line<GivenRequest>(*line);
      if (request && request->task == task) return request->id;
    }
    return {};
  }
  // Waits for it, unless one of the two is cut off; their connections are watched side by side.
  std::string await_request(Stage::Client& client, const Stage::Client& caller, std::string_view task) {
    stage_.await(
        client, [&](const Stage::Client& c) { return !caller.open() || !given(c, task).empty(); },
        "a request");
    return given(client, task);
  }

  void stream(Stage::Client& provider, Stage::Client& caller) {
    provide(provider, "t.*");
    std::string id = await_request(provider, caller, "t.stream");
    if (id.empty()) {
      // Its provider was cut off, and nobody else will come.
      stage_.say(caller, R"({"type":"cancel","id":"1"})"
                         "\n");
      return expect_end(caller, "1");
    }
    caller.reads = false;
    for (size_t i = 0; i < kChunks; ++i) {
      stage_.say(provider, R"({"type":"chunk","id":")" + id + R"(","data":")" +
                               std::string(kChunkBytes, static_cast<char>('a' + i)) + "\"}\n");
    }
    stage_.say(provider, R"({"type":"progress","id":")" + id + "\",\"done\":1}\n");
    stage_.flush(provider);
    caller.reads = true;
    stage_.say(provider, R"({"type":"response","id":")" + id + R"(","result":1.10})" + "\n");
    expect_end(caller, "1");
  }

  // A request that its provider has, and one that it has not got, end with it.
  void lose_provider(Stage::Client& leaver, Stage::Client& caller) {
    provide(leaver, "lost.*");
    stage_.say(caller, request("4", "lost.x", "") + request("5", "lost.x", R"(,"idempotent":true)"));
    await_request(leaver, caller, "lost.x");
    stage_.leave(leaver);
    expect_end(caller, "4");
    expect_end(caller, "5");
  }

  static size_t ends(const Stage::Client& caller, std::string_view id) {
    auto count = std::count_if(caller.replies.begin(), caller.replies.end(), [&](const std::string& line) {
      auto response = decode_line<Response>(line);
      return response && response->id == id;
    });
    return static_cast<size_t>(count);
  }
  void expect_end(Stage::Client& caller, const std::string& id) {
    asked_.push_back(id);
    stage_.await(
        caller, [&](const Stage::Client& c) { return ends(c, id) > 0; }, "the end of a call");
  }

  // None ended twice, and a result came behind all of its stream.
  void check_ends(const Stage::Client& caller) {
    for (const std::string& id : asked_) {
      if (ends(caller, id) > 1) FAIL("call " << id << " ended " << ends(caller, id) << " times");
    }
    size_t chunks = 0;
    for (const std::string& line : caller.replies) {
      if (auto chunk = decode_line<Chunk>(line)) {
        if (chunk->seq != ++chunks) FAIL("chunk " << chunk->seq << " is the " << chunks << ". that came");
        if (chunk->data != "\"" + std::string(kChunkBytes, static_cast<char>('a' + chunks - 1)) + "\"")
          FAIL("chunk " << chunks << " was changed");
      }
      auto response = decode_line<Response>(line);
      if (response && response->id == "1" && !response->error && chunks != kChunks)
        FAIL("a result came behind " << chunks << " of " << kChunks << " chunks");
    }
  }

  Stage stage_;
  std::vector<std::string> asked_;
};

}  // namespace

void play_calls(FaultyHub& hub, const Fault& fault) {
  if (!hub.running()) hub.start_well();
  hub.arm(fault);
  CallPlay(hub).run();
  static_cast<void>(hub.survived());
}

}  // namespace bus::test
