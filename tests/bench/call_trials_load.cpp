// Trials of many calls at once: open and beside of call_trials.h.
#include <array>
#include <sys/socket.h>

#include "protocol/base/strings.h"
#include "tests/bench/call_client.h"
#include "tests/bench/call_trials.h"
#include "tests/bench/payload.h"
#include "tests/bench/text_table.h"

namespace bus::bench {

namespace {

constexpr std::string_view kTask = "bench.task";

// ---- open

struct Memory {
  double resident = 0;  // bytes
  double counted = 0;   // of the pool of calls
};

double number_behind(std::string_view text, std::string_view mark) {
  size_t at = text.find(mark);
  if (at == std::string_view::npos) return 0;
  text.remove_prefix(at + mark.size());
  return static_cast<double>(parse_u64(text.substr(0, text.find_first_of(",}"))).value_or(0));
}

Result<Memory> memory_of(CallClient& client) {
  BUSD_ASSIGN(std::string status, client.ask("bus.status"));
  return Memory{number_behind(status, R"("resident_bytes":)"),
                number_behind(status, R"({"pool":"calls","used_bytes":)")};
}

struct OpenCalls {
  std::vector<CallClient> callers;
  std::vector<CallClient> providers;
};

constexpr size_t kParties = 10;
constexpr size_t kCallsEach = 1000;

Result<OpenCalls> connect_parties(Contender& contender) {
  OpenCalls open;
  for (size_t i = 0; i < kParties; ++i) {
    BUSD_ASSIGN(CallClient caller, CallClient::connect(contender));
    BUSD_ASSIGN(CallClient provider, CallClient::connect(contender));
    BUSD_TRY(provider.provide(kTask, kCallsEach));
    open.callers.push_back(std::move(caller));
    open.providers.push_back(std::move(provider));
  }
  return open;
}

// What each of 10 000 more calls takes that nobody answers.
Result<Finding> open_calls(TrialHub& hub, OpenCalls& parties, std::string_view args) {
  BUSD_ASSIGN(CallClient asker, CallClient::connect(hub.contender));
  BUSD_ASSIGN(Memory before, memory_of(asker));
  for (CallClient& caller : parties.callers) {
    std::string requests;
    for (size_t i = 0; i < kCallsEach; ++i) requests += request_line(i, kTask, args);
    BUSD_TRY(caller.send(requests));
    BUSD_TRY(caller.sync());
  }
  BUSD_ASSIGN(Memory after, memory_of(asker));
  constexpr double kCalls = kParties * kCallsEach;
  return Finding{"bytes of memory for each of 10 000 open calls, arguments of " +
                     std::to_string(args.size()) + " B: resident (counted)",
                 figure((after.resident - before.resident) / kCalls) + " (" +
                     figure((after.counted - before.counted) / kCalls) + ")"};
}

// ---- beside

constexpr Duration kEventEvery = std::chrono::microseconds(100);
constexpr Duration kCallEvery = std::chrono::microseconds(20);
constexpr size_t kMaxOpen = 1000;

// One publisher and one subscriber, a caller and a provider, all driven at a fixed pace by one thread that never
// sleeps. Latencies count from when an event was due.
class Beside final : private MessageSink {
 public:
  static Result<std::unique_ptr<Beside>> connect(Contender& contender) {
    BUSD_ASSIGN(CallClient caller, CallClient::connect(contender));
    BUSD_ASSIGN(CallClient provider, CallClient::connect(contender));
    BUSD_TRY(provider.provide(kTask, 1024));
    BUSD_ASSIGN(CallClient publisher, CallClient::connect(contender));
    BUSD_ASSIGN(Fd subscriber, contender.connect_subscriber({"bench"}));
    return std::unique_ptr<Beside>(new Beside(contender, std::move(caller), std::move(provider),
                                              std::move(publisher), std::move(subscriber)));
  }

  // The latencies of all events that were due within `duration`, while calls go on or not.
  Result<std::vector<Duration>> run(Duration duration, bool with_calls) {
    begin_ = now();
    events_ = arrived_ = 0;
    latencies_.clear();
    const auto events = static_cast<size_t>(duration / kEventEvery);
    const size_t calls = with_calls ? static_cast<size_t>(duration / kCallEvery) : 0;
    const size_t called_before = called_;
    while (arrived_ < events || answered_ < called_ || called_ - called_before < calls) {
      Duration passed = now() - begin_;
      if (passed > duration + seconds(30)) return Error{Errc::timed_out, "events or replies are missing"};
      if (events_ < events && passed >= kEventEvery * events_) BUSD_TRY(publish());
      bool due = called_ - called_before < calls && passed >= kCallEvery * (called_ - called_before);
      if (due && called_ - answered_ < kMaxOpen) BUSD_TRY(call());
      BUSD_TRY(receive());
    }
    return std::move(latencies_);
  }

