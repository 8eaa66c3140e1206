// The hub is killed, again and again, under load: consumers learn of the break, come back to the next hub,
// and miss nothing but what was in flight.
//
// A publishing process and two consumers, all through the SDK, which starts each hub on demand. The hub is
// killed when a consumer has seen a random number of events; nothing here goes by the clock.
//
// What may be missing, by PROTOCOL.md 5 and 6 and consumer.h:
//   - what was in flight: published, and not confirmed by the hub when it was killed. Of this the source had
//     written some (busd_source_unconfirmed); the rest it gives to the next hub at once, which is perhaps
//     there before the consumers are;
//   - what stood in the hub's own queue of a consumer. In the calm test there is nothing: never more is on
//     its way than a socket takes. In the flood it is what the hub has not counted as delivered.
// So in the calm test, what a flush has confirmed is received by everybody: a hub confirms what it has handed
// to the consumers' sockets.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <poll.h>
#include <random>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "protocol/base/strings.h"
#include "tests/integration/sdk_support.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/slow.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr int kCalmKills = kSlowBuild ? 30 : 140;
constexpr int kFloodKills = kSlowBuild ? 10 : 60;

// What is on its way to a consumer in the calm test: a socket takes twice as many even with 4 KiB each.
constexpr uint32_t kMostInFlight = 64;
// $BUSD_TEST_SEED repeats a run, as far as the machine lets it.
uint64_t seed_of_run() {
  const char* given = std::getenv("BUSD_TEST_SEED");
  uint64_t seed = given != nullptr ? parse_u64(given).value_or(0) : std::random_device{}();
  std::printf("BUSD_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

// ---- the publishing process

struct Round {
  uint32_t burst = 0;    // events before each flush
  bool endless = false;  // bursts until the hub breaks or `stop` is set; else one burst
};

struct Report {
  uint64_t published = 0;  // so far, in all rounds: the number of the last event
  uint64_t confirmed = 0;  // the number of the last event that a flush covered
  uint64_t in_doubt = 0;   // behind `confirmed`: written, fate unknown; 0 when no break was reported
  bool failed = false;     // the SDK answered something that it may not
};

struct SharedWithPublisher {
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> confirmed{0};  // at any time no more than what some hub has confirmed
};

// Event `number` of a test whose events are so large, in steps of `step` bytes.
std::string payload_of(uint64_t number, uint64_t step) {
  // 4 KiB now and then, so that frames are cut anywhere.
  return R"({"n":)" + std::to_string(number) + R"(,"pad":")" +
         std::string(number % 97 == 0 ? 4000 : number % 13 * step, 'p') + "\"}";
}

// Asserts nothing: it is another process.
class Publisher {
 public:
  Publisher(const std::string& socket, uint64_t step, SharedWithPublisher& shared, int orders, int reports)
      : shared_(shared), orders_(orders), reports_(reports), socket_(socket), step_(step) {}

  int run() {
    auto source = busd::Source::open({.socket = socket_, .hub_program = busd_program()});
    if (!source) return 1;
    Round round;
    while (::read(orders_, &round, sizeof round) == sizeof round) {
      Report report = play(*source, round);
      if (::write(reports_, &report, sizeof report) != sizeof report || report.failed) return 1;
    }
    return source->close() ? 0 : 1;
  }

 private:
  Report play(busd::Source& source, const Round& round) {
    do {
      for (uint32_t i = 0; i < round.burst; ++i) {
        busd::Published done = source.publish("t", payload_of(++published_, step_));
        if (!done) return broken(source, done.error());
      }
      busd::Expected<void> done = source.flush(kItemPatience);
      if (!done) return broken(source, done.error());
      confirmed_ = published_;
      shared_.confirmed = confirmed_;
    } while (round.endless && !shared_.stop);
    return {published_, confirmed_, 0, false};
  }
  Report broken(busd::Source& source, const busd::Error& error) const {
    if (error.result != BUSD_LOST) std::fprintf(stderr, "publisher: %s\n", error.message.c_str());
    return {published_, confirmed_, source.unconfirmed(), error.result != BUSD_LOST};
  }

  SharedWithPublisher& shared_;
  int orders_;
  int reports_;
  std::string socket_;
  uint64_t step_;
  uint64_t published_ = 0;
  uint64_t confirmed_ = 0;
};

// The process, as the test sees it.
class PublisherProcess {
 public:
  PublisherProcess(const std::string& socket, uint64_t step) {
    void* memory = ::mmap(nullptr, sizeof(SharedWithPublisher), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    shared_ = new (memory) SharedWithPublisher;
    int orders[2];
    int reports[2];
    REQUIRE(::pipe2(orders, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(reports, O_CLOEXEC) == 0);
    orders_.reset(orders[1]);
    reports_.reset(reports[0]);
    Fd their_orders(orders[0]);
    Fd their_reports(reports[1]);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      orders_.reset();
      reports_.reset();
      ::_exit(Publisher(socket, step, *shared_, their_orders.get(), their_reports.get()).run());
    }
  }
  ~PublisherProcess() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::munmap(shared_, sizeof *shared_);
  }
  PublisherProcess(const PublisherProcess&) = delete;
  PublisherProcess& operator=(const PublisherProcess&) = delete;

  SharedWithPublisher& shared() { return *shared_; }
  int reports() const { return reports_.get(); }
  void order(const Round& round) { REQUIRE(::write(orders_.get(), &round, sizeof round) == sizeof round); }
  Report read_report() {
    pollfd waiting{reports_.get(), POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, static_cast<int>(to_ms(kPatience))) == 1);
    Report report;
    REQUIRE(::read(reports_.get(), &report, sizeof report) == sizeof report);
    REQUIRE_FALSE(report.failed);
    return report;
  }
  // No more orders: it flushes, says bye and ends.
  void finish() {
    orders_.reset();
    int status = 0;
    REQUIRE(::waitpid(std::exchange(pid_, -1), &status, 0) > 0);
    CHECK(status == 0);
  }

 private:
  SharedWithPublisher* shared_ = nullptr;
  Fd orders_;
  Fd reports_;
  pid_t pid_ = -1;
};

