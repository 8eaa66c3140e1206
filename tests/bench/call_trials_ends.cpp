// Trials of how calls end: killed, stopped and cancel of call_trials.h.
#include <algorithm>
#include <csignal>
#include <optional>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/base/strings.h"
#include "tests/bench/busd_calls.h"
#include "tests/bench/call_client.h"
#include "tests/bench/call_trials.h"
#include "tests/bench/text_table.h"

namespace bus::bench {

namespace {

constexpr std::string_view kTask = "bench.task";

Error unexpected(std::string_view line) { return {Errc::protocol, "unexpected: " + printable(line)}; }

// A process that holds the connections that are open, and does nothing with them. Killed and reaped when this dies.
class Holder {
 public:
  Holder() : pid_(::fork()) {
    if (pid_ != 0) return;
    for (;;) ::pause();
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() { kill(); }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_;
};

// ---- killed

// How long after the death the last of `calls` answers came.
Result<Duration> kill_once(TrialHub& hub, size_t calls) {
  std::optional<Holder> holder;
  {
    BUSD_ASSIGN(CallClient provider, CallClient::connect(hub.contender));
    BUSD_TRY(provider.provide(kTask, calls));
    holder.emplace();
  }
  BUSD_ASSIGN(CallClient caller, CallClient::connect(hub.contender));
  std::string requests;
  for (size_t i = 0; i < calls; ++i) requests += request_line(i, kTask, R"({"a":1,"b":[true,null]})");
  BUSD_TRY(caller.send(requests));
  BUSD_TRY(caller.sync());
  std::vector<char> answered(calls, 0);
  TimePoint death = now();
  holder->kill();
  TimePoint last;
  for (size_t count = 0; count < calls; ++count) {
    BUSD_ASSIGN(std::string line, caller.line());
    last = now();
    auto id = id_in(line);
    bool right = id.has_value() && *id < calls && answered[*id] == 0 &&
                 line.find(R"("code":"provider_gone")") != line.npos;
    if (!right) return unexpected(line);
    answered[*id] = 1;
  }
  BUSD_TRY(caller.sync());
  return last - death;
}

// ---- stopped

struct Stopped {
  std::vector<Duration> latencies;  // of those that were answered
  size_t late = 0;
};

// A caller, and 8 providers that answer at once, but for the last one, which reads nothing while it is stopped.
class Eight {
 public:
  static constexpr size_t kSlots = 16;

  static Result<Eight> connect(Contender& contender) {
    BUSD_ASSIGN(CallClient caller, CallClient::connect(contender));
    Eight eight(std::move(caller));
    for (size_t i = 0; i < 8; ++i) {
      BUSD_ASSIGN(CallClient provider, CallClient::connect(contender));
      BUSD_TRY(provider.provide(kTask, kSlots));
      eight.providers_.push_back(std::move(provider));
    }
    return eight;
  }

  // `calls`, of which `window` are open; a call that is not answered within 300 ms is late.
  Result<Stopped> run(size_t calls, size_t window, bool stopped) {
    constexpr std::string_view kTimeout = R"(,"timeout_ms":300)";
    Stopped out;
    std::vector<TimePoint> sent(calls);
    size_t next = 0;
    size_t reading = providers_.size() - (stopped ? 1 : 0);
    for (size_t ended = 0; ended < calls;) {
      std::string requests;
      for (; next < calls && next - ended < window; ++next) {
        requests += request_line(first_ + next, kTask, R"({"a":1})", kTimeout);
        sent[next] = now();
      }
      BUSD_TRY(caller_.send(requests));
      std::vector<int> fds = {caller_.fd()};
      for (size_t i = 0; i < reading; ++i) fds.push_back(providers_[i].fd());
      BUSD_TRY(wait_readable(fds, seconds(5)));
      for (size_t i = 0; i < reading; ++i) BUSD_TRY(answer(providers_[i]));
      Result<void> right;
      BUSD_TRY(caller_.lines_there([&](std::string_view line) {
        auto id = id_in(line);
        if (!id || *id < first_ || *id - first_ >= next) {
          right = unexpected(line);
        } else if (line.find(R"("code":"timeout")") != line.npos) {
          ++out.late;
        } else {
          out.latencies.push_back(now() - sent[*id - first_]);
        }
        ++ended;
      }));
      BUSD_TRY(std::move(right));
    }
    first_ += calls;
    // What the stopped one finds when it goes on has ended.
    BUSD_TRY(answer(providers_.back()));
    for (CallClient& each : providers_) BUSD_TRY(each.sync());
    return out;
  }

