#include "tests/faults/scenario.h"

#include <algorithm>
#include <csignal>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include "hub/log.h"
#include "tests/support/catch.h"
#include "tests/support/messages.h"

namespace bus::test {

namespace {

constexpr int kReaders = 4;  // from here on a rendering is shared (hub_core.h, Sharing)
constexpr size_t kLargeBytes = 60'000;
constexpr int kLargeEvents = 32;         // more than the stopped consumer's socket and its queue of 8 take
constexpr uint64_t kMostTurns = 20'000;  // of a whole play, which has some hundreds
constexpr uint64_t kMostEmptyTurns = 3;

// One play: who takes part, and how many events there were.
class Play {
 public:
  explicit Play(FaultyHub& hub) : hub_(hub), stage_(hub.socket()) {}

  void run() {
    make_log_full();
    for (int i = 0; i < kReaders; ++i) consumers_.push_back(&stage_.join("k"));
    stopped_ = &stage_.join("stopped");
    stopped_->reads = false;
    consumers_.push_back(stopped_);
    Stage::Client& publisher = stage_.enter();
    publish(publisher, 5, 20);
    publish(publisher, kLargeEvents, kLargeBytes);
    odd_frames();
    publish_in_pieces(publisher);
    clean_up();
    source();
    half_close(publisher);
    Stage::Client& asker = stage_.enter();
    stage_.say(asker, encode(StatusQuery{}));
    stage_.await_end(asker, "the end after status_response");
    publisher_survived_ = publisher.open();
    stage_.say(publisher, "{\"type\":\"bye\"}\n");
    stage_.await_end(publisher, "the end after bye");
  }

  // The hub's counts, once all who read have got what is theirs, are those of the consumers.
  void account() {
    stopped_->reads = true;
    TimePoint deadline = now() + kPatience;
    while (!agrees(hub_.expect_service())) {
      if (now() >= deadline) FAIL("the consumers never get what status says was delivered");
      stage_.go_on_for(milliseconds(1));
    }
  }

 private:
  // The next line that the hub logs makes it rotate, and it opens the file again first.
  void make_log_full() {
    ::truncate(hub_.file("hub.log").c_str(), static_cast<off_t>(hub::kMaxLogBytes - 10));
    hub_.signal(SIGHUP);
  }

  void publish(Stage::Client& publisher, int count, size_t bytes) {
    std::string lines;
    for (int i = 0; i < count; ++i) lines += event_line(++published_, bytes);
    stage_.say(publisher, lines);
    stage_.flush(publisher);
  }

  void odd_frames() {
    Stage::Client& odd = stage_.enter();
    stage_.say(odd,
               "{\"type\":\"event\",\"event_type\":\"\\u0075.x\",\"payload\":[[1e400]]}\n{\"type\":\"ev\n");
    stage_.await_reply(odd, 1, "error");
    stage_.say(odd, "{\"type\":\"hello\"}\n");
    stage_.await_reply(odd, 2, "error");
    stage_.leave(odd);
    Stage::Client& wrong = stage_.enter();
    stage_.say(wrong, "GET / HTTP/1.0\n");
    stage_.await_end(wrong, "the end after a first frame that is none");
  }

  // A frame that takes the hub several reads, with others between them.
  void publish_in_pieces(Stage::Client& publisher) {
    std::string line = event_line(++published_, kLargeBytes);
    for (size_t at = 0; at < line.size(); at += line.size() / 2) {
      stage_.say(publisher, line.substr(at, line.size() / 2));
      Stage::Client& other = stage_.enter();
      stage_.flush(other);
      stage_.await_end(other, "the end after a first frame that has no place there");
    }
    stage_.flush(publisher);
  }

  // The scope's last one holds the clean-up lock, another hello waits for it.
  void clean_up() {
    Stage::Client& holder = stage_.join("c");
    stage_.say(holder, "{\"type\":\"pre_shutdown_check\",\"event_key\":\"c\"}\n");
    stage_.await_reply(holder, 2, "pre_shutdown_ack");
    Stage::Client& waiter = stage_.enter();
    stage_.say(waiter,
               "{\"type\":\"hello\",\"pid\":1,\"event_key\":\"c\",\"event_types\":[],\"version\":\"v1\"}\n");
    stage_.say(holder, "{\"type\":\"bye\"}\n");
    stage_.await_end(holder, "the end after bye");
    stage_.await_reply(waiter, 1, "hello_ack after the lock is free");
    stage_.leave(waiter);
    Stage::Client& alone = stage_.join("a", R"(,"exclusive":true)");
    Stage::Client& refused = stage_.join("a");
    bool rejected =
        !refused.replies.empty() && refused.replies[0].find("\"rejected\":true") != std::string::npos;
    if (rejected) stage_.await_end(refused, "the end after a hello that was rejected");
    stage_.leave(alone);
  }

  void source() {
    Stage::Client& source = stage_.enter();
    stage_.say(source,
               "{\"type\":\"hello\",\"pid\":2,\"event_key\":\"\",\"event_types\":[],\"version\":\"v1\","
               "\"role\":\"source\","
               "\"source\":\"clock\"}\n{\"type\":\"source_status\",\"source\":\"clock\",\"state\":"
               "\"reconnecting\"}\n");
    stage_.await_reply(source, 1, "hello_ack");
    if (source.open()) ::shutdown(source.fd.get(), SHUT_WR);
    stage_.await_end(source, "the end after EOF");
  }