// ---- the consumers

// A consumer that writes down what became of each event.
class Watcher {
 public:
  Watcher(const std::string& socket, const std::string& key, uint64_t step)
      : step_(step),
        consumer_(open_consumer({.key = key,
                                 .event_types = {"t"},
                                 .socket = socket,
                                 .reconnect_max = std::chrono::milliseconds(200),
                                 .hub_program = busd_program()})) {}

  // Takes what there is, `most` items at most; returns how many.
  size_t take(size_t most = SIZE_MAX) {
    size_t taken = 0;
    for (; taken < most; ++taken) {
      auto item = consumer_.next(std::chrono::milliseconds(0));
      if (!item) {
        if (item.error().result != BUSD_TIMED_OUT) FAIL("a consumer ended: " << item.error().message);
        break;
      }
      note(*item);
    }
    return taken;
  }
  pollfd waits_for() const { return {consumer_.fd(), consumer_.events(), 0}; }
  std::optional<std::chrono::milliseconds> deadline() const { return consumer_.deadline(); }

  uint64_t last() const { return last_; }
  uint64_t seen() const { return seen_; }
  uint64_t seen_of_former_hub() const { return seen_of_former_; }
  uint64_t reported() const { return reported_; }
  int breaks() const { return breaks_; }
  int resets() const { return resets_; }
  bool got(uint64_t number) const { return number < got_.size() && got_[number]; }

 private:
  void note(const busd::Item& item) {
    if (item.is_break()) {
      REQUIRE(++breaks_ == resets_ + 1);
      return;
    }
    if (item.is_reset()) {
      REQUIRE(++resets_ == breaks_);
      seq_ = 0;
      lost_ = 0;
      seen_of_former_ = std::exchange(seen_of_this_, 0);
      return;
    }
    if (item.is_lost()) {
      lost_ += item.lost().count;
      reported_ += item.lost().count;
      return;
    }
    if (item.is_event()) note_event(item.event());
  }
  void note_event(const busd::Event& event) {
    auto number = parse_u64(event.payload().substr(5, event.payload().find(',') - 5));
    REQUIRE(number);
    // Whole, in order, and none twice, in all the hubs' lives together.
    REQUIRE(event.payload() == payload_of(*number, step_));
    REQUIRE(*number > last_);
    // Numbers and seqs step together, and a step of more than one was reported before.
    if (seq_ > 0) {
      REQUIRE(*number - last_ == event.seq() - seq_);
      REQUIRE(event.seq() - seq_ == lost_ + 1);
    } else {
      REQUIRE(event.seq() == lost_ + 1);
    }
    seq_ = event.seq();
    last_ = *number;
    lost_ = 0;
    ++seen_;
    ++seen_of_this_;
    if (got_.size() <= last_) got_.resize(2 * last_ + 1);
    got_[last_] = true;
  }

  uint64_t step_;
  busd::Consumer consumer_;
  uint64_t last_ = 0;      // number of the last event
  uint64_t seq_ = 0;       // its seq on this connection; 0: none yet
  uint64_t lost_ = 0;      // reported since
  uint64_t reported_ = 0;  // lost and reported, in all
  uint64_t seen_ = 0;
  uint64_t seen_of_this_ = 0;  // hub
  uint64_t seen_of_former_ = 0;
  int breaks_ = 0;
  int resets_ = 0;
  std::vector<bool> got_;
};

