// Delivery's lanes, with sockets that take what the test says; what events do is hub_core_test's.
#include "hub/core/delivery/delivery.h"

#include <string>
#include <vector>

#include "tests/support/catch.h"

using namespace bus;
using namespace bus::hub;

namespace {

struct Socket : Transport {
  size_t write(PeerId, std::string_view bytes) noexcept override {
    size_t taken = std::min(room, bytes.size());
    got += bytes.substr(0, taken);
    room -= taken;
    return taken;
  }
  std::shared_ptr<char> shared_buffer(size_t) noexcept override { return nullptr; }
  size_t send_shared(PeerId, const std::vector<std::string_view>&) noexcept override { return 0; }
  std::string take() { return std::exchange(got, {}); }

  size_t room = SIZE_MAX;
  std::string got;
};

struct Owner : OutgoingOwner {
  void output_changed(Outgoing&) override {}
  void lost_events(Outgoing&) override {}
  void give_up(Outgoing& peer, Notice::Kind, std::string) override { peer.abandoned = true; }
  void refused_memory(Outgoing&, Pool) override {}
  void for_each(const std::function<void(Outgoing&)>&) override {}
};

// Gives lines "NAME1\n", "NAME2\n", …, one at a time.
struct Lines : Feed {
  Lines(std::string its_name, int its_count) : name(std::move(its_name)), count(its_count) {}
  bool render(std::string& out, size_t) override {
    ++asked;
    out += name + std::to_string(asked) + "\n";
    return asked < count;
  }
  std::string name;
  int count;
  int asked = 0;
  std::optional<Pool> pool() const override { return Pool::replies; }
};

struct Bench {
  Bench()
      : ledger(*Budget::of(config.memory, config.max_connections), config.max_connections,
               config.uid_share_percent, 1000),
        budget(socket),
        delivery(config, socket, ledger, budget, deadlines, owner) {
    peer.id = 1;
    peer.account = &ledger.account(1000);
  }
  // The socket takes so much more.
  void give(size_t bytes) {
    socket.room = bytes;
    delivery.flush(peer);
    delivery.end_turn();
  }

  HubConfig config;
  Socket socket;
  Ledger ledger;
  TurnBudget budget;
  Deadlines deadlines;
  Owner owner;
  Delivery delivery;
  Outgoing peer;
};

const std::string kEvent = R"({"type":"event","event_type":"t","payload":1})"
                           "\n";
constexpr size_t kSeqAt = 32;
const std::string kNumbered = R"({"type":"event","event_type":"t","seq":1,"payload":1})"
                              "\n";

}  // namespace

TEST_CASE("A feed is asked while the socket has room, and only then") {
  Bench bench;
  Lines lines("line", 3);
  bench.socket.room = 0;
  bench.delivery.feed(bench.peer, lines);
  CHECK(bench.peer.has_output());
  CHECK(lines.asked == 0);
  bench.delivery.end_turn();
  CHECK(lines.asked == 1);
  bench.give(8);
  CHECK(bench.socket.take() == "line1\nli");
  CHECK(lines.asked == 2);
  bench.give(100);
  CHECK(bench.socket.take() == "ne2\nline3\n");
  CHECK_FALSE(bench.peer.has_output());
}

TEST_CASE("Feeds of one peer take turns") {
  Bench bench;
  Lines a("a", 3);
  Lines b("b", 2);
  bench.delivery.feed(bench.peer, a);
  bench.delivery.feed(bench.peer, b);
  bench.delivery.end_turn();
  CHECK(bench.socket.take() == "a1\nb1\na2\nb2\na3\n");
}

TEST_CASE("Replies go ahead of events, and both ahead of feeds; but no frame is put into another") {
  Bench bench;
  Lines lines("line", 4);
  bench.delivery.feed(bench.peer, lines);
  bench.socket.room = 3;
  bench.delivery.end_turn();
  CHECK(bench.socket.take() == "lin");
  Subscribers consumers{&bench.peer};
  bench.delivery.event(consumers, kEvent, kSeqAt);
  bench.delivery.end_turn();
  bench.delivery.reply(bench.peer, "reply\n");
  bench.delivery.end_turn();
  CHECK(bench.socket.take().empty());
  bench.give(1000);
  CHECK(bench.socket.take() == "e1\nreply\n" + kNumbered + "line2\nline3\nline4\n");
}

TEST_CASE("What a feed gives is of any size, and is no unread reply") {
  Bench bench;
  struct Large : Feed {
    bool render(std::string& out, size_t) override {
      out.assign(1'000'000, 'x');
      out += '\n';
      return false;
    }
    std::optional<Pool> pool() const override { return Pool::replies; }
  } large;
  bench.socket.room = 10;
  bench.delivery.feed(bench.peer, large);
  bench.delivery.end_turn();
  bench.delivery.reply(bench.peer, std::string(kMaxControlBytes - 1, 'r') + "\n");
  bench.delivery.end_turn();
  CHECK_FALSE(bench.peer.abandoned);
  bench.give(SIZE_MAX);
  std::string got = bench.socket.take();
  CHECK(got.size() == 1'000'001 + kMaxControlBytes);
  CHECK(got.find('r') == 1'000'001);
}

TEST_CASE("A reply that is not written in time gives its peer up, unless its socket takes it now") {
  Bench bench;
  TimePoint by = TimePoint{} + seconds(5);
  bench.socket.room = 0;
  bench.delivery.reply(bench.peer, "reply\n", by);
  bench.delivery.end_turn();
  CHECK(bench.deadlines.next() == by);
  bench.socket.room = 100;
  bench.deadlines.expire(by, {1});
  CHECK(bench.socket.take() == "reply\n");
  CHECK_FALSE(bench.peer.abandoned);
  CHECK(bench.deadlines.next() == kNever);

  bench.socket.room = 0;
  bench.delivery.reply(bench.peer, "reply\n", by);
  bench.delivery.end_turn();
  bench.deadlines.expire(by, {1});
  CHECK(bench.peer.abandoned);
}
