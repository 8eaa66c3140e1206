#include "hub/core/delivery/outbox.h"

#include <memory>
#include <string>

#include "tests/support/catch.h"

using namespace bus;
using namespace bus::hub;

namespace {

// {"a"|} with the seq at the bar.
BlockPtr event(const std::string& name, size_t padding = 0) {
  std::string head = "{\"" + name + "\"";
  return block_of_line(head + std::string(padding, ' ') + "}\n", head.size());
}

// Several events as one block: {"a"|}, {"b"|}, …
BlockPtr events(const std::string& names) {
  std::string lines;
  std::vector<Block::Frame> frames;
  for (char name : names) {
    lines += std::string("{\"") + name + "\"}\n";
    frames.push_back({static_cast<uint32_t>(lines.size()), 4});
  }
  return block_of(lines, frames);
}

size_t push(Outbox& outbox, const BlockPtr& block, const QueueLimits& limits) {
  return outbox.push_events(block, 0, block->frames.size(), limits);
}

std::string drain(Outbox& outbox, size_t want = 1 << 20) {
  std::string out;
  outbox.render(out, want);
  outbox.advance(out.size());
  return out;
}

void check_balance(const Outbox& outbox) {
  CHECK(outbox.received() == outbox.delivered() + outbox.queued() + outbox.dropped());
}

constexpr QueueLimits kWide{1000, 1 << 20};

}  // namespace

TEST_CASE("Outbox stamps seq from 1 and inserts it where the frame says") {
  Outbox outbox;
  for (int i = 0; i < 11; ++i) push(outbox, event("a"), kWide);
  std::string out = drain(outbox);
  CHECK(out.substr(0, 24) == "{\"a\",\"seq\":1}\n{\"a\",\"seq\"");
  CHECK(out.substr(out.size() - 15) == "{\"a\",\"seq\":11}\n");
  CHECK(outbox.empty());
  CHECK(outbox.delivered() == 11);
  check_balance(outbox);
}

TEST_CASE("Outbox drops the oldest frame when full, and only then") {
  Outbox outbox;
  QueueLimits two{2, 1 << 20};
  CHECK(push(outbox, event("a"), two) == 0);
  CHECK(push(outbox, event("b"), two) == 0);
  CHECK_FALSE(outbox.has_room_for(1, event("c")->bytes_of(0, 1), two));
  CHECK(push(outbox, event("c"), two) == 1);
  check_balance(outbox);
  CHECK(drain(outbox) == "{\"b\",\"seq\":2}\n{\"c\",\"seq\":3}\n");
  CHECK(outbox.dropped() == 1);
}

TEST_CASE("Outbox counts bytes as they go over the wire, and drops at one byte above the limit") {
  size_t one = std::string("{\"a\",\"seq\":1}\n").size();
  {
    Outbox outbox;
    QueueLimits exact{100, 2 * one};
    CHECK(push(outbox, event("a"), exact) == 0);
    CHECK(push(outbox, event("b"), exact) == 0);
    CHECK(outbox.queued_bytes() == 2 * one);
  }
  {
    Outbox outbox;
    QueueLimits one_less{100, 2 * one - 1};
    CHECK(push(outbox, event("a"), one_less) == 0);
    CHECK(push(outbox, event("b"), one_less) == 1);
    CHECK(outbox.queued_bytes() == one);
  }
}

TEST_CASE("Outbox knows what fits without dropping, to the byte") {
  Outbox outbox;
  QueueLimits limits{3, 3 * 14};
  CHECK(outbox.has_room_for(3, 3 * 6, limits));
  CHECK_FALSE(outbox.has_room_for(3, 3 * 6 + 1, limits));
  CHECK_FALSE(outbox.has_room_for(4, 4, limits));
}

TEST_CASE("Outbox drops the oldest of many events at once, as if they had come one by one") {
  for (size_t limit = 1; limit <= 9; ++limit) {
    Outbox one_by_one;
    Outbox at_once;
    QueueLimits limits{limit, 1 << 20};
    for (const char* names : {"abc", "defgh", "i"}) {
      BlockPtr block = events(names);
      for (size_t i = 0; i < block->frames.size(); ++i) one_by_one.push_events(block, i, i + 1, limits);
      push(at_once, block, limits);
      CHECK(at_once.queued_bytes() == one_by_one.queued_bytes());
      CHECK(at_once.dropped() == one_by_one.dropped());
      check_balance(at_once);
    }
    CHECK(drain(at_once) == drain(one_by_one));
  }
}