// ---- both together

// Hubs that clients start become children of this process, which can then wait for their end.
class Subreaper {
 public:
  Subreaper() { REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0); }
  ~Subreaper() {
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
  Subreaper(const Subreaper&) = delete;
  Subreaper& operator=(const Subreaper&) = delete;
};

class KillTest {
 public:
  KillTest(uint64_t seed, uint64_t step) : random_(seed), publisher_(socket_, step) {
    for (const char* key : {"one", "two"}) watchers_.emplace_back(socket_, key, step);
  }
  ~KillTest() { CHECK(busd::hub_stop({.socket = socket_}, kItemPatience, true)); }
  KillTest(const KillTest&) = delete;
  KillTest& operator=(const KillTest&) = delete;

  uint64_t pick(uint64_t from, uint64_t to) {
    return std::uniform_int_distribution<uint64_t>(from, to)(random_);
  }
  Watcher& one() { return watchers_[0]; }
  Watcher& two() { return watchers_[1]; }
  PublisherProcess& publisher() { return publisher_; }

  // Waits for something to take, or for the publisher's report.
  void wait() { wait_for(watchers_.size()); }
  void wait_for_one() { wait_for(1); }
  bool reported() const {
    pollfd waiting{publisher_.reports(), POLLIN, 0};
    return ::poll(&waiting, 1, 0) == 1;
  }

  // Kills the hub, and goes on until both consumers are with the next one. What the publisher had of it ends,
  // too.
  void kill() {
    auto hub = static_cast<pid_t>(hub_);
    uint64_t confirmed = publisher_.shared().confirmed;
    REQUIRE(::kill(hub, SIGKILL) == 0);
    publisher_.shared().stop = true;
    int status = 0;
    REQUIRE(::waitpid(hub, &status, 0) == hub);
    REQUIRE(WIFSIGNALED(status));
    ++kills_;
    auto all_back = [this] {
      return std::all_of(watchers_.begin(), watchers_.end(),
                         [this](const Watcher& watcher) { return watcher.resets() == kills_; });
    };
    // The publisher may be the one who starts the next hub, or who waits for it: it is not waited for first.
    bool heard = false;
    for (TimePoint deadline = now() + kPatience; !all_back() || !heard;) {
      for (Watcher& watcher : watchers_) watcher.take();
      if (now() >= deadline) FAIL("not all are back: " << one().resets() << " " << two().resets());
      // A report that is known is read at the end, and wakes nobody until then.
      heard = heard || reported();
      if (!all_back() || !heard) wait_for(watchers_.size(), heard ? -1 : publisher_.reports());
    }
    Report report = publisher_.read_report();
    publisher_.shared().stop = false;
    // When a break was reported, what was confirmed at its time was so by the hub that is dead now.
    in_flight_.emplace_back(report.in_doubt > 0 ? report.confirmed : confirmed, report.published);
    REQUIRE(report.confirmed >= confirmed);
    REQUIRE(report.confirmed + report.in_doubt <= report.published);
  }
  // Ends the publisher's round, and waits until the hub has nothing more to do while the consumers do not
  // read. Returns how many events it has delivered to each by then.
  std::map<std::string, uint64_t> settle() {
    publisher_.shared().stop = true;
    wait_for(0);
    std::map<std::string, uint64_t> delivered;
    for (TimePoint deadline = now() + kPatience;;) {
      std::map<std::string, uint64_t> before = std::exchange(delivered, {});
      for (const auto& each : query_status(socket_).consumers) {
        CHECK(each.received == each.delivered + each.queued + each.dropped);
        delivered[each.event_key] = each.delivered;
      }
      if (delivered == before) return delivered;
      REQUIRE(now() < deadline);
    }
  }
  void find_hub() { hub_ = query_status(socket_).pid; }

  // A last round in peace: what the source had kept arrives, and all that must have arrived has.
  uint64_t finish() {
    publisher_.order({1, false});
    Report last = publisher_.read_report();
    REQUIRE(last.confirmed == last.published);
    for (Watcher& watcher : watchers_) {
      for (TimePoint deadline = now() + kPatience; watcher.last() < last.published;) {
        if (watcher.take() == 0) wait();
        REQUIRE(now() < deadline);
      }
      CHECK(watcher.breaks() == kills_);
    }
    publisher_.finish();
    return last.published;
  }

