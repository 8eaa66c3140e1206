// Caller, Server and CallFrame: what is open, what ends it, and what is sent for it.
#include "consumer/src/call_frame.h"
#include "consumer/src/caller.h"
#include "consumer/src/server.h"
#include "tests/support/catch.h"

namespace bus::sdk {
namespace {

constexpr TimePoint kStart = TimePoint() + seconds(100);

Item with(ItemKind kind, CallMessage message) {
  Item item;
  item.kind = kind;
  item.call = std::move(message);
  return item;
}
Item response(const std::string& id) { return with(ItemKind::call_end, Response{id, {}, "1", {}}); }
Item refused(const std::string& id, uint64_t frame) {
  Item item;
  item.kind = ItemKind::refused;
  item.error = {ErrorCode::bad_frame, "no", id, frame};
  return item;
}

std::string code_of(const Item* end) {
  REQUIRE(end != nullptr);
  REQUIRE(end->kind == ItemKind::call_end);
  const auto& error = std::get<Response>(end->call).error;
  REQUIRE(error);
  CHECK(error->by == "library");
  return std::to_string(end->number) + " " + error->code;
}

Item request(const std::string& id, bool stream = false) {
  GivenRequest message;
  message.id = id;
  message.task = "t";
  message.stream = stream;
  return with(ItemKind::request, message);
}

TEST_CASE("A call ends once: what comes later is nobody's") {
  Caller caller;
  uint64_t number = caller.take_number();
  CHECK(number == 1);
  caller.sent(number, kNever, 2);
  Item chunk = with(ItemKind::chunk, Chunk{"1", 1, "7"});
  CHECK(caller.on_item(chunk));
  CHECK(chunk.number == 1);
  Item end = response("1");
  CHECK(caller.on_item(end));
  CHECK(end.number == 1);
  CHECK_FALSE(caller.is_open(1));
  CHECK_FALSE(caller.on_item(end));
  CHECK_FALSE(caller.on_item(chunk));
  Item progress = with(ItemKind::progress, Progress{"1", {}, {}, {}});
  CHECK_FALSE(caller.on_item(progress));
  CHECK(caller.take_end() == nullptr);
}

TEST_CASE("An id that was never a call's is nobody's, whatever it looks like") {
  Caller caller;
  caller.sent(caller.take_number(), kNever, 2);
  for (const char* id : {"0", "2", "-1", "x", "1x", "18446744073709551617", "h.1"}) {
    Item end = response(id);
    CHECK_FALSE(caller.on_item(end));
  }
  CHECK(caller.is_open(1));
}

TEST_CASE("A refusal that names a call, or its frame, is the call's end; another is not") {
  Caller caller;
  caller.sent(caller.take_number(), kNever, 5);
  caller.sent(caller.take_number(), kNever, 6);
  Item other = refused("7", 0);
  CHECK_FALSE(caller.on_refused(other));
  other = refused("", 4);
  CHECK_FALSE(caller.on_refused(other));
  other = refused("", 0);
  CHECK_FALSE(caller.on_refused(other));
  Item second = refused("", 6);
  REQUIRE(caller.on_refused(second));
  CHECK(second.kind == ItemKind::call_end);
  CHECK(second.number == 2);
  CHECK(std::get<Response>(second.call).error->code == "bad_frame");
  CHECK(std::get<Response>(second.call).error->by == "hub");
  Item first = refused("1", 5);
  CHECK(caller.on_refused(first));
  CHECK_FALSE(caller.is_open(1));
}

TEST_CASE("A break ends what was sent, and what waits goes out on the next connection") {
  Caller caller;
  caller.sent(caller.take_number(), kStart, 2);
  caller.waits(caller.take_number(), kStart, "frame\n");
  CHECK(caller.waiting_bytes() == 6);
  caller.on_break(false);
  CHECK(code_of(caller.take_end()) == "1 lost");
  CHECK(caller.take_end() == nullptr);
  CHECK(caller.waits(2));
  std::string sent;
  caller.send_waiting([&](std::string_view frame) {
    sent += frame;
    return uint64_t{9};
  });
  CHECK(sent == "frame\n");
  CHECK(caller.waiting_bytes() == 0);
  Item error = refused("", 9);
  CHECK(caller.on_refused(error));
  // The number of a call is not used again.
  CHECK(caller.take_number() == 3);
}

TEST_CASE("A connection that is gone for good ends what waits, too") {
  Caller caller;
  caller.waits(caller.take_number(), kNever, "frame\n");
  caller.on_break(true);
  CHECK(code_of(caller.take_end()) == "1 lost");
  CHECK(caller.waiting_bytes() == 0);
  CHECK(caller.deadline() == kNever);
}

TEST_CASE("Deadlines end calls in their order, and those without one never") {
  Caller caller;
  caller.sent(caller.take_number(), kStart + seconds(2), 2);
  caller.sent(caller.take_number(), kStart + seconds(1), 3);
  caller.sent(caller.take_number(), kNever, 4);
  CHECK(caller.deadline() == kStart + seconds(1));
  caller.expire(kStart + seconds(1) - Duration(1));
  CHECK(caller.take_end() == nullptr);
  caller.expire(kStart + seconds(2));
  CHECK(code_of(caller.take_end()) == "2 timeout");
  CHECK(code_of(caller.take_end()) == "1 timeout");
  CHECK(caller.take_end() == nullptr);
  CHECK(caller.deadline() == kNever);
  caller.limit(3, kStart + seconds(3));
  CHECK(caller.deadline() == kStart + seconds(3));
  caller.limit(3, kStart + seconds(4));  // later than it ends anyway
  CHECK(caller.deadline() == kStart + seconds(3));
  caller.forget(3);
  CHECK(caller.deadline() == kNever);
  CHECK_FALSE(caller.is_open(3));
}

TEST_CASE("Requests are numbered, and a cancel, an answer or a break ends them") {
  Server server;
  Item first = request("h.1");
  Item second = request("h.2", true);
  Item third = request("h.3");
  CHECK(server.on_item(first));
  CHECK(server.on_item(second));
  CHECK(server.on_item(third));
  CHECK(third.number == 3);
  REQUIRE(server.find(2) != nullptr);
  CHECK(server.find(2)->streams);
  Item pause = with(ItemKind::pause, Pause{"h.2"});
  CHECK(server.on_item(pause));
  CHECK(server.find(2)->paused);
  Item resume = with(ItemKind::resume, Resume{"h.2"});
  CHECK(server.on_item(resume));
  CHECK_FALSE(server.find(2)->paused);

  Item cancel = with(ItemKind::canceled, Cancel{"h.1", "gone"});
  CHECK(server.on_item(cancel));
  CHECK(cancel.number == 1);
  CHECK_FALSE(server.on_item(cancel));
  CHECK(server.find(1) == nullptr);
  CHECK(server.was_given(1));
  CHECK_FALSE(server.was_given(4));
  CHECK_FALSE(server.was_given(0));

  server.answered(3);
  Item late = with(ItemKind::canceled, Cancel{"h.3", "timeout"});
  CHECK_FALSE(server.on_item(late));

  server.on_break();
  const Item* lost = server.take_lost();
  REQUIRE(lost != nullptr);
  CHECK(lost->number == 2);
  CHECK(std::get<Cancel>(lost->call).reason == "lost");
  CHECK(server.take_lost() == nullptr);
  CHECK_FALSE(server.on_item(pause));
}

TEST_CASE("No more requests are open than a hub may give") {
  Server server;
  for (size_t i = 0; i < kMaxSlots; ++i) {
    Item item = request("h." + std::to_string(i));
    REQUIRE(server.on_item(item));
  }
  Item above = request("h.x");
  CHECK_FALSE(server.on_item(above));
  server.answered(1);
  CHECK(server.on_item(above));
}

TEST_CASE("What is provided is said again in groups, with the newest slots and priority") {
  Server server;
  Provide many;
  for (size_t i = 0; i < kMaxTasksInProvide; ++i) many.tasks.push_back("t" + std::to_string(i));
  server.provide(many);
  Provide more;
  more.tasks = {"t1", "u"};
  more.slots = 3;
  more.priority = -1;
  server.provide(more);
  auto said = server.provided();
  REQUIRE(said.size() == 2);
  CHECK(said[0].tasks.size() == kMaxTasksInProvide);
  CHECK(said[1].tasks == std::vector<std::string>{"u"});
  CHECK(said[0].slots == 3);
  CHECK(said[1].priority == -1);
  server.unprovide({"u"});
  CHECK(server.provided().size() == 1);
  server.unprovide({});
  CHECK(server.provided().empty());
}

TEST_CASE("JSON of a user's becomes one line, and one value") {
  CallFrame frame;
  auto build = [&](std::string_view json) -> std::string {
    if (auto fault = frame.take_json("result", json)) return *fault;
    Response message;
    message.id = "h.1";
    message.result = frame.json();
    if (auto fault = frame.encode(message, "result")) return *fault;
    return std::string(frame.text());
  };
  CHECK(build(" {\"a\":\n1.10} ") == "{\"type\":\"response\",\"id\":\"h.1\",\"result\":{\"a\": 1.10}}\n");
  CHECK(build("") == "{\"type\":\"response\",\"id\":\"h.1\",\"result\":null}\n");
  CHECK(build(R"(1,"error":{})") == "result is more than one JSON value");
  CHECK(build("{").starts_with("result: "));
  CHECK(build("\"\n\"").starts_with("result: "));
  CHECK(build("\"\xff\"").starts_with("result: "));
  // The cap, and one byte above it.
  size_t around = build("1").size() - 1;
  std::string most(kMaxFrameBytes - around, '1');
  CHECK(build(most).size() == kMaxFrameBytes);
  CHECK(build(most + "1").find("the limit is 1048576") != std::string::npos);
}

}  // namespace
}  // namespace bus::sdk
