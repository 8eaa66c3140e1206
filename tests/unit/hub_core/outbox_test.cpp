#include "hub/core/outbox.h"

#include <memory>
#include <string>

#include "tests/support/catch.h"

using namespace bus;
using namespace bus::hub;

namespace {

// {"a"|} with the seq at the bar.
FramePtr frame(const std::string& name, size_t padding = 0) {
  auto out = std::make_shared<Frame>();
  out->bytes = "{\"" + name + "\"";
  out->seq_at = out->bytes.size();
  out->bytes += std::string(padding, ' ') + "}\n";
  return out;
}

FramePtr plain(const std::string& line) { return std::make_shared<const Frame>(Frame{line, 0}); }

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
  for (int i = 0; i < 11; ++i) outbox.push_event(frame("a"), kWide);
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
  CHECK(outbox.push_event(frame("a"), two) == 0);
  CHECK(outbox.push_event(frame("b"), two) == 0);
  CHECK(outbox.is_full_for(*frame("c"), two));
  CHECK(outbox.push_event(frame("c"), two) == 1);
  check_balance(outbox);
  CHECK(drain(outbox) == "{\"b\",\"seq\":2}\n{\"c\",\"seq\":3}\n");
  CHECK(outbox.dropped() == 1);
}

TEST_CASE("Outbox counts bytes as they go over the wire, and drops at one byte above the limit") {
  size_t one = std::string("{\"a\",\"seq\":1}\n").size();
  {
    Outbox outbox;
    QueueLimits exact{100, 2 * one};
    CHECK(outbox.push_event(frame("a"), exact) == 0);
    CHECK(outbox.push_event(frame("b"), exact) == 0);
    CHECK(outbox.queued_bytes() == 2 * one);
  }
  {
    Outbox outbox;
    QueueLimits one_less{100, 2 * one - 1};
    CHECK(outbox.push_event(frame("a"), one_less) == 0);
    CHECK(outbox.push_event(frame("b"), one_less) == 1);
    CHECK(outbox.queued_bytes() == one);
  }
}

TEST_CASE("Outbox drops as many frames as a large one needs") {
  Outbox outbox;
  QueueLimits limits{100, 100};
  for (int i = 0; i < 5; ++i) outbox.push_event(frame("a"), limits);
  CHECK(outbox.push_event(frame("big", 60), limits) == 4);
  check_balance(outbox);
  CHECK(outbox.queued() == 2);
}

TEST_CASE("Outbox never drops a frame that is partly written, nor tears it") {
  Outbox outbox;
  QueueLimits two{2, 1 << 20};
  outbox.push_event(frame("a"), two);
  outbox.push_event(frame("b"), two);
  std::string out;
  outbox.render(out, 1);
  outbox.advance(3);
  std::string seen = out.substr(0, 3);
  CHECK(outbox.push_event(frame("c"), two) == 1);
  CHECK(outbox.push_event(frame("d"), two) == 1);
  check_balance(outbox);
  seen += drain(outbox);
  CHECK(seen == "{\"a\",\"seq\":1}\n{\"d\",\"seq\":4}\n");
}

TEST_CASE("Outbox with room for one frame keeps the partly written one and the newest") {
  Outbox outbox;
  QueueLimits one{1, 1 << 20};
  outbox.push_event(frame("a"), one);
  outbox.advance(1);
  outbox.push_event(frame("b"), one);
  outbox.push_event(frame("c"), one);
  check_balance(outbox);
  CHECK(outbox.queued() == 2);
  CHECK(drain(outbox) == "\"a\",\"seq\":1}\n{\"c\",\"seq\":3}\n");
}

TEST_CASE("Outbox sends control replies ahead of events, but never inside a frame") {
  Outbox outbox;
  outbox.push_event(frame("a"), kWide);
  outbox.push_event(frame("b"), kWide);
  outbox.advance(4);
  outbox.push_control("{ack}\n", kNever);
  CHECK(drain(outbox) == ",\"seq\":1}\n{ack}\n{\"b\",\"seq\":2}\n");
}

TEST_CASE("Outbox goes on in the middle of a control reply although events came") {
  Outbox outbox;
  outbox.push_control("{ack}\n", kNever);
  outbox.advance(2);
  outbox.push_event(frame("a"), kWide);
  outbox.push_control("{two}\n", kNever);
  CHECK(drain(outbox) == "ck}\n{two}\n{\"a\",\"seq\":1}\n");
  CHECK(outbox.control_bytes() == 0);
}

TEST_CASE("Outbox written in pieces of any size gives the same bytes") {
  for (size_t piece = 1; piece < 40; ++piece) {
    Outbox outbox;
    for (const char* name : {"a", "bb", "ccc"}) outbox.push_event(frame(name), kWide);
    outbox.push_control("{ack}\n", kNever);
    outbox.push_best_effort(plain("{status}\n"), kWide);
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
  outbox.push_event(frame("a"), two);
  CHECK(outbox.push_best_effort(plain("{s}\n"), two));
  CHECK_FALSE(outbox.push_best_effort(plain("{t}\n"), two));
  CHECK(outbox.queued() == 1);
  CHECK(outbox.received() == 1);
  CHECK(drain(outbox) == "{\"a\",\"seq\":1}\n{s}\n");
  CHECK(outbox.delivered() == 1);
}

TEST_CASE("Outbox may evict a best-effort frame for an event, and does not count it as a loss") {
  Outbox outbox;
  QueueLimits one{1, 1 << 20};
  outbox.push_best_effort(plain("{s}\n"), one);
  CHECK(outbox.push_event(frame("a"), one) == 0);
  CHECK(outbox.dropped() == 0);
  CHECK(drain(outbox) == "{\"a\",\"seq\":1}\n");
}

TEST_CASE("Outbox bounds unread control replies, but for a single one") {
  Outbox outbox;
  CHECK(outbox.has_room_for_control(kMaxControlBytes * 4));
  outbox.push_control(std::string(kMaxControlBytes - 10, 'x'), kNever);
  CHECK(outbox.has_room_for_control(10));
  CHECK_FALSE(outbox.has_room_for_control(11));
}

TEST_CASE("Outbox knows the deadline of its oldest control reply that has one") {
  Outbox outbox;
  TimePoint t = TimePoint{} + seconds(5);
  CHECK(outbox.control_deadline() == kNever);
  outbox.push_control("{error}\n", kNever);
  CHECK(outbox.control_deadline() == kNever);
  outbox.push_control("{ack}\n", t);
  outbox.push_control("{ack}\n", t + seconds(1));
  CHECK(outbox.control_deadline() == t);
  outbox.advance(8 + 6);
  CHECK(outbox.control_deadline() == t + seconds(1));
  outbox.advance(6);
  CHECK(outbox.control_deadline() == kNever);
}