  bool in_flight(uint64_t number) const {
    return std::any_of(in_flight_.begin(), in_flight_.end(), [number](const auto& range) {
      return range.first < number && number <= range.second;
    });
  }
  // The events that the consumer has not seen, and that were not in flight.
  std::vector<uint64_t> missing(const Watcher& watcher, uint64_t published) const {
    std::vector<uint64_t> out;
    for (uint64_t n = 1; n <= published; ++n) {
      if (!watcher.got(n) && !in_flight(n)) out.push_back(n);
    }
    return out;
  }
  void expect_none_missing(const Watcher& watcher, uint64_t published) const {
    std::vector<uint64_t> numbers = missing(watcher, published);
    if (numbers.empty()) return;
    INFO(numbers.size() << " events are missing, between " << numbers.front() << " and " << numbers.back());
    CHECK(numbers.empty());
  }
  void print(const char* name, uint64_t published) const {
    uint64_t flying = 0;
    for (uint64_t n = 1; n <= published; ++n) flying += in_flight(n) ? 1U : 0U;
    std::printf("%s: %d kills, %llu events published, %llu in flight at a kill", name, kills_,
                static_cast<unsigned long long>(published), static_cast<unsigned long long>(flying));
    for (const Watcher& watcher : watchers_) {
      std::printf("; received %llu, reported lost %llu", static_cast<unsigned long long>(watcher.seen()),
                  static_cast<unsigned long long>(watcher.reported()));
    }
    std::printf("\n");
  }

 private:
  void wait_for(size_t watchers) { wait_for(watchers, publisher_.reports()); }
  void wait_for(size_t watchers, int reports) {
    std::vector<pollfd> waiting = {{reports, POLLIN, 0}};
    auto patience = std::chrono::milliseconds(to_ms(kPatience));
    auto left = patience;
    for (size_t i = 0; i < watchers; ++i) {
      waiting.push_back(watchers_[i].waits_for());
      left = std::min(left, watchers_[i].deadline().value_or(left));
    }
    int ready = ::poll(waiting.data(), waiting.size(), static_cast<int>(left.count()) + 1);
    if (ready == 0 && left == patience) FAIL("nothing arrives any more");
  }

  Subreaper reaper_;
  TempDir directory_;
  std::string socket_ = directory_.file("bus.sock");
  std::mt19937_64 random_;
  PublisherProcess publisher_;
  std::vector<Watcher> watchers_;
  int64_t hub_ = 0;
  int kills_ = 0;
  std::vector<std::pair<uint64_t, uint64_t>> in_flight_;  // behind the first, up to the second
};

}  // namespace

TEST_CASE("Of what a killed hub had confirmed, consumers that read miss nothing", "[calm]") {
  KillTest test(seed_of_run(), 20);
  for (int kill = 0; kill < kCalmKills; ++kill) {
    test.find_hub();
    uint64_t fatal = test.one().seen() + test.pick(1, 300);
    for (bool killed = false; !killed;) {
      test.publisher().order({static_cast<uint32_t>(test.pick(1, kMostInFlight)), false});
      // Until the burst is confirmed and has arrived at both, or the hub's time has come.
      for (std::optional<Report> report; !killed;) {
        size_t taken = test.two().take(3) + test.one().take(1);
        killed = test.one().seen() >= fatal;
        if (killed) {
          // Whether the report was taken makes no difference to it: it then has nothing new.
          if (report) test.publisher().order({0, false});
          test.kill();
          break;
        }
        if (!report && test.reported()) report = test.publisher().read_report();
        if (report && test.one().last() >= report->published && test.two().last() >= report->published) break;
        if (taken == 0) test.wait();
      }
    }
  }
  uint64_t published = test.finish();
  test.print("calm", published);
  test.expect_none_missing(test.one(), published);
  test.expect_none_missing(test.two(), published);
  CHECK(test.one().reported() == 0);
  CHECK(test.two().reported() == 0);
}

TEST_CASE("What a hub had delivered when it was killed is received, and what it dropped before is told",
          "[flood]") {
  KillTest test(seed_of_run(), 400);
  for (int kill = 0; kill < kFloodKills; ++kill) {
    test.find_hub();
    uint64_t born = test.one().seen();
    uint64_t fatal = born + test.pick(1, 4000);
    test.publisher().order({static_cast<uint32_t>(test.pick(1, 1000)), true});
    while (test.one().seen() < fatal) {
      // The second takes one of fifty: its queue in the hub fills, and drops.
      if (test.one().take(50) == 0) test.wait_for_one();
      if ((test.one().seen() - born) % 50 == 0) test.two().take(1);
    }
    // Half of them die in the middle of the flood, where each gap must be told, and no event comes twice or
    // late; the others when all is counted.
    if (kill % 2 == 0) {
      test.kill();
      continue;
    }
    std::map<std::string, uint64_t> delivered = test.settle();
    test.kill();
    CHECK(test.one().seen_of_former_hub() == delivered["one"]);
    CHECK(test.two().seen_of_former_hub() == delivered["two"]);
  }
  test.print("flood", test.finish());
}
