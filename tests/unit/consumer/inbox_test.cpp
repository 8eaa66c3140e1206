// Inbox: items survive the bytes that they came in, in order, and within the bounds.
#include "consumer/src/inbox.h"

#include <memory>
#include <string>

#include "consumer/src/client_core.h"
#include "tests/support/catch.h"

namespace bus::sdk {
namespace {

// Keeps all items of `lines`, which come from a core whose memory is gone when this returns.
void keep_all(Inbox& inbox, const std::string& lines) {
  Hello hello;
  hello.event_key = "k";
  auto core = std::make_unique<ClientCore>(hello);
  core->connected(TimePoint() + seconds(1));
  auto bytes = std::make_unique<std::string>(
      R"({"type":"hello_ack","bus_version":"v1","first_for_key":true,"capabilities":[]})"
      "\n" +
      lines);
  core->receive(*bytes);
  while (const Item* item = core->next()) inbox.keep(*item);
}

TEST_CASE("Kept items are handed out in order, with all that they say") {
  Inbox inbox;
  CHECK(inbox.take() == nullptr);
  keep_all(inbox, R"({"type":"event","event_type":"t","seq":1,"payload":{"a":1.10}})"
                  "\n"
                  R"({"type":"event","event_type":"\u0074","event_id":"i","seq":4,"x":[1],"payload":2})"
                  "\n"
                  R"({"type":"source_status","source":"s","state":"connected","detail":"d"})"
                  "\n"
                  R"({"type":"error","code":"bad_frame","message":"no","frame":2})"
                  "\n");
  const Item* item = inbox.take();
  REQUIRE(item != nullptr);
  CHECK(item->kind == ItemKind::reset);
  CHECK(item->first);
  item = inbox.take();
  REQUIRE(item != nullptr);
  REQUIRE(item->kind == ItemKind::event);
  CHECK(item->frame == R"({"type":"event","event_type":"t","seq":1,"payload":{"a":1.10}})");
  CHECK(item->event->payload_token == R"({"a":1.10})");
  item = inbox.take();
  REQUIRE(item != nullptr);
  REQUIRE(item->kind == ItemKind::lost);
  CHECK(item->lost_count == 2);
  item = inbox.take();
  REQUIRE(item != nullptr);
  REQUIRE(item->kind == ItemKind::event);
  CHECK(item->event->event_type == "t");
  CHECK(item->event->seq == 4U);
  REQUIRE(item->event->others.size() == 1);
  CHECK(item->event->others[0].value_token == "[1]");
  item = inbox.take();
  REQUIRE(item != nullptr);
  CHECK(item->status.source == "s");
  CHECK(item->status.detail == "d");
  item = inbox.take();
  REQUIRE(item != nullptr);
  CHECK(item->error.message == "no");
  CHECK(inbox.take() == nullptr);
  CHECK(inbox.empty());
}

TEST_CASE("An inbox is full at its bound, and no more so when items were taken") {
  Inbox inbox;
  std::string frame =
      R"({"type":"event","event_type":"t","seq":1,"payload":")" + std::string(1'000'000, 'x') + "\"}";
  Item item;
  item.frame = frame;
  for (int n = 0; n < 8; ++n) {
    CHECK_FALSE(inbox.full());
    inbox.keep(item);
  }
  CHECK_FALSE(inbox.full());
  inbox.keep(item);
  CHECK(inbox.full());
  REQUIRE(inbox.take() != nullptr);
  CHECK_FALSE(inbox.full());
  inbox.keep(item);
  CHECK(inbox.full());
  inbox.clear();
  CHECK_FALSE(inbox.full());
  CHECK(inbox.empty());
}

TEST_CASE("Refusals beyond their number are not kept, and other items still are") {
  Inbox inbox;
  Item refusal;
  refusal.kind = ItemKind::refused;
  for (size_t n = 0; n < kMaxRefusalsKept + 5; ++n) inbox.keep(refusal);
  Item lost;
  lost.kind = ItemKind::lost;
  inbox.keep(lost);
  for (size_t n = 0; n < kMaxRefusalsKept; ++n) REQUIRE(inbox.take()->kind == ItemKind::refused);
  CHECK(inbox.take()->kind == ItemKind::lost);
  CHECK(inbox.take() == nullptr);
}

TEST_CASE("Values are kept with all that they say, and count against the bound") {
  Inbox inbox;
  keep_all(inbox, R"({"type":"value","watch":"3","key":"a","version":7,"rev":9,"age_ms":5,"value":[1.0]})"
                  "\n"
                  R"({"type":"synced","watch":"3","rev":9,"epoch":"e","keys":1})"
                  "\n");
  REQUIRE(inbox.take()->kind == ItemKind::reset);
  const Item* item = inbox.take();
  REQUIRE(item->kind == ItemKind::value);
  CHECK(item->number == 3);
  REQUIRE(item->news.keys.size() == 1);
  CHECK(item->news.keys[0].key == "a");
  CHECK(item->news.keys[0].value == "[1.0]");
  item = inbox.take();
  REQUIRE(item->kind == ItemKind::synced);
  CHECK(item->news.epoch == "e");
  CHECK(inbox.take() == nullptr);

  Item large;
  large.kind = ItemKind::value;
  large.news.keys.resize(1);
  large.news.keys[0].value.assign(1'000'000, 'x');
  for (int n = 0; n < 8; ++n) inbox.keep(large);
  CHECK_FALSE(inbox.full());
  inbox.keep(large);
  CHECK(inbox.full());
  for (int n = 0; n < 9; ++n) REQUIRE(inbox.take() != nullptr);
  CHECK_FALSE(inbox.full());
}

}  // namespace
}  // namespace bus::sdk
