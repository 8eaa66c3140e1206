// The adapters of consumer/examples/loops, each with a consumer and a source in one loop: what was held back
// is sent without anybody's help, a flood is taken in turns, and an end ends.
#include <algorithm>
#include <busd/consumer.hpp>
#include <functional>
#include <poll.h>
#include <string>
#include <unistd.h>

#include <event2/event.h>

#include "consumer/examples/loops/libevent_host.hpp"
#include "consumer/examples/loops/poll_host.hpp"
#include "consumer/examples/loops/turn.hpp"
#include "tests/integration/sdk_support.h"
#include "tests/support/hub_fixture.h"

#ifdef BUSD_HAS_ASIO
#include "consumer/examples/loops/asio_host.hpp"
#endif
#ifdef BUSD_HAS_GLIB
// A header in C has casts of C.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#include "consumer/examples/loops/glib_host.h"
#pragma GCC diagnostic pop
#endif

namespace bus::test {
namespace {

constexpr long kFlood = 4 * busd::loops::kItemsPerTurn + 1;

// A source that holds its events back, and a consumer of them.
struct Pair {
  explicit Pair(HubProcess& hub)
      : consumer(open_consumer(consumer_options(hub.socket(), "k"))),
        source(open_source({.socket = hub.socket(), .no_start = true, .hold_bytes = 1'000'000})) {
    for (long n = 0; n < kFlood; ++n) REQUIRE(source.publish("t", std::to_string(n)));
  }

  bool hear() {
    ++turns;
    long before = heard;
    bool more = busd::loops::take_items(
        consumer,
        [this](const busd::Item& item) {
          in_order = in_order && item.is_event() && item.event().payload() == std::to_string(heard);
          return ++heard < kFlood;
        },
        [this](const busd::Error& error) { end = error.result; });
    longest_turn = std::max(longest_turn, heard - before);
    return more;
  }
  bool speak() {
    return busd::loops::process(
        source, [](const busd::Error&) {}, [this](const busd::Error& error) { end = error.result; });
  }
  void check_heard_all() const {
    CHECK(heard == kFlood);
    CHECK(in_order);
    CHECK(turns >= 5);
    CHECK(longest_turn <= busd::loops::kItemsPerTurn);
    CHECK(end == BUSD_OK);
  }