TEST_CASE("Outbox queues a part of a block") {
  Outbox outbox;
  outbox.push_events(events("abcd"), 1, 3, kWide);
  CHECK(outbox.queued() == 2);
  CHECK(drain(outbox) == "{\"b\",\"seq\":1}\n{\"c\",\"seq\":2}\n");
}

TEST_CASE("Outbox keeps the partial event of a block and drops those behind it") {
  Outbox outbox;
  QueueLimits two{2, 1 << 20};
  outbox.push_events(events("ab"), 0, 2, two);
  outbox.advance(1);
  CHECK(push(outbox, events("cde"), two) == 3);
  check_balance(outbox);
  CHECK(outbox.queued() == 2);
  CHECK(drain(outbox) == "\"a\",\"seq\":1}\n{\"e\",\"seq\":5}\n");
}

TEST_CASE("Outbox counts events that did not wait, and goes on in the middle of one") {
  Outbox outbox;
  outbox.count_direct(8, 120);
  CHECK(outbox.next_seq() == 9);
  outbox.push_partial(events("ij"), 0, 6);
  outbox.push_events(events("ij"), 1, 2, kWide);
  check_balance(outbox);
  CHECK(outbox.delivered() == 8);
  CHECK(drain(outbox) == "seq\":9}\n{\"j\",\"seq\":10}\n");
  CHECK(outbox.received() == 10);
  CHECK(outbox.queued_bytes() == 0);
  // The whole of a partial event, and of the one behind it.
  CHECK(outbox.delivered_bytes() == 120 + std::string("{\"i\",\"seq\":9}\n{\"j\",\"seq\":10}\n").size());
}

TEST_CASE("Outbox drops as many frames as a large one needs") {
  Outbox outbox;
  QueueLimits limits{100, 100};
  for (int i = 0; i < 5; ++i) push(outbox, event("a"), limits);
  CHECK(push(outbox, event("big", 60), limits) == 4);
  check_balance(outbox);
  CHECK(outbox.queued() == 2);
}

TEST_CASE("Outbox never drops a frame that is partly written, nor tears it") {
  Outbox outbox;
  QueueLimits two{2, 1 << 20};
  push(outbox, event("a"), two);
  push(outbox, event("b"), two);
  std::string out;
  outbox.render(out, 1);
  outbox.advance(3);
  std::string seen = out.substr(0, 3);
  CHECK(push(outbox, event("c"), two) == 1);
  CHECK(push(outbox, event("d"), two) == 1);
  check_balance(outbox);
  seen += drain(outbox);
  CHECK(seen == "{\"a\",\"seq\":1}\n{\"d\",\"seq\":4}\n");
}

TEST_CASE("Outbox with room for one frame keeps the partly written one and the newest") {
  Outbox outbox;
  QueueLimits one{1, 1 << 20};
  push(outbox, event("a"), one);
  outbox.advance(1);
  push(outbox, event("b"), one);
  push(outbox, event("c"), one);
  check_balance(outbox);
  CHECK(outbox.queued() == 2);
  CHECK(drain(outbox) == "\"a\",\"seq\":1}\n{\"c\",\"seq\":3}\n");
}

TEST_CASE("Outbox sends control replies ahead of events, but never inside a frame") {
  Outbox outbox;
  push(outbox, event("a"), kWide);
  push(outbox, event("b"), kWide);
  outbox.advance(4);
  outbox.push_reply("{ack}\n", kNever);
  CHECK(drain(outbox) == ",\"seq\":1}\n{ack}\n{\"b\",\"seq\":2}\n");
}

TEST_CASE("Outbox goes on in the middle of a control reply although events came") {
  Outbox outbox;
  outbox.push_reply("{ack}\n", kNever);
  outbox.advance(2);
  push(outbox, event("a"), kWide);
  outbox.push_reply("{two}\n", kNever);
  CHECK(drain(outbox) == "ck}\n{two}\n{\"a\",\"seq\":1}\n");
  CHECK(outbox.replies().memory_bytes() == 0);
}

