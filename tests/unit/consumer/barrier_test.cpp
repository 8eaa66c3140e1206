// Barrier: what it asks, and what answers it.
#include "consumer/src/barrier.h"

#include "tests/support/catch.h"

namespace bus::sdk {
namespace {

Hello consumer(const std::string& key, const std::string& subscription = {}) {
  Hello hello;
  hello.event_key = key;
  hello.subscription_id = subscription;
  return hello;
}

Item acked() {
  Item item;
  item.kind = ItemKind::check_ack;
  return item;
}

Item refused(uint64_t frame) {
  Item item;
  item.kind = ItemKind::refused;
  item.error.frame = frame;
  return item;
}

TEST_CASE("A barrier never asks about the connection's own scope") {
  const char* asked = "{\"type\":\"pre_shutdown_check\",\"event_key\":\"barrier\"}\n";
  CHECK(Barrier(consumer("k")).question(2) == asked);
  CHECK(Barrier(consumer("barrier", "s")).question(2) == asked);
  const char* other = "{\"type\":\"pre_shutdown_check\",\"event_key\":\"another barrier\"}\n";
  CHECK(Barrier(consumer("barrier")).question(2) == other);
  CHECK(Barrier(consumer("k", "barrier")).question(2) == other);
  // A source has no scope, so that none is its own.
  Hello source;
  source.role = Role::source;
  CHECK(Barrier(source).question(2) == "{\"type\":\"pre_shutdown_check\",\"event_key\":\"\"}\n");
}

TEST_CASE("A hub with calls is asked by a call of bus.sync, whose id no call of a user has") {
  Barrier barrier(consumer("k"));
  barrier.use_calls(true);
  CHECK(barrier.question(7) ==
        "{\"type\":\"request\",\"id\":\"sync-7\",\"task\":\"bus.sync\",\"args\":null}\n");
  barrier.asked(7);
  Item answer;
  answer.kind = ItemKind::call_end;
  answer.call = Response{.id = "7", .others = {}, .result = {}, .error = {}};
  CHECK(barrier.take_answer(answer) == 0);
  answer.call = Response{.id = "sync-7", .others = {}, .result = {}, .error = {}};
  CHECK(barrier.take_answer(answer) == 7);
  barrier.use_calls(false);
  CHECK(barrier.question(9).find("pre_shutdown_check") != std::string::npos);
}

TEST_CASE("Answers are taken in the order of the questions, and no other item is one") {
  Barrier barrier(consumer("k"));
  CHECK_FALSE(barrier.is_open());
  CHECK(barrier.take_answer(acked()) == 0);
  barrier.asked(3);
  barrier.asked(9);
  CHECK(barrier.last() == 9);
  CHECK(barrier.take_answer(refused(2)) == 0);
  CHECK(barrier.take_answer(refused(9)) == 0);
  CHECK(barrier.take_answer(Item{}) == 0);
  CHECK(barrier.take_answer(refused(3)) == 3);
  CHECK(barrier.take_answer(acked()) == 9);
  CHECK_FALSE(barrier.is_open());
  barrier.asked(12);
  barrier.clear();
  CHECK(barrier.take_answer(acked()) == 0);
}

}  // namespace
}  // namespace bus::sdk