 private:
  explicit Eight(CallClient caller) : caller_(std::move(caller)) {}

  static Result<void> answer(CallClient& provider) {
    std::string answers;
    BUSD_TRY(provider.lines_there([&](std::string_view line) {
      if (!line.starts_with(R"({"type":"request")")) return;
      answers.append(R"({"type":"response","id":")").append(id_text_in(line)).append("\",\"result\":1}\n");
    }));
    return provider.send(answers);
  }

  CallClient caller_;
  std::vector<CallClient> providers_;
  uint64_t first_ = 0;
};

// ---- cancel

// One caller and one provider, and how long things take between them.
struct Pair {
  CallClient caller;
  CallClient provider;
  uint64_t next = 0;

  // Sends a request, and waits until the provider has it. Its id there.
  Result<std::string> give(std::string_view more = {}) {
    BUSD_TRY(caller.send(request_line(++next, kTask, R"({"a":1})", more)));
    BUSD_ASSIGN(std::string line, provider.line());
    if (!line.starts_with(R"({"type":"request")")) return unexpected(line);
    return std::string(id_text_in(line));
  }
  Result<Duration> round_trip() {
    TimePoint begin = now();
    BUSD_ASSIGN(std::string id, give());
    BUSD_TRY(provider.send(R"({"type":"response","id":")" + id + "\",\"result\":1}\n"));
    BUSD_ASSIGN(std::string line, caller.line());
    return now() - begin;
  }
  Result<Duration> cancel() {
    BUSD_ASSIGN(std::string id, give());
    TimePoint begin = now();
    BUSD_TRY(caller.send(R"({"type":"cancel","id":")" + std::to_string(next) + "\"}\n"));
    BUSD_ASSIGN(std::string line, provider.line());
    TimePoint end = now();
    if (!line.starts_with(R"({"type":"cancel","id":")" + id)) return unexpected(line);
    BUSD_ASSIGN(std::string answer, caller.line());
    return end - begin;
  }
  // From the deadline, which began when the request was sent.
  Result<Duration> expiry() {
    constexpr int kTimeoutMs = 5;
    TimePoint begin = now();
    BUSD_ASSIGN(std::string id, give(R"(,"timeout_ms":)" + std::to_string(kTimeoutMs)));
    BUSD_ASSIGN(std::string line, provider.line());
    TimePoint end = now();
    if (line.find(R"("reason":"timeout")") == line.npos) return unexpected(line);
    BUSD_ASSIGN(std::string answer, caller.line());
    return end - begin - milliseconds(kTimeoutMs);
  }
};

// Calls that nobody answers, as many as slots at a time. Whether the provider is given calls as before afterwards.
Result<void> time_out(Pair& pair, size_t calls) {
  constexpr size_t kWindow = 1000;
  uint64_t sent = pair.next;
  const uint64_t first = pair.next;
  for (size_t ended = 0; ended < calls;) {
    std::string requests;
    while (sent - first < calls && sent - first - ended < kWindow)
      requests += request_line(++sent, kTask, "1", R"(,"timeout_ms":1)");
    BUSD_TRY(pair.caller.send(requests));
    BUSD_TRY(wait_readable({pair.caller.fd(), pair.provider.fd()}, seconds(5)));
    Result<void> right;
    BUSD_TRY(pair.provider.lines_there([](std::string_view) {}));
    BUSD_TRY(pair.caller.lines_there([&](std::string_view line) {
      ++ended;
      if (line.find(R"("code":"timeout")") == line.npos) right = unexpected(line);
    }));
    BUSD_TRY(std::move(right));
  }
  pair.next = sent;
  BUSD_TRY(pair.provider.sync());
  BUSD_TRY(pair.provider.lines_there([](std::string_view) {}));
  BUSD_ASSIGN(std::string tasks, pair.caller.ask("bus.tasks"));
  if (tasks.find(R"("open":0)") == tasks.npos) return unexpected(tasks);
  BUSD_ASSIGN(Duration unused, pair.round_trip());
  return {};
}

template <class Measure>
Result<std::vector<Duration>> repeat(size_t times, Measure measure) {
  std::vector<Duration> all;
  for (size_t i = 0; i < times; ++i) {
    BUSD_ASSIGN(Duration took, measure());
    all.push_back(took);
  }
  return all;
}

}  // namespace