TEST_CASE("Outbox written in pieces of any size gives the same bytes") {
  for (size_t piece = 1; piece < 40; ++piece) {
    Outbox outbox;
    for (const char* name : {"a", "bb", "ccc"}) push(outbox, event(name), kWide);
    outbox.push_reply("{ack}\n", kNever);
    outbox.push_best_effort(block_of_line("{status}\n"), kWide);
    std::string seen;
    while (!outbox.empty()) {
      std::string out;
      outbox.render(out, 7);
      size_t taken = std::min(piece, out.size());
      seen.append(out, 0, taken);
      outbox.advance(taken);
      check_balance(outbox);
    }
    CHECK(seen == "{ack}\n{\"a\",\"seq\":1}\n{\"bb\",\"seq\":2}\n{\"ccc\",\"seq\":3}\n{status}\n");
    CHECK(outbox.queued_bytes() == 0);
  }
}

TEST_CASE("Outbox queues a best-effort frame only when there is room, and evicts nothing for it") {
  Outbox outbox;
  QueueLimits two{2, 1 << 20};
  push(outbox, event("a"), two);
  CHECK(outbox.push_best_effort(block_of_line("{s}\n"), two));
  CHECK_FALSE(outbox.push_best_effort(block_of_line("{t}\n"), two));
  CHECK(outbox.queued() == 1);
  CHECK(outbox.received() == 1);
  CHECK(drain(outbox) == "{\"a\",\"seq\":1}\n{s}\n");
  CHECK(outbox.delivered() == 1);
}

TEST_CASE("Outbox may evict a best-effort frame for an event, and does not count it as a loss") {
  Outbox outbox;
  QueueLimits one{1, 1 << 20};
  outbox.push_best_effort(block_of_line("{s}\n"), one);
  CHECK(push(outbox, event("a"), one) == 0);
  CHECK(outbox.dropped() == 0);
  CHECK(drain(outbox) == "{\"a\",\"seq\":1}\n");
}

TEST_CASE("Outbox bounds unread control replies, but for a single one") {
  Outbox outbox;
  CHECK(outbox.replies().has_room_for(kMaxControlBytes * 4));
  outbox.push_reply(std::string(kMaxControlBytes - 10, 'x'), kNever);
  CHECK(outbox.replies().has_room_for(10));
  CHECK_FALSE(outbox.replies().has_room_for(11));
}

TEST_CASE("Outbox knows the deadline of its oldest control reply that has one") {
  Outbox outbox;
  TimePoint t = TimePoint{} + seconds(5);
  CHECK(outbox.replies().deadline() == kNever);
  outbox.push_reply("{error}\n", kNever);
  CHECK(outbox.replies().deadline() == kNever);
  outbox.push_reply("{ack}\n", t);
  outbox.push_reply("{ack}\n", t + seconds(1));
  CHECK(outbox.replies().deadline() == t);
  outbox.advance(8 + 6);
  CHECK(outbox.replies().deadline() == t + seconds(1));
  outbox.advance(6);
  CHECK(outbox.replies().deadline() == kNever);
}

TEST_CASE(
    "Outbox that forgets has nothing left to write, not even behind half an event, and counts what it "
    "dropped") {
  Outbox outbox;
  push(outbox, events("abc"), kWide);
  outbox.advance(3);
  outbox.push_reply("{reply}\n", kNever);
  CHECK(outbox.partial_bytes() == std::string("{\"a\",\"seq\":1}\n").size());
  outbox.forget();
  CHECK(outbox.empty());
  CHECK(drain(outbox).empty());
  CHECK(outbox.dropped() == 3);
  CHECK(outbox.replies().memory_bytes() == 0);
  CHECK(outbox.queued_bytes() == 0);
  check_balance(outbox);
}

TEST_CASE("Outbox gives a partial event memory of its own, and goes on where it was") {
  Outbox outbox;
  push(outbox, events("abcdefghij"), kWide);
  outbox.advance(3);
  CHECK(outbox.partial_holds() == 60);
  CHECK(outbox.droppable_bytes() == outbox.queued_bytes() - outbox.partial_bytes());
  outbox.drop_to(0);
  CHECK(outbox.partial_holds() == 60);
  outbox.isolate_partial({});
  CHECK(outbox.partial_holds() == 6);
  CHECK(drain(outbox) == "\",\"seq\":1}\n");
  CHECK(outbox.dropped() == 9);
  check_balance(outbox);
}