  busd::Consumer consumer;
  busd::Source source;
  long heard = 0;
  long turns = 0;
  long longest_turn = 0;
  bool in_order = true;
  busd_result end = BUSD_OK;
};

// What a refused consumer hears of its end; `run` hosts it until then.
template <class Run>
void check_end(Run run) {
  HubProcess hub;
  auto options = consumer_options(hub.socket(), "k");
  options.no_reconnect = true;
  auto consumer = open_consumer(std::move(options));
  busd_result end = BUSD_OK;
  hub.stop();
  run(consumer, [&] {
    return busd::loops::take_items(
        consumer, [](const busd::Item&) { return true; },
        [&](const busd::Error& error) { end = error.result; });
  });
  CHECK(end == BUSD_CLOSED);
}

template <class Action>
void with_libevent(Action action) {
  event_base* base = event_base_new();
  action(base);
  event_base_free(base);
}

TEST_CASE("In libevent's loop a source sends what it held, and a consumer takes a flood in turns",
          "[libevent]") {
  HubProcess hub;
  Pair pair(hub);
  with_libevent([&](event_base* base) {
    busd::loops::LibeventHost speaks(base, pair.source, [&] { return pair.speak(); });
    busd::loops::LibeventHost hears(base, pair.consumer, [&] {
      if (pair.hear()) return true;
      event_base_loopbreak(base);
      return false;
    });
    event_base_dispatch(base);
  });
  pair.check_heard_all();
}

TEST_CASE("libevent's loop ends with its last client", "[libevent]") {
  check_end([](busd::Consumer& consumer, const std::function<bool()>& turn) {
    with_libevent([&](event_base* base) {
      busd::loops::LibeventHost host(base, consumer, turn);
      event_base_dispatch(base);
    });
  });
}

TEST_CASE("In a loop of poll a source sends what it held, and a consumer takes a flood in turns", "[poll]") {
  HubProcess hub;
  Pair pair(hub);
  busd::loops::PollHost loop;
  loop.add(pair.source, [&] { return pair.speak(); });
  loop.add(pair.consumer, [&] {
    if (pair.hear()) return true;
    loop.stop();
    return false;
  });
  CHECK(loop.run());
  pair.check_heard_all();
}

TEST_CASE("A loop of poll ends with its last client, and takes other descriptors", "[poll]") {
  check_end([](busd::Consumer& consumer, const std::function<bool()>& turn) {
    busd::loops::PollHost loop;
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    Fd out(pipe_ends[0]);
    Fd in(pipe_ends[1]);
    // Added from a turn, and the last of the loop.
    loop.add(consumer, [&] {
      if (turn()) return true;
      loop.add(out.get(), POLLIN, [&] {
        char got = 0;
        CHECK(::read(out.get(), &got, 1) == 1);
        CHECK(got == 'x');
        return false;
      });
      CHECK(::write(in.get(), "x", 1) == 1);
      return false;
    });
    CHECK(loop.run());
    in.reset();
    char left = 0;
    CHECK(::read(out.get(), &left, 1) == 0);
  });
}

#ifdef BUSD_HAS_ASIO
TEST_CASE("In Asio's loop a source sends what it held, and a consumer takes a flood in turns", "[asio]") {
  HubProcess hub;
  Pair pair(hub);
  asio::io_context context;
  busd::loops::AsioHost speaks(context, pair.source, [&] { return pair.speak(); });
  busd::loops::AsioHost hears(context, pair.consumer, [&] {
    if (pair.hear()) return true;
    context.stop();
    return false;
  });
  context.run();
  pair.check_heard_all();
}

TEST_CASE("Asio's loop ends with its last client", "[asio]") {
  check_end([](busd::Consumer& consumer, const std::function<bool()>& turn) {
    asio::io_context context;
    busd::loops::AsioHost host(context, consumer, turn);
    context.run();
  });
}

TEST_CASE("A client may leave Asio's loop while it is due", "[asio]") {
  HubProcess hub;
  Pair pair(hub);
  REQUIRE(pair.source.process());
  asio::io_context context;
  long turns = 0;
  {
    busd::loops::AsioHost host(context, pair.consumer, [&] { return ++turns > 0; });
    while (turns == 0) context.run_one();
  }
  long before = turns;
  context.run();
  CHECK(turns == before);
  // The descriptor stays the consumer's.
  CHECK(pair.hear());
}
#endif

#ifdef BUSD_HAS_GLIB
gboolean call(gpointer turn) { return (*static_cast<std::function<bool()>*>(turn))() ? TRUE : FALSE; }

void attach(GSource* host, std::function<bool()>& turn) {
  g_source_set_callback(host, call, &turn, nullptr);
  g_source_attach(host, nullptr);
}

TEST_CASE("In GLib's loop a source sends what it held, and a consumer takes a flood in turns", "[glib]") {
  HubProcess hub;
  Pair pair(hub);
  GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
  std::function<bool()> speak = [&] { return pair.speak(); };
  std::function<bool()> hear = [&] {
    if (pair.hear()) return true;
    g_main_loop_quit(loop);
    return false;
  };
  GSource* speaks = busd_glib_host_source(pair.source.handle());
  GSource* hears = busd_glib_host_consumer(pair.consumer.handle());
  attach(speaks, speak);
  attach(hears, hear);
  g_main_loop_run(loop);
  pair.check_heard_all();
  CHECK(g_source_is_destroyed(hears));
  g_source_unref(hears);
  g_source_destroy(speaks);
  g_source_unref(speaks);
  g_main_loop_unref(loop);
}

TEST_CASE("A consumer in GLib's loop that has nothing to do does not keep it busy", "[glib]") {
  HubProcess hub;
  auto consumer = open_consumer(consumer_options(hub.socket(), "k"));
  long turns = 0;
  std::function<bool()> turn = [&] {
    ++turns;
    return busd::loops::take_items(
        consumer, [](const busd::Item&) { return true; }, [](const busd::Error&) {});
  };
  GSource* host = busd_glib_host_consumer(consumer.handle());
  attach(host, turn);
  // An iteration that would not wait answers whether anything was due.
  while (g_main_context_iteration(nullptr, FALSE)) {
  }
  long before = turns;
  // One that waits ends for the timer, and not because something woke the loop.
  guint timer = g_timeout_add(
      5, [](gpointer) -> gboolean { return TRUE; }, nullptr);
  for (int n = 0; n < 3; ++n) CHECK(g_main_context_iteration(nullptr, TRUE));
  g_source_remove(timer);
  CHECK(turns == before);
  {
    auto source = source_for(hub.socket());
    publish(source, "t", "1");
  }
  CHECK(g_main_context_iteration(nullptr, TRUE));
  CHECK(turns == before + 1);
  g_source_destroy(host);
  g_source_unref(host);
}
#endif

}  // namespace
}  // namespace bus::test