Result<Findings> trial_killed(TrialHub& hub) {
  constexpr size_t kCalls = 1000;
  BUSD_ASSIGN(std::vector<Duration> all, repeat(hub.quick ? 1 : 11, [&] { return kill_once(hub, kCalls); }));
  Duration median = quantile_of(all, 0.5);
  return Findings{
      {"1000 calls open, provider killed: last of the 1000 answers after its death, median (worst)",
       time_text(median) + " (" + time_text(all.back()) + ")"}};
}

Result<Findings> trial_stopped(TrialHub& hub) {
  constexpr size_t kCalls = 800;
  constexpr size_t kWindow = 48;
  BUSD_ASSIGN(Eight eight, Eight::connect(hub.contender));
  std::vector<Duration> before;
  std::vector<Duration> beside;
  size_t late_before = 0;
  size_t most_late = 0;
  for (size_t round = 0; round < (hub.quick ? 1 : 15); ++round) {
    BUSD_ASSIGN(Stopped all, eight.run(kCalls, kWindow, false));
    late_before = std::max(late_before, all.late);
    before.push_back(quantile_of(all.latencies, 0.99));
    // Those that the stopped one has are open beside the others.
    BUSD_ASSIGN(Stopped without, eight.run(kCalls, kWindow + Eight::kSlots, true));
    beside.push_back(quantile_of(without.latencies, 0.99));
    most_late = std::max(most_late, without.late);
  }
  Duration p99_before = quantile_of(before, 0.5);
  Duration p99_beside = quantile_of(beside, 0.5);
  return Findings{
      {"1 of 8 providers stopped, 16 slots each: late of 800 calls, at most (with all at work)",
       std::to_string(most_late) + " (" + std::to_string(late_before) + ")"},
      {"p99 of the others, with and without the stopped one",
       time_text(p99_beside) + " ÷ " + time_text(p99_before) + " = " +
           ratio(static_cast<double>(p99_beside.count()), static_cast<double>(p99_before.count()))}};
}

Result<Findings> trial_cancel(TrialHub& hub) {
  BUSD_ASSIGN(CallClient caller, CallClient::connect(hub.contender));
  BUSD_ASSIGN(CallClient provider, CallClient::connect(hub.contender));
  BUSD_TRY(provider.provide(kTask, 1024));
  Pair pair{std::move(caller), std::move(provider)};
  std::vector<Duration> trips;
  std::vector<Duration> cancels;
  for (size_t i = 0; i < (hub.quick ? 20 : 3000); ++i) {
    BUSD_ASSIGN(Duration trip, pair.round_trip());
    trips.push_back(trip);
    BUSD_ASSIGN(Duration cancel, pair.cancel());
    cancels.push_back(cancel);
  }
  BUSD_ASSIGN(std::vector<Duration> expiries, repeat(hub.quick ? 3 : 200, [&] { return pair.expiry(); }));
  const size_t calls = hub.quick ? 3000 : 1'000'000;
  BUSD_TRY(time_out(pair, calls));
  Duration trip = quantile_of(trips, 0.5);
  Duration cancel = quantile_of(cancels, 0.5);
  return Findings{
      {"p50 of a cancel until its provider has it, and of a round trip",
       time_text(cancel) + " ÷ " + time_text(trip) + " = " +
           ratio(static_cast<double>(cancel.count()), static_cast<double>(trip.count()))},
      {"p50 from a deadline until its provider has the cancel", time_text(quantile_of(expiries, 0.5))},
      {"slots that are taken after " + std::to_string(calls) + " calls that timed out", "0"}};
}

}  // namespace bus::bench