 private:
  Beside(Contender& contender, CallClient caller, CallClient provider, CallClient publisher, Fd subscriber)
      : contender_(contender),
        caller_(std::move(caller)),
        provider_(std::move(provider)),
        publisher_(std::move(publisher)),
        subscriber_(std::move(subscriber)),
        parser_(contender.make_parser()),
        payload_(make_payload(PayloadKind::dense, 128)) {}

  Result<void> publish() {
    ++events_;
    payload_.replace(kNumberMark.size(), kNumberDigits, number_text(events_));
    out_.clear();
    contender_.append_publication(out_, "bench", payload_, events_);
    return publisher_.send(out_);
  }
  Result<void> call() {
    std::string args = payload_;
    args.replace(kNumberMark.size(), kNumberDigits, number_text(++called_));
    return caller_.send(request_line(called_, kTask, args));
  }
  Result<void> receive() {
    std::array<char, 64 * 1024> bytes;
    ssize_t got = ::recv(subscriber_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got == 0) return Error{Errc::closed, "the hub closed the connection of the subscriber"};
    if (got > 0 && !parser_->take({bytes.data(), static_cast<size_t>(got)}, *this)) wrong_ = "no event";
    BUSD_TRY(provider_.lines_there([this](std::string_view line) {
      static_cast<void>(provider_.send(R"({"type":"response","id":")" + std::string(id_text_in(line)) +
                                       "\",\"result\":{\"ok\":true}}\n"));
    }));
    BUSD_TRY(caller_.lines_there([this](std::string_view line) {
      ++answered_;
      if (line.find(R"(,"result":{"ok":true})") == line.npos) wrong_ = line;
    }));
    if (!wrong_.empty()) return Error{Errc::protocol, "unexpected: " + printable(wrong_)};
    return {};
  }
  void message(std::string_view payload) override {
    if (number_of(payload) != ++arrived_) wrong_ = payload;
    latencies_.push_back(now() - (begin_ + kEventEvery * (arrived_ - 1)));
  }

  Contender& contender_;
  CallClient caller_;
  CallClient provider_;
  CallClient publisher_;
  Fd subscriber_;
  std::unique_ptr<Parser> parser_;
  std::string payload_;
  std::string out_;
  TimePoint begin_;
  size_t events_ = 0;
  size_t arrived_ = 0;
  size_t called_ = 0;
  size_t answered_ = 0;
  std::vector<Duration> latencies_;
  std::string wrong_;
};

}  // namespace

Result<Findings> trial_open(TrialHub& hub) {
  BUSD_ASSIGN(OpenCalls empty, connect_parties(hub.contender));
  BUSD_ASSIGN(Finding without_args, open_calls(hub, empty, "null"));
  BUSD_ASSIGN(OpenCalls more, connect_parties(hub.contender));
  BUSD_ASSIGN(Finding with_args, open_calls(hub, more, make_payload(PayloadKind::dense, 128)));
  return Findings{without_args, with_args};
}

Result<Findings> trial_beside(TrialHub& hub) {
  BUSD_ASSIGN(std::unique_ptr<Beside> beside, Beside::connect(hub.contender));
  const Duration duration = milliseconds(hub.quick ? 20 : 400);
  std::array<std::vector<Duration>, 2> p50;
  std::array<std::vector<Duration>, 2> p99;
  for (size_t round = 0; round < (hub.quick ? 1 : 7); ++round) {
    for (bool with_calls : {false, true}) {
      BUSD_ASSIGN(std::vector<Duration> latencies, beside->run(duration, with_calls));
      p50[with_calls ? 1 : 0].push_back(quantile_of(latencies, 0.5));
      p99[with_calls ? 1 : 0].push_back(quantile_of(latencies, 0.99));
    }
  }
  auto compared = [](std::array<std::vector<Duration>, 2>& times) {
    Duration alone = quantile_of(times[0], 0.5);
    Duration with = quantile_of(times[1], 0.5);
    return time_text(with) + " ÷ " + time_text(alone) + " = " +
           ratio(static_cast<double>(with.count()), static_cast<double>(alone.count()));
  };
  return Findings{
      {"p50 of 10 000 events a second, with and without 50 000 calls a second beside them", compared(p50)},
      {"p99 of the same", compared(p99)},
      {"events that were lost", "0"}};
}

}  // namespace bus::bench