  // A consumer that goes on receiving after EOF, and then goes with something unread.
  void half_close(Stage::Client& publisher) {
    Stage::Client& half = stage_.join("half");
    if (half.open()) ::shutdown(half.fd.get(), SHUT_WR);
    publish(publisher, 1, 20);
    // A publisher that was cut off has perhaps not been heard.
    if (publisher.open()) {
      stage_.await(
          half, [](const Stage::Client& c) { return c.events >= 1; }, "an event after a half-close");
    }
    half.reads = false;
    publish(publisher, 1, 20);
    stage_.leave(half);
  }

  bool agrees(const StatusResponse& status) {
    bool all = true;
    for (Stage::Client* client : consumers_) {
      if (!client->open()) continue;
      auto row = std::find_if(status.consumers.begin(), status.consumers.end(),
                              [client](const auto& each) { return each.pid == client->pid; });
      // Not there: it was closed, and its EOF is on its way.
      if (row == status.consumers.end() || row->queued != 0 || row->delivered > client->events) {
        all = false;
        continue;
      }
      INFO("consumer " << client->pid << ": received " << row->received << ", delivered " << row->delivered
                       << ", dropped " << row->dropped << "; it got " << client->events << " and lost "
                       << client->lost << " of " << published_);
      if (row->received != row->delivered + row->dropped || client->events != row->delivered ||
          client->lost != row->dropped || client->last_seq != row->received)
        FAIL("the accounts do not agree");
      // All that a source said on a connection that stayed was for everybody.
      if (publisher_survived_ && row->received != published_) FAIL("events are missing");
    }
    return all;
  }

  FaultyHub& hub_;
  Stage stage_;
  std::vector<Stage::Client*> consumers_;
  Stage::Client* stopped_ = nullptr;
  uint64_t published_ = 0;
  bool publisher_survived_ = false;
};

}  // namespace

void play(FaultyHub& hub, const Fault& fault) {
  if (!hub.running()) hub.start_well();
  hub.arm(fault);
  Play play(hub);
  play.run();
  bool survived = hub.survived();
  if (hub.calls(FAULT_epoll_wait) > kMostTurns || hub.empty_turns() > kMostEmptyTurns)
    FAIL("the hub spins: " << hub.calls(FAULT_epoll_wait) << " turns, " << hub.empty_turns()
                           << " of nothing in a row");
  if (survived) play.account();
}

void storm(FaultyHub& hub, const Fault& fault) {
  // A window for what must not happen: so many turns in so short a time are none of anybody's.
  constexpr Duration kWindow = milliseconds(30);
  constexpr uint64_t kMostTurnsInWindow = 1000;
  if (!hub.running()) hub.start_well();
  Stage stage(hub.socket());
  for (int i = 0; i < kReaders; ++i) stage.join("k");
  Stage::Client& publisher = stage.enter();
  stage.flush(publisher);
  hub.arm(fault);
  ::truncate(hub.file("hub.log").c_str(), static_cast<off_t>(hub::kMaxLogBytes - 10));
  hub.signal(SIGHUP);
  std::string lines = event_line(1, 20);
  for (uint64_t n = 2; n < 10; ++n) lines += event_line(n, kLargeBytes);
  stage.say(publisher, lines);
  for (int i = 0; i < 3; ++i) {
    stage.say(stage.enter(),
              "{\"type\":\"hello\",\"pid\":1,\"event_key\":\"new\",\"event_types\":[\"t.*\"]}\n");
  }
  stage.go_on_for(kWindow);
  if (hub.calls(FAULT_epoll_wait) > kMostTurnsInWindow || hub.empty_turns() > kMostEmptyTurns)
    FAIL("the hub spins: " << hub.calls(FAULT_epoll_wait) << " turns, " << hub.empty_turns()
                           << " of nothing in a row");
  hub.disarm();
}

void flood(FaultyHub& hub) {
  constexpr int kMegabytes = 20;
  Stage stage(hub.socket());
  for (int i = 0; i < kReaders; ++i) stage.join("k").reads = i % 2 == 0;
  Stage::Client& publisher = stage.enter();
  uint64_t n = 0;
  for (int i = 0; i < kMegabytes && publisher.open(); ++i) {
    std::string lines;
    while (lines.size() < 1'000'000) lines += event_line(++n, kLargeBytes);
    stage.say(publisher, lines);
    stage.flush(publisher);
  }
}

void stop_under(FaultyHub& hub, const Fault& fault) {
  hub.start_well();
  Stage stage(hub.socket());
  stage.join("k");
  Stage::Client& publisher = stage.enter();
  stage.say(publisher, event_line(1, kLargeBytes));
  stage.flush(publisher);
  hub.arm(fault);
  Stage::Client& stopper = stage.enter();
  stage.say(stopper, encode(Shutdown{}));
  stage.await_end(stopper, "the end after shutdown");
  // If its frame was not heard. If it was, this changes nothing.
  hub.signal(SIGTERM);
  for (Stage::Client& client : stage.clients()) stage.await_end(client, "the end of a hub that stops");
}

}  // namespace bus::test
